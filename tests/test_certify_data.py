"""`certify_data`: on data without a law, against the law that the tests know."""

import doctest
import math

import numpy as np
import pytest
import torch

import manifolds
from analysis.certify import certify_data, data, files, wrap
from analysis.certify.files import read_data
from manifolds.denoisers import BlindDenoiser, NoisePrior

LAW = manifolds.make("gaussian", dim=4, ambient=256)
X = LAW.sample(2000, manifolds.stream(3))
TOLD = LAW.denoise
RANGE = {"sigma_low": 0.01, "sigma_high": 20.0}


@pytest.fixture(scope="module")
def found():
    blind = BlindDenoiser(LAW, NoisePrior.power(-3.0, 0.003, 60.0))
    return certify_data(TOLD, X, against=blind, levels=12, **RANGE)


def test_an_optimal_denoiser_is_cleared(found):
    assert found.ok and str(found).endswith("no finding") and "cannot be known without the law" in str(found)


def test_errors_are_the_mmse_of_the_law(found):
    for row in found.levels:
        exact = 4 / (1 + row.sigma**2)
        assert row.k_low - 0.1 * exact < exact < row.k_high + 0.1 * exact
        assert row.k2_over_d == pytest.approx(row.k_eff**2 / 256) and row.mse == pytest.approx(row.k_eff * row.sigma**2)


def test_the_level_is_corrected_by_the_divergence(found):
    """Read: sqrt(1 - k_eff/d) of the truth; corrected: the truth, to the spread of 256 residuals of 252 numbers."""
    off = np.array([[row.level_read - 1, row.level_corrected - 1] for row in found.levels[:5]])
    assert all(row.probes_agree for row in found.levels)
    assert off[:, 0].mean() == pytest.approx(math.sqrt(1 - 4 / 256) - 1, abs=2e-3)
    assert abs(off[:, 1].mean()) < 2e-3


def test_the_price_is_that_of_a_gaussian(found):
    """k/(2(d - k)) nats, all but nothing of it outside of these levels."""
    (price,) = found.measures
    assert price.low < 4 / (2 * 252) < price.high and price.high - price.low < 0.4 * price.value


def test_blind_costs_next_to_nothing_more(found):
    for row in found.levels:
        assert row.blind_told_low <= row.blind_told <= row.blind_told_high
        assert abs(row.blind_told) < 0.01


def test_assumed_levels_are_those_of_figure_6(found):
    row = min(found.assumed, key=lambda r: abs(math.log(r.sigma)))
    s2 = row.sigma**2

    def error(c):
        g = 1 / (1 + c * c * s2)
        return (1 - g) ** 2 + g * g * s2

    assert row.x2 == pytest.approx(error(2.0) / error(1.0), rel=0.1) and row.x1 == 1.0


@pytest.mark.parametrize(
    ("f", "kind", "size"),
    [
        (lambda y, s: 1.05 * TOLD(y, s), "not_optimal", 0.05),
        (lambda y, s: TOLD(y, 2 * s), "level_bias", 2.0),
        (lambda y, s: y - TOLD(y, s), "wrong_prediction_type", None),
        (lambda y, s: TOLD(y, s)[:, :3], "wrong_shape", None),
        (lambda y, s: torch.full_like(y, math.nan), "not_finite", None),
    ],
)
def test_planted_faults_are_named(f, kind, size):
    certificate = certify_data(f, X, levels=6)
    assert certificate.kinds() == [kind], str(certificate)
    if size:
        assert certificate.findings[0].size == pytest.approx(size, rel=0.2)


def test_float32_noise_networks_of_images_are_cleared():
    def net(image, sigma):
        y, level = image.reshape(len(image), 256).double(), sigma.double()
        return ((y - TOLD(y, level)) / level[:, None]).float().reshape(image.shape)

    f = wrap(net, "noise", shape=(1, 16, 16), dtype=torch.float32)
    certificate = certify_data(f, X.reshape(-1, 1, 16, 16), levels=4)
    assert certificate.ok and all(row.probes_agree for row in certificate.levels)


def test_a_blind_one_alone_says_what_it_cannot_know():
    certificate = certify_data(BlindDenoiser(LAW, NoisePrior.power(-3.0, 0.003, 60.0)), X, levels=3, **RANGE)
    assert certificate.ok and certificate.measures == () and certificate.assumed == ()
    assert certificate.unknown[-1].startswith("the price of blindness")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"data": X[:5]}, "data must be (n, ...) with n >= 32, got shape (5, 256)"),
        ({"data": "faces"}, "data must be an array of numbers"),
        ({"data": X * math.inf}, "data must be finite"),
        ({"data": torch.ones(40, 3)}, "data must hold more than one point"),
        ({"against": TOLD}, "against must be blind"),
        ({"sigma_low": 3.0, "sigma_high": 1.0}, "sigma_low must be < sigma_high"),
        ({"denoiser": 3}, "f must be callable"),
    ],
)
def test_bad_arguments_are_one_line(arguments, line):
    given = {"denoiser": TOLD, "data": X} | arguments
    with pytest.raises(ValueError) as problem:
        certify_data(given.pop("denoiser"), given.pop("data"), **given)
    assert str(problem.value).startswith(line) and "\n" not in str(problem.value)


def test_data_come_from_files(tmp_path, monkeypatch):
    from PIL import Image

    pixels = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    np.save(tmp_path / "a.npy", pixels)
    np.savez(tmp_path / "b.npz", labels=np.zeros(2), images=pixels)
    (tmp_path / "folder").mkdir()
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / "folder" / f"{i}.png")
    (tmp_path / "my_faces.py").write_text("import numpy\nfaces = numpy.ones((2, 3))\ndef load():\n    return faces\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert np.array_equal(read_data(str(tmp_path / "a.npy")), pixels / 255)
    assert np.array_equal(read_data(str(tmp_path / "b.npz")), pixels / 255)
    assert np.array_equal(read_data(str(tmp_path / "folder"))[:, 0], pixels / 255)
    assert read_data("my_faces:faces").shape == read_data("my_faces:load").shape == (2, 3)


@pytest.mark.parametrize(
    ("write", "line"),
    [
        (lambda p: None, "no such file"),
        (lambda p: p.write_text("x"), "data must be a folder of images"),
        (lambda p: p.mkdir(), "must hold images"),
    ],
)
def test_files_that_are_no_data_are_one_line(write, line, tmp_path):
    write(tmp_path / "thing")
    with pytest.raises(ValueError, match=line) as problem:
        read_data(str(tmp_path / "thing"))
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_broken_files_are_one_line(name, tmp_path):
    (tmp_path / name).write_bytes(b"no array")
    with pytest.raises(ValueError) as problem:
        read_data(str(tmp_path / name))
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("module", [data, files])
def test_examples(module):
    assert doctest.testmod(module).failed == 0
