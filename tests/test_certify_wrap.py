"""`analysis.wrap`: one denoiser, given as every prediction, in torch and in numpy, as points and as images."""

import doctest
import subprocess
import sys

import numpy as np
import pytest
import torch

import analysis
import manifolds
from analysis.certify import wrapping
from analysis.certify.wrapping import DtypeError, ShapeError
from analysis.samplers import Schedule, sample

LAW = manifolds.make("sphere", dim=2, ambient=12)
STREAM = manifolds.stream(0)
X = LAW.sample(5, STREAM)
Y = LAW.add_noise(X, 0.3, STREAM)
BEST = LAW.denoise(Y, 0.3)


def velocity(z, t):
    """E[eps - x | z = (1 - t) x + t eps], from the exact posterior mean at sigma = t/(1 - t)."""
    t = torch.as_tensor(t)[:, None]
    x = LAW.denoise(z / (1 - t), t[:, 0] / (1 - t[:, 0]))
    return (z - x) / t


TOLD = {
    "clean": lambda y, s: LAW.denoise(y, s),
    "residual": lambda y, s: y - LAW.denoise(y, s),
    "noise": lambda y, s: (y - LAW.denoise(y, s)) / s[:, None],
    "score": lambda y, s: (LAW.denoise(y, s) - y) / s[:, None] ** 2,
    "velocity": velocity,
}


@pytest.mark.parametrize("predicts", TOLD)
def test_every_prediction_becomes_the_same_clean_estimate(predicts):
    f = analysis.wrap(TOLD[predicts], predicts=predicts)
    assert not f.blind
    assert torch.allclose(f(Y, 0.3), BEST, atol=1e-12)


def test_a_blind_residual_stays_blind_and_blind_noise_is_told_by_the_conversion_alone():
    assert analysis.wrap(lambda y: y, predicts="residual").blind
    f = analysis.wrap(lambda y: (y - BEST) / 0.3, predicts="noise")
    assert not f.blind and not f.told
    assert torch.allclose(f(Y, 0.3), BEST, atol=1e-12)


def test_images_and_float32():
    seen = []

    def net(image):
        seen.append((tuple(image.shape), image.dtype))
        return image / 2

    out = analysis.wrap(net, shape=(3, 2, 2), dtype=torch.float32)(Y)
    assert seen == [((5, 3, 2, 2), torch.float32)]
    assert out.dtype == torch.float64 and torch.allclose(out, Y / 2, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, "float64"])
def test_numpy(dtype):
    def net(y, sigma):
        assert isinstance(y, np.ndarray) and y.dtype == np.dtype(dtype) and sigma.shape == (5,)
        return y * sigma[:, None]

    assert torch.allclose(analysis.wrap(net, dtype=dtype)(Y, 0.5), Y / 2, atol=1e-6)


def test_levels_of_rows_are_handed_on():
    levels = torch.linspace(0.1, 0.5, 5, dtype=torch.float64)
    assert torch.allclose(analysis.wrap(TOLD["clean"])(Y, levels), LAW.denoise(Y, levels))


def test_a_sampler_runs_it():
    schedule = Schedule.proportional(5.0, 0.1, steps=4)
    f = analysis.wrap(TOLD["noise"], predicts="noise")
    here = sample(f, LAW, schedule, 3, manifolds.stream(1))
    there = sample(lambda y, s: LAW.denoise(y, s), LAW, schedule, 3, manifolds.stream(1))
    assert torch.allclose(here.x, there.x, atol=1e-10)


@pytest.mark.parametrize(
    ("net", "error"),
    [
        (lambda y: y[:, 1:], ShapeError),
        (lambda y: y.tolist(), ShapeError),
        (lambda y: y.float(), DtypeError),
    ],
)
def test_what_it_may_not_return(net, error):
    with pytest.raises(error, match="^must return"):
        analysis.wrap(net)(Y)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"f": 3}, "f must be callable as f(y) or f(y, sigma), got int"),
        ({"f": lambda: 0}, "f must be callable as f(y) or f(y, sigma), got 0 required arguments"),
        ({"f": lambda y, sigma=1.0: y}, "blind must be given as True or False"),
        ({"f": lambda *y: y}, "f must be callable"),
        ({"f": abs, "blind": 1}, "blind must be True, False or None, got 1"),
        ({"f": lambda y: y, "predicts": "epsilon"}, "predicts must be one of clean, residual, noise, score, velocity"),
        ({"f": lambda y: y, "dtype": torch.int32}, "dtype must be a floating-point dtype, got torch.int32"),
        ({"f": lambda y: y, "dtype": "int8"}, "dtype must be a floating-point dtype, got int8"),
        ({"f": lambda y: y, "dtype": "nonsense"}, "dtype must be a torch or numpy dtype, got 'nonsense'"),
        ({"f": lambda y: y, "shape": 3}, "shape must be a tuple of integers >= 1, got 3"),
        ({"f": lambda y: y, "shape": (3, 0)}, "shape must be a tuple of integers >= 1, got (3, 0)"),
        ({"f": lambda y: y, "device": "nowhere"}, "device must be one that this torch can use, got 'nowhere'"),
        ({"f": lambda y: y, "device": "cpu", "dtype": "float32"}, "device must be None for numpy arrays"),
    ],
)
def test_bad_arguments_are_one_line(arguments, line):
    with pytest.raises(ValueError) as problem:
        analysis.wrap(**arguments)
    assert str(problem.value).startswith(line) and "\n" not in str(problem.value)


def test_levels_too_many_or_too_few():
    with pytest.raises(ValueError, match=r"called as f\(y\), got 1"):
        analysis.wrap(lambda y: y)(Y, 0.1)
    with pytest.raises(ValueError, match=r"called as f\(y, sigma\), got 0"):
        analysis.wrap(lambda y, s: y)(Y)


def test_a_default_level_is_settled_by_blind():
    def net(y, sigma=1.0):
        return y * torch.as_tensor(sigma).reshape(-1, 1)

    assert torch.equal(analysis.wrap(net, blind=True)(Y), Y)
    assert torch.allclose(analysis.wrap(net, blind=False)(Y, 0.5), Y / 2)


def test_importing_analysis_stays_light():
    code = "import sys, analysis; assert 'torch' not in sys.modules; analysis.wrap; assert 'torch' in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_examples():
    assert doctest.testmod(wrapping).failed == 0
