"""Scale mixtures against mpmath (60 digits, so that densities of size e^(10^10) keep their differences)."""

import math

import mpmath as mp
import pytest
import torch

import manifolds


def _reference(d, scales, weights, rho, sigma):
    """(log p, gain c with f = c y, trace, squared distance, W = g y: g, variance of the squared distance)."""
    d, rho, sigma = mp.mpf(d), mp.mpf(rho), mp.mpf(sigma)
    total = [mp.mpf(s) ** 2 + sigma**2 for s in scales]
    logs = [mp.log(mp.mpf(w)) - d / 2 * mp.log(2 * mp.pi * t) - rho**2 / (2 * t) for w, t in zip(weights, total)]
    top = max(logs)
    mass = mp.fsum(mp.exp(v - top) for v in logs)
    share = [mp.exp(v - top) / mass for v in logs]
    keep = [1 - sigma**2 / t for t in total]
    var = [c * sigma**2 for c in keep]
    square = [d * v + (1 - c) ** 2 * rho**2 for c, v in zip(keep, var)]
    gain, mean_square = mp.fdot(share, keep), mp.fdot(share, square)
    trace = mp.fsum(r * (d * v + (c - gain) ** 2 * rho**2) for r, c, v in zip(share, keep, var))
    third = mp.fsum(r * ((q - mean_square) * c - 2 * v * (1 - c)) for r, c, v, q in zip(share, keep, var, square))
    spread = mp.fsum(
        r * (2 * d * v**2 + 4 * v * (1 - c) ** 2 * rho**2 + (q - mean_square) ** 2)
        for r, c, v, q in zip(share, keep, var, square)
    )
    return top + mp.log(mass), gain, trace, mean_square, third, spread


@pytest.mark.parametrize(
    "d, scales, weights, rho, sigma",
    [
        (3, [0.5, 2.0], [0.3, 0.7], 1.1, 0.4),
        (1, [0.0, 1.0], [0.5, 0.5], 0.3, 0.2),
        (1000, [0.0, math.sqrt(0.126)], [0.5, 0.5], 32.2, 1.0),
        (10**6, [0.0, 1.0, 1.001], [0.2, 0.3, 0.5], 1.118e3, 0.5),
        (10**9, [0.0, math.sqrt(4e-5)], [0.5, 0.5], 31623.0, 1.0),
    ],
)
def test_scale_mixture_equals_mpmath(d, scales, weights, rho, sigma):
    with mp.workdps(60):
        log_p, gain, trace, square, third, spread = map(float, _reference(d, scales, weights, rho, sigma))
    law = manifolds.make("scale_mixture", dim=d, ambient=d, scales=scales, weights=weights, reduced=True)
    y = torch.tensor([[rho]], dtype=torch.float64)
    # a share is a function of d (rho^2/d)/total: one ulp of the input moves its log by 1e-16 d |delta|
    tol = 1e-12 + 1e-15 * math.sqrt(d)
    assert law.log_marginal(y, sigma).item() == pytest.approx(log_p, rel=1e-14, abs=1e-12)
    assert law.denoise(y, sigma).item() == pytest.approx(gain * rho, rel=tol)
    assert law.posterior_trace(y, sigma).item() == pytest.approx(trace, rel=tol)
    assert law.squared_distance(y, sigma).item() == pytest.approx(square, rel=tol)
    assert law.distance_covariance(y, sigma).item() == pytest.approx(third * rho, rel=10 * tol)
    assert law.distance_variance(y, sigma).item() == pytest.approx(spread, rel=10 * tol)


def test_differences_between_levels_are_exact_at_a_billion_dimensions():
    """What a noise posterior needs: log p at two levels of the size of its width 1/sqrt(2d), apart by 1e-10."""
    d = 10**9
    law = manifolds.make("two_scale", dim=20_000, ambient=d, reduced=True)
    rho, levels = 31622.9, [1.0, 1.00002, 1.0000401]
    stats, _ = law.statistics(torch.tensor([[rho]], dtype=torch.float64))
    found = law.core.posterior(stats, torch.tensor([levels], dtype=torch.float64), 0).log_p[0]
    with mp.workdps(60):
        scales = [mp.mpf(s) for s in law.core.scales.tolist()]
        exact = [_reference(d, scales, [0.5, 0.5], rho, s)[0] for s in levels]
        exact = [float(v - exact[0]) for v in exact]
    assert (found - found[0]).tolist() == pytest.approx(exact, abs=1e-9)


def test_full_gaussian_is_the_gaussian_in_all_dimensions():
    law = manifolds.make("full_gaussian", dim=6, ambient=6, scale=2.0)
    y = manifolds.stream(0, "full").normal(4, 6)
    assert torch.allclose(law.denoise(y, 0.5), y * 4 / 4.25, rtol=1e-14)
    exact = -3 * math.log(2 * math.pi * 4.25) - (y * y).sum(dim=1) / 8.5
    assert torch.allclose(law.log_marginal(y, 0.5), exact, rtol=1e-12)
    assert law.mmse(torch.tensor([0.5])).item() == pytest.approx(6 * 4 * 0.25 / 4.25, rel=1e-12)


@pytest.mark.parametrize("d, k", [(3, 1), (1000, 126), (10**6, 3000)])
def test_mmse_curve_equals_the_average_of_the_trace(d, k):
    law = manifolds.make("two_scale", dim=k, ambient=d, reduced=True)
    levels = torch.tensor([0.3, 1.0, 5.0], dtype=torch.float64)
    for sigma, value in zip(levels.tolist(), law.mmse(levels).tolist()):
        source = manifolds.stream(0, "two scale mmse", d, sigma)
        trace = law.posterior_trace(law.add_noise(law.sample(20_000, source), sigma, source), sigma)
        assert abs(float(trace.mean()) - value) <= 3.3 * float(trace.std()) / math.sqrt(20_000) + 1e-12


def test_dirac_at_the_origin_is_denoised_to_the_origin():
    law = manifolds.make("scale_mixture", dim=5, ambient=5, scales=[0.0])
    y = manifolds.stream(0, "dirac").normal(3, 5)
    assert law.denoise(y, 0.1).abs().max().item() == 0.0 and law.distance(y).tolist() == pytest.approx(
        y.norm(dim=1).tolist()
    )
    assert law.bounded and law.intrinsic_dim == 0
    zero = torch.zeros(1, 5, dtype=torch.float64)
    assert law.log_marginal(zero, 0.1).item() == pytest.approx(-2.5 * math.log(2 * math.pi * 0.01), rel=1e-14)


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("scale_mixture", dict(dim=5, ambient=5, scales=[1.0, -1.0]), "scales must be finite and >= 0"),
        ("scale_mixture", dict(dim=5, ambient=5, scales=[1.0, 2.0], weights=[0.5, 0.6]), "sum to one"),
        ("scale_mixture", dict(dim=5, ambient=6), "dim must equal ambient"),
        ("full_gaussian", dict(dim=5, ambient=6), "dim must equal ambient"),
        ("full_gaussian", dict(dim=5, ambient=5, scale=0.0), "scale must be a finite number > 0"),
        ("two_scale", dict(dim=5, ambient=9, weight=1.0), "weight must lie between 0 and 1"),
        ("two_scale", dict(dim=5, ambient=9, level=-1.0), "level must be a finite number > 0"),
    ],
)
def test_bad_scale_mixtures_are_refused(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        manifolds.make(name, **arguments)
