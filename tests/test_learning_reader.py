"""Reading the noise level with an independent estimator: its distortions are taken off, a shift of the level is not."""

from __future__ import annotations

import doctest
import importlib
import math

import pytest
import torch

import manifolds
from analysis.learning import Network, Recipe, train
from analysis.learning.reader import LevelReader, calibrated
from analysis.samplers import Schedule, sample
from manifolds.denoisers import ConditionalDenoiser, NoisePrior

LAW = manifolds.make("sphere", dim=2, ambient=64)
LEVELS = (0.03, 0.1, 0.3, 1.0, 5.0)


def normal_part(y):
    """The level from the 61 normal directions: what the exact posterior reads here."""
    return (LAW.space.split(y)[1] / LAW.space.normal_dim).sqrt()


def distorted(y):
    """10 % too high, and compressed."""
    return 1.1 * normal_part(y) ** 0.9


@pytest.fixture(scope="module")
def reader():
    return calibrated(distorted, LAW.sample(4000, manifolds.stream(0, "x")), LEVELS, manifolds.stream(0, "z"))


@pytest.mark.parametrize("level", [0.05, 0.2, 0.7, 3.0])
def test_a_distortion_of_the_estimator_is_taken_off(reader, level):
    """log(1.1 s^.9) is linear in log s, so that it is undone between the levels too."""
    y = LAW.add_noise(LAW.sample(4000, manifolds.stream(1)), level, manifolds.stream(2))
    shift, se = reader.shift(y, level)
    assert abs(shift) < 3.3 * se and 0.7 / math.sqrt(2 * 61 * 4000) < se < 3.0 / math.sqrt(2 * 61 * 4000)


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_a_true_shift_of_the_level_is_read(reader, factor):
    y = LAW.add_noise(LAW.sample(4000, manifolds.stream(3)), factor * 0.4, manifolds.stream(4))
    shift, se = reader.shift(y, 0.4)
    assert abs(shift - math.log(factor)) < 3.3 * se and abs(shift) > 10 * se


def test_beyond_the_ends_the_bias_of_the_end_is_kept():
    def constant(y):
        return 1.2 * y[:, 0]

    reader = LevelReader(constant, (0.1, 1.0), (math.log(1.2),) * 2, (0.0, 0.0), 10)
    values = torch.tensor([[0.01], [0.5], [20.0]], dtype=torch.float64)
    assert reader(values).tolist() == pytest.approx(values[:, 0].tolist())


@pytest.mark.parametrize(("coefficients", "expected"), [("exponential_euler", 0.0), ("euler", None)])
def test_along_a_run_the_reader_sees_the_true_level_and_not_the_denoiser_s(reader, coefficients, expected):
    """Exponential Euler keeps the scheduled level; under plain Euler without injection it falls by 1 - h a step."""
    schedule = Schedule.proportional(2.0, 0.2, 0.0, 8)
    f, draws = ConditionalDenoiser(LAW), manifolds.stream(5)
    run = sample(f, LAW, schedule, 2000, draws, integrator=coefficients, estimator=reader.beside)
    h = math.log(2.0 / 0.2) / 8
    for i in range(schedule.steps + 1):
        read = float(torch.log(run.sigma_hat[i] / run.levels[i]).mean())
        true = 0.0 if expected == 0.0 else i * (math.log(1.0 - h) + h)
        assert read == pytest.approx(true, abs=0.01)


def test_a_trained_estimator_is_read_without_bias():
    """The paper's four layers, trained for seconds, are biased by several per cent; calibrated they are not."""
    images = manifolds.make("blobs", dim=2, ambient=64, finest=0.2)
    prior, recipe = NoisePrior.power(-1.0, 0.2, 2.0), Recipe(steps=400, batch=32, lr=1e-2, average=0.9)
    network = Network("estimator-paper", options={"width": 8})
    estimator = train(images, network, prior, stream=manifolds.stream(6), recipe=recipe, progress=False)
    x = images.sample(2000, manifolds.stream(7))
    reader = calibrated(estimator, x, (0.2, 0.3, 0.5, 0.8, 1.2, 2.0), manifolds.stream(8))
    assert max(abs(b) for b in reader.bias) > 0.03
    fresh = images.sample(2000, manifolds.stream(9))
    for level in (0.3, 0.5, 0.8, 1.2):
        y = images.add_noise(fresh, level, manifolds.stream(10, level))
        shift, se = reader.shift(y, level)
        assert abs(shift) < 3.5 * se + 0.01 and se < 0.02


def test_what_cannot_be_read_is_refused():
    x = LAW.sample(50, manifolds.stream(11))
    with pytest.raises(ValueError, match="does not tell the levels 0.03 and 0.1 apart"):
        calibrated(lambda y: torch.ones(len(y), dtype=torch.float64), x, LEVELS, manifolds.stream(0))
    with pytest.raises(ValueError, match=r"levels must increase, got \[1.0, 0.5\]"):
        calibrated(normal_part, x, (1.0, 0.5), manifolds.stream(0))
    with pytest.raises(ValueError, match="at least 2 points and 2 levels are needed, got 1 and 5"):
        calibrated(normal_part, x[:1], LEVELS, manifolds.stream(0))


def test_the_example_gives_what_it_says():
    assert doctest.testmod(importlib.import_module("analysis.learning.reader")).failed == 0
