"""The paper's U-Net: its size, its shapes, what it does to scale; trained, it is reproducible, resumable and learns."""

from __future__ import annotations

import importlib

import pytest
import torch

import manifolds
from analysis.learning import DataMoments, Network, Objective, Recipe, load_denoiser, train
from analysis.learning.arithmetic import checked_precision
from analysis.learning.sources import as_source
from analysis.learning.train import TrainingState
from manifolds.denoisers import NoisePrior

training = importlib.import_module("analysis.learning.train")  # the function of this name hides the module
SMALL = {"width": 4, "up": 1, "down": 1}
PRIOR = NoisePrior.power(-0.5, 0.05, 3.0)
DENOISERS = ("unet", "unet-free", "unet-paper")


def build(name, blind=True, dim=784, seed=0, **options):
    moments = DataMoments(torch.zeros(dim, dtype=torch.float64), 1.0, 1.0)
    return Network(name, blind=blind, options=options).build(moments, manifolds.stream(seed))


def disturbed(module):
    """Away from the initial weights, where the level has no effect."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in module.parameters():
            p += 0.05 * torch.randn(p.shape, generator=generator)
    return module.eval().requires_grad_(False)


def count(module):
    return sum(p.numel() for p in module.parameters())


def points(n, dim, seed=1):
    return torch.rand(n, dim, generator=torch.Generator().manual_seed(seed))


def test_the_paper_s_body_has_13_million_parameters_in_its_blocks():
    """3 x 3 kernels of 64-128-256, two layers a block down, 512 in the middle, six a block up; counted by hand."""
    module = build("unet-paper", dim=3 * 80 * 80, colours=3)

    def block(inputs, outputs, layers):  # kernels, and gain and shift of every normalisation
        return 9 * inputs * outputs + 9 * outputs * outputs * (layers - 1) + 2 * outputs * layers

    down = block(3, 64, 2) + block(64, 128, 2) + block(128, 256, 2)
    up = block(512, 256, 6) + block(256, 128, 6) + block(128, 64, 6)
    doubling = sum(4 * a * b + b for a, b in ((512, 256), (256, 128), (128, 64)))
    assert count(module) == down + block(256, 512, 3) + up + doubling + 64 * 3 + 3 == 13_160_771
    told = build("unet-paper", blind=False, dim=3 * 80 * 80, colours=3)
    layers = 2 * (64 + 128 + 256) + 3 * 512 + 6 * (64 + 128 + 256)
    assert count(told) - count(module) == 2 * (128 * 128 + 128) + 2 * layers * 129


@pytest.mark.parametrize("name", DENOISERS)
@pytest.mark.parametrize(("side", "colours"), [(8, 1), (14, 1), (28, 1), (10, 3)])
def test_every_size_of_image_goes_through(name, side, colours):
    options = {"colours": colours, **SMALL}
    y = points(3, colours * side * side)
    for blind in (True, False):
        module = disturbed(build(name, blind, y.shape[1], **options))
        out = module(y) if blind else module(y, torch.tensor([0.1, 1.0, 3.0]))
        assert out.shape == y.shape and bool(torch.isfinite(out).all())
        # a row does not depend on what it is batched with
        alone = module(y[1:2]) if blind else module(y[1:2], torch.tensor([1.0]))
        assert torch.allclose(out[1:2], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["unet", "unet-free"])
def test_told_the_level_the_body_is_the_blind_one_at_the_start_and_another_afterwards(name):
    y = points(4, 256)
    blind, told = build(name, True, 256, **SMALL), build(name, False, 256, **SMALL)
    same = {key: value for key, value in told.state_dict().items() if key in blind.state_dict()}
    blind.load_state_dict(same)
    at = [told(y, torch.full((4,), s)) for s in (0.1, 2.0)]
    assert torch.allclose(at[0], at[1]) and torch.allclose(at[0], blind(y))
    disturbed(told)
    at = [told(y, torch.full((4,), s)) for s in (0.1, 2.0)]
    assert float((at[0] - at[1]).abs().max()) > 1e-3


def test_only_the_bias_free_body_scales_with_its_input():
    """f(c y) = c f(y), whatever the weights; with biases and normalisations it is not so."""
    y = points(4, 14 * 14)
    for name, exact in (("unet-free", True), ("unet", False)):
        module = disturbed(build(name, dim=14 * 14, **SMALL))
        for c in (0.1, 7.0):
            assert torch.allclose(module(c * y), c * module(y), rtol=1e-4, atol=1e-6 * c) == exact
    told = disturbed(build("unet-free", False, 14 * 14, **SMALL))
    sigma = torch.full((4,), 0.3)
    assert torch.allclose(told(7.0 * y, sigma), 7.0 * told(y, sigma), rtol=1e-4, atol=1e-5)


def test_images_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"points of dimension 3 N\^2 with N >= 1, got 784"):
        build("unet", colours=3)
    with pytest.raises(ValueError, match="sigma must be given to a conditional network"):
        build("unet", blind=False, **SMALL)(points(2, 784))
    with pytest.raises(ValueError, match="blind must be True"):
        build("estimator-paper", blind=False)


def test_the_estimator_is_four_layers_of_64_and_positive():
    module = build("estimator-paper")
    assert count(module) == (9 + 1) * 64 + 3 * (9 * 64 * 64 + 64) + 65
    level = disturbed(module)(100.0 * (points(5, 784) - 0.5))
    assert level.shape == (5,) and bool(torch.isfinite(level).all())
    zero = build("estimator-paper")(torch.zeros(2, 784))
    assert bool(torch.isfinite(zero).all())


LAW = manifolds.make("blobs", dim=2, ambient=64, finest=0.3)
QUICK = Recipe(steps=12, batch=16, warmup=2, lr=2e-3)


def quick(name="unet", blind=True, **changes):
    arguments = {"prior": PRIOR, "stream": manifolds.stream(0, "u"), "recipe": QUICK, "validate_every": 6}
    options = SMALL if name != "estimator-paper" else {"width": 4}
    return train(LAW, Network(name, blind, options), progress=False, **{**arguments, **changes})


@pytest.mark.parametrize("name", ["unet", "unet-free", "estimator-paper"])
def test_training_is_reproducible_and_a_killed_one_resumes_to_the_same_weights(tmp_path, monkeypatch, name):
    whole = quick(name)
    assert quick(name).digest == whole.digest != quick(name, stream=manifolds.stream(1, "u")).digest
    advance, path = TrainingState.advance, tmp_path / "training.pt"

    def killed(self):
        if self.step == 7:
            raise RuntimeError("killed")
        advance(self)

    monkeypatch.setattr(TrainingState, "advance", killed)
    with pytest.raises(RuntimeError, match="killed"):
        quick(name, checkpoint_path=path, checkpoint_every=5)
    monkeypatch.undo()
    resumed = quick(name, checkpoint_path=path, checkpoint_every=5)
    assert resumed.digest == whole.digest and resumed.curve == whole.curve
    resumed.save(tmp_path / "f.pt")
    y = LAW.add_noise(LAW.sample(300, manifolds.stream(2)), 0.5, manifolds.stream(3))
    assert torch.equal(load_denoiser(tmp_path / "f.pt")(y), whole(y))  # 300 points are two passes


@pytest.mark.parametrize(("name", "blind"), [("unet", True), ("unet", False), ("unet-free", True)])
def test_training_lowers_the_risk_below_that_of_the_mean_image(name, blind):
    recipe = Recipe(steps=150, batch=32, lr=3e-3, average=0.95)
    f = quick(name, blind, recipe=recipe, prior=NoisePrior.power(-1.0, 0.2, 1.0))
    x = LAW.sample(500, manifolds.stream(4))
    y = LAW.add_noise(x, 0.3, manifolds.stream(5))
    risk = float((f(y) if blind else f(y, 0.3)).sub(x).square().sum(dim=1).mean())
    assert risk < 0.7 * float((x - x.mean(dim=0)).square().sum(dim=1).mean())
    assert f.curve[-1]["validation"] < 0.7 * f.curve[0]["validation"]


def test_large_images_are_drawn_in_smaller_blocks_and_validated_in_pieces(monkeypatch):
    def state():
        source, moments = (
            as_source(LAW, None, 0.1, manifolds.stream(6)),
            DataMoments.of(LAW.sample(99, manifolds.stream(6))),
        )
        objective, network = Objective(PRIOR, None, 1.0), Network("unet", True, SMALL)
        return TrainingState(source, network, moments, objective, QUICK, manifolds.stream(6), "cpu", None)

    usual = state()
    assert (usual.block, len(usual.validation.y)) == (16, 4096)
    monkeypatch.setattr(training, "_BLOCK_NUMBERS", 2 * 16 * 64)
    monkeypatch.setattr(training, "_VALIDATION_NUMBERS", 300 * 64)
    large = state()
    assert (large.block, len(large.validation.y)) == (2, 300)
    for _ in range(3):
        large.advance()
    value = large.validate()["validation"]  # in pieces of 256 and 44
    with torch.no_grad():
        large.module.load_state_dict(large.average.state(), strict=False)
        whole = large.objective.loss(large.module(large.validation.y), large.validation)
    assert value == pytest.approx(float(whole), rel=1e-5)


def test_bfloat16_is_another_training_and_what_a_device_lacks_is_refused():
    exact, coarse = quick(), quick(precision="bfloat16")
    assert (
        exact.digest != coarse.digest and coarse.config["precision"] == "bfloat16" and "precision" not in exact.config
    )
    y = LAW.add_noise(LAW.sample(50, manifolds.stream(7)), 0.5, manifolds.stream(8))
    assert torch.allclose(exact(y), coarse(y), atol=0.1)
    assert checked_precision("fastest", "cpu") == "float32" and quick(precision="fastest").digest == exact.digest
    with pytest.raises(ValueError, match="precision tf32 is not available on cpu; float32 always is"):
        quick(precision="tf32")
    with pytest.raises(ValueError, match="precision must be one of float32, tf32, bfloat16, fastest, got 'half'"):
        quick(precision="half")
