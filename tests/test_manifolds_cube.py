"""The cube against mpmath integrals over [-L, L], one a coordinate, and its MMSE curve against samples."""

import math

import mpmath as mp
import pytest
import torch

import manifolds


def _coordinate(u, half, sigma):
    """[log density, mean, variance, E(X-u)^2, Cov(X, (X-u)^2), Var((X-u)^2)] for one coordinate."""
    u, half, sigma = mp.mpf(u), mp.mpf(half), mp.mpf(sigma)
    mode = min(max(u, -half), half)
    reach = 1 / (1 / sigma + abs(u - mode) / sigma**2)
    cuts = sorted(
        {
            -half,
            half,
            mode,
            *[c for j in (1, 2, 4, 8, 16, 32) for c in (mode - j * reach, mode + j * reach) if -half < c < half],
        }
    )
    top = (mode - u) ** 2 / (2 * sigma**2)

    def integral(g):
        return mp.quad(lambda x: mp.exp(top - (x - u) ** 2 / (2 * sigma**2)) * g(x), cuts)

    mass = integral(lambda x: 1)
    mean = integral(lambda x: x) / mass
    square = integral(lambda x: (x - u) ** 2) / mass
    variance = integral(lambda x: (x - mean) ** 2) / mass
    third = integral(lambda x: (x - mean) * ((x - u) ** 2 - square)) / mass
    fourth = integral(lambda x: ((x - u) ** 2 - square) ** 2) / mass
    return (
        mp.log(mass) - top - mp.log(2 * half) - mp.log(2 * mp.pi * sigma**2) / 2,
        mean,
        variance,
        square,
        third,
        fourth,
    )


@pytest.mark.parametrize("sigma", [1e-3, 0.05, 0.7, 40.0])
def test_cube_equals_mpmath(sigma):
    half = 1.5
    points = [0.0, 0.4, -1.5, 1.5 + 2 * sigma, -(1.5 + 9 * sigma), 30.0]
    law = manifolds.make("cube", dim=len(points), ambient=len(points) + 1, half_width=half)
    y = torch.tensor([[*points, 0.0]], dtype=torch.float64)
    with mp.workdps(40):
        each = [[float(v) for v in _coordinate(u, half, sigma)] for u in points]
    log_p, mean, variance, square, third, fourth = zip(*each)
    assert law.log_marginal(y, sigma).item() == pytest.approx(
        sum(log_p) - 0.5 * math.log(2 * math.pi * sigma**2), rel=1e-13
    )
    assert law.denoise(y, sigma)[0, :-1].tolist() == pytest.approx(mean, rel=1e-13, abs=1e-14 * half)
    assert law.posterior_trace(y, sigma).item() == pytest.approx(sum(variance), rel=1e-12)
    assert law.squared_distance(y, sigma).item() == pytest.approx(sum(square), rel=1e-13)
    assert law.distance_covariance(y, sigma)[0, :-1].tolist() == pytest.approx(
        third, rel=1e-10, abs=1e-12 * sigma * min(sigma, half) ** 2
    )
    assert law.distance_variance(y, sigma).item() == pytest.approx(sum(fourth), rel=1e-11)


def test_each_coordinate_s_variance_is_relatively_exact_far_outside():
    """Far out the posterior is exponential at the face: variance (sigma^2/distance)^2, to leading order."""
    law = manifolds.make("cube", dim=1, ambient=2)
    y = torch.tensor([[1e4, 0.0]], dtype=torch.float64)
    rate = (1e4 - 1.0) / 0.25  # distance to the face over sigma^2
    assert law.posterior_trace(y, 0.5).item() == pytest.approx(rate**-2, rel=1e-7)
    assert 1.0 - law.denoise(y, 0.5)[0, 0].item() == pytest.approx(1 / rate, rel=1e-6)


def test_mmse_curve_equals_the_average_of_the_trace():
    law = manifolds.make("cube", dim=3, ambient=50, half_width=2.0)
    levels = torch.tensor([0.01, 0.5, 10.0], dtype=torch.float64)
    for sigma, value in zip(levels.tolist(), law.mmse(levels).tolist()):
        source = manifolds.stream(0, "cube mmse", sigma)
        trace = law.posterior_trace(law.add_noise(law.sample(20_000, source), sigma, source), sigma)
        assert abs(float(trace.mean()) - value) <= 3.3 * float(trace.std()) / math.sqrt(20_000)


def test_covering_bounds_of_an_interval_hold_for_the_exact_number():
    law = manifolds.make("cube", dim=1, ambient=2, half_width=2.0)
    for eps in (0.003, 0.1, 0.9):
        low, high = law.log_covering_number(eps)
        assert low <= math.log(math.ceil(2.0 / eps)) + 1e-12 and high == pytest.approx(math.log(math.ceil(2.0 / eps)))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(dim=2, ambient=9, half_width=0.0), "half_width must be a finite number > 0"),
        (dict(dim=3, ambient=3), "ambient must be >= 4"),
        (dict(dim=2, ambient=9, radius=1.0), "radius is not an option of cube"),
    ],
)
def test_bad_cubes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        manifolds.make("cube", **arguments)
