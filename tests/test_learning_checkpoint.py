"""Files of weights: exact round trips, and one clear line for everything that is not such a file."""

from __future__ import annotations

import pickle

import pytest
import torch

import manifolds
from analysis.learning import Network, Recipe, checkpoint, load_denoiser, train
from manifolds.denoisers import NoisePrior

LAW = manifolds.make("gaussian", dim=2, ambient=25)
SPECS = {
    "mlp": Network("mlp", options={"width": 8, "layers": 3}),
    "mlp conditional": Network("mlp", blind=False, options={"width": 8, "layers": 3}),
    "locally_linear": Network("locally_linear", options={"width": 8, "gates": 8, "groups": 2, "rank": 4}),
    "conv": Network("conv", options={"channels": 4, "blocks": 1, "filters": 2}),
    "noise_level": Network("noise_level", options={"groups": 2, "rank": 4, "hidden": 4}),
}


def fitted(spec: Network):
    prior = NoisePrior.power(-1.0, 0.1, 3.0)
    return train(LAW, spec, prior, stream=manifolds.stream(0), recipe=Recipe(steps=3, batch=8), progress=False)


@pytest.fixture(scope="module")
def denoiser():
    return fitted(SPECS["mlp"])


@pytest.mark.parametrize("name", sorted(SPECS))
def test_round_trip_is_exact(tmp_path, name):
    before = fitted(SPECS[name])
    before.save(tmp_path / "f.pt")
    after = load_denoiser(tmp_path / "f.pt", SPECS[name], LAW.space)
    y = LAW.add_noise(LAW.sample(10, manifolds.stream(1)), 0.5, manifolds.stream(2))
    given = () if before.blind else (0.5,)
    assert torch.equal(after(y, *given), before(y, *given))
    assert after.digest == before.digest and after.curve == before.curve and after.config == before.config
    assert after.blind == SPECS[name].blind and type(after) is type(before)


def test_the_contract_of_a_denoiser(denoiser):
    y = LAW.sample(5, manifolds.stream(0))
    assert denoiser(y).dtype == torch.float64 and denoiser(y).shape == y.shape
    with pytest.raises(ValueError, match="sigma must not be given to a blind network"):
        denoiser(y, 0.5)
    with pytest.raises(ValueError, match="sigma must be given to a conditional network"):
        fitted(SPECS["mlp conditional"])(y)
    with pytest.raises(ValueError, match="y must have shape \\(n, 25\\), got \\(5, 24\\)"):
        denoiser(y[:, 1:])
    with pytest.raises(ValueError, match="y must be finite"):
        denoiser(y * float("nan"))


def test_long_batches_are_cut_without_a_trace(denoiser):
    y = LAW.add_noise(LAW.sample(9000, manifolds.stream(3)), 1.0, manifolds.stream(4))
    assert torch.allclose(denoiser(y)[4000:4200], denoiser(y[4000:4200]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, denoiser, keep):
    path = tmp_path / "f.pt"
    denoiser.save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ValueError, match="is not a whole checkpoint of this package"):
        load_denoiser(path)


def test_nothing_in_a_file_is_executed(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = tmp_path / "f.pt"
    for content in (Trap(), {"header": Trap(), "body": Trap()}):
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(ValueError, match="is not a whole checkpoint of this package"):
            load_denoiser(path)
        torch.save(content, path)
        with pytest.raises(ValueError, match="is not a whole checkpoint of this package"):
            load_denoiser(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [{"weights": {}}, [1, 2], torch.zeros(3), {"header": {}, "body": {}}])
def test_other_torch_files_are_refused(tmp_path, content):
    torch.save(content, tmp_path / "f.pt")
    with pytest.raises(ValueError, match="is not a whole checkpoint of this package"):
        load_denoiser(tmp_path / "f.pt")


def test_wrong_network_kind_dimension_and_absence_are_named(tmp_path, denoiser):
    path = tmp_path / "f.pt"
    denoiser.save(path)
    with pytest.raises(ValueError, match="holds the network .*'name': 'mlp'.* expected .*'name': 'conv'"):
        load_denoiser(path, SPECS["conv"])
    with pytest.raises(ValueError, match="is for points of dimension 25, the space has 9"):
        load_denoiser(path, space=manifolds.Space(9, 2))
    with pytest.raises(ValueError, match="must hold a training, it holds a denoiser"):
        checkpoint.read(path, "training")
    with pytest.raises(ValueError, match="does not exist"):
        load_denoiser(tmp_path / "absent.pt")


def test_weights_that_do_not_fit_their_header_are_refused(tmp_path, denoiser):
    path = tmp_path / "f.pt"
    config, body = {**denoiser.config, "network": SPECS["conv"].record, "dim": 25}, {"weights": {}, "curve": []}
    checkpoint.write(path, "denoiser", config, body)
    with pytest.raises(ValueError, match="weights that do not fit its own header"):
        load_denoiser(path)


def test_an_altered_header_is_noticed(tmp_path, denoiser):
    path = tmp_path / "f.pt"
    denoiser.save(path)
    content = torch.load(path, weights_only=True)
    content["header"]["config"] = content["header"]["config"].replace('"dim": 25', '"dim": 26')
    torch.save(content, path)
    with pytest.raises(ValueError, match="header that does not match its contents"):
        load_denoiser(path)


def test_a_failed_write_leaves_the_old_file(tmp_path, denoiser):
    path = tmp_path / "f.pt"
    denoiser.save(path)
    before = path.read_bytes()
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        checkpoint.write(path, "denoiser", {}, {"weights": lambda: None})
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["f.pt"]
