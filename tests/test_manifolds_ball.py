"""The ball against mpmath in cylindrical coordinates: along y a one-dimensional integral, across it an incomplete gamma
function.

The source integrates over |X| with Bessel functions inside; nothing is shared.
"""

import math

import mpmath as mp
import pytest
import torch

import manifolds
from manifolds.laws.ball import Ball


def _reference(k, radius, norm, sigma):
    """(log p, mean along u, trace, E Q, Cov(X along u, Q), Var Q), Q = |X - u|^2, by quadrature over t = X along u."""
    radius, norm, sigma, a = mp.mpf(radius), mp.mpf(norm), mp.mpf(sigma), mp.mpf(k - 1) / 2
    mode = min(norm, radius)
    reach = 1 / (1 / sigma + (norm - mode) / sigma**2)
    steps = [mode + c * reach * j for j in (1, 2, 4, 8, 12, 20, 32, 50) for c in (1, -1)]
    cuts = sorted({-radius, radius, mode, *[t for t in steps if -radius < t < radius]})
    sums = [mp.mpf(0)] * 5

    def integrand(t):
        z = (radius**2 - t * t) / (2 * sigma**2)
        g0, g1, g2 = (mp.gammainc(a + j, 0, z) for j in range(3))
        along, weight = (t - norm) ** 2, mp.exp(-((t - norm) ** 2 - (mode - norm) ** 2) / (2 * sigma**2))
        q1 = along * g0 + 2 * sigma**2 * g1
        q2 = along**2 * g0 + 4 * sigma**2 * along * g1 + 4 * sigma**4 * g2
        return [weight * v for v in (g0, t * g0, q1, t * q1, q2)]

    # 48-point Gauss-Legendre panels in u, t = 3 u^2 - 2 u^3 of the panel: half-integer powers at t = +-R become smooth
    for low, high in zip(cuts, cuts[1:]):
        for x, w in NODES:
            u = (1 + x) / 2
            smooth = u * u * (3 - 2 * u)
            t = low + (high - low) * smooth
            for i, v in enumerate(integrand(t)):
                sums[i] += (high - low) * w / 2 * 6 * u * (1 - u) * v
    g, t1, q1, tq, q2 = sums
    mean, square = t1 / g, q1 / g
    volume = mp.pi ** (mp.mpf(k) / 2) / mp.gamma(mp.mpf(k) / 2 + 1) * radius**k
    log_p = (
        mp.log(g / mp.gamma(a))
        - (mode - norm) ** 2 / (2 * sigma**2)
        - mp.log(2 * mp.pi * sigma**2) / 2
        - mp.log(volume)
    )
    return log_p, mean, square - (mean - norm) ** 2, square, tq / g - mean * square, q2 / g - square**2


with mp.workdps(30):
    NODES = mp.calculus.quadrature.GaussLegendre(mp.mp).calc_nodes(5, 110)


@pytest.mark.parametrize("k", [2, 7, 31])
@pytest.mark.parametrize(
    "norm, sigma", [(0.0, 0.4), (0.9, 0.1), (1.0, 0.01), (1.03, 0.01), (0.3, 0.2), (1.5, 0.05), (3.0, 10.0)]
)
def test_ball_equals_mpmath(k, norm, sigma):
    with mp.workdps(30):
        log_p, mean, trace, square, third, variance = map(float, _reference(k, 1.0, norm, sigma))
    law = manifolds.make("ball", dim=k, ambient=k + 1)
    y = torch.zeros(1, k + 1, dtype=torch.float64)
    y[0, k - 1] = norm
    assert law.log_marginal(y, sigma).item() == pytest.approx(
        log_p - 0.5 * math.log(2 * math.pi * sigma**2), abs=1e-10, rel=1e-11
    )
    assert law.denoise(y, sigma)[0, k - 1].item() == pytest.approx(mean, rel=1e-11, abs=1e-12)
    assert law.posterior_trace(y, sigma).item() == pytest.approx(trace, rel=1e-10)
    assert law.squared_distance(y, sigma).item() == pytest.approx(square, rel=1e-10)
    assert law.distance_covariance(y, sigma)[0, k - 1].item() == pytest.approx(
        third, rel=1e-8, abs=1e-10 * sigma * min(sigma, 1.0) ** 2
    )
    assert law.distance_variance(y, sigma).item() == pytest.approx(variance, rel=1e-9)


def test_deep_inside_the_posterior_is_the_noise_itself():
    law = manifolds.make("ball", dim=3, ambient=5, radius=2.0)
    y = torch.tensor([[0.5, -0.3, 0.2, 0.0, 0.0]], dtype=torch.float64)
    assert torch.equal(law.denoise(y, 0.01), y)
    assert law.posterior_trace(y, 0.01).item() == pytest.approx(3e-4, rel=1e-14)
    density = -math.log(4 / 3 * math.pi * 8) - math.log(2 * math.pi * 1e-4)
    assert law.log_marginal(y, 0.01).item() == pytest.approx(density, rel=1e-14)


def test_answers_are_continuous_where_the_border_begins_to_be_felt():
    core = Ball(4, 1.0)
    sigma = 0.05
    edge = math.sqrt((1.0 - 11 * sigma) ** 2 - 3 * sigma**2)
    u = torch.zeros(2, 4, dtype=torch.float64)
    u[:, 0] = torch.tensor([edge - 1e-12, edge + 1e-12])
    post = core.posterior(core.statistics(u), torch.tensor([[sigma]], dtype=torch.float64), 4)
    for field in (post.log_p, post.coef, post.trace, post.sqdist, post.var_sqdist):
        assert (field[0] - field[1]).abs().max().item() <= 1e-10 * field[0].abs().max().item()


@pytest.mark.parametrize("k", [2, 3, 8, 9, 40, 41, 700, 3001])
def test_density_and_mean_are_those_of_the_radial_integral(k):
    """Sums of Bessel functions on one side; on the other the integral over |X| that higher moments take."""
    core, source = Ball(k, 2.0), manifolds.stream(0, "ball by two ways", k)
    n = 3000
    sigma = 2.0 * 0.003 * 6000 ** source.uniform(n)
    at = torch.cat([torch.zeros(20, dtype=torch.float64), 1e-9 * source.uniform(20), 3.0 * source.uniform(n - 540)])
    near = 2.0 + sigma[:500] * (4.0 + math.sqrt(k)) * source.normal(500)  # of the border, by the law's own scale
    norm = torch.cat([near.abs(), at])
    felt = torch.sqrt(norm**2 + (k - 1) * sigma**2) + 11 * sigma > 2.0
    norm, sigma = norm[felt], sigma[felt]
    fields = core._bounded(norm, sigma, 1)
    at_border, coef = core._mass(norm, sigma)
    assert torch.allclose(at_border, fields[6], rtol=1e-13, atol=1e-11)
    assert torch.allclose(coef, fields[1], rtol=2e-12, atol=0.0)


@pytest.mark.parametrize("dim", [2, 16])
def test_mmse_curve_equals_the_average_of_the_trace(dim):
    law = manifolds.make("ball", dim=dim, ambient=100, reduced=True, radius=1.5)
    levels = torch.tensor([0.02, 0.3, 5.0], dtype=torch.float64)
    n = 5000
    for sigma, value in zip(levels.tolist(), law.mmse(levels).tolist()):
        source = manifolds.stream(0, "ball mmse", dim, sigma)
        trace = law.posterior_trace(law.add_noise(law.sample(n, source), sigma, source), sigma)
        assert abs(float(trace.mean()) - value) <= 3.3 * float(trace.std()) / math.sqrt(n) + 1e-12


def test_ball_of_dimension_one_is_the_interval():
    one, cube = (
        manifolds.make("ball", dim=1, ambient=3, radius=2.0),
        manifolds.make("cube", dim=1, ambient=3, half_width=2.0),
    )
    y = 2 * manifolds.stream(0, "interval").normal(4, 3)
    assert torch.equal(one.denoise(y, 0.3), cube.denoise(y, 0.3))


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("ball", dict(dim=3, ambient=9, radius=0.0), "radius must be a finite number > 0"),
        ("ball", dict(dim=3, ambient=3), "ambient must be >= 4"),
        ("union_of_subspaces", dict(dim=2, ambient=30, radius=-1.0), "radius must be a finite number > 0"),
        ("mixture_of_spheres", dict(dim=2, ambient=30, separation=-1.0), "separation must be >= 0"),
        ("mixture_of_spheres", dict(dim=2, ambient=9), "ambient must be >= 10"),
    ],
)
def test_bad_balls_and_unions_are_refused(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        manifolds.make(name, **arguments)
