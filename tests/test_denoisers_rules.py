"""Gauss rules of whole and cut Gamma laws in log sigma, against scipy's quadrature, and the blind denoiser's paths."""

import math

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy import special

import manifolds
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.denoisers.cut_rules import cut_rules, unfelt
from manifolds.denoisers.gamma_nodes import LEAST_SHAPE
from manifolds.denoisers.interpolated import interpolated_rule
from manifolds.denoisers.rules import gamma_rule, normalised


@pytest.mark.parametrize("shape", [LEAST_SHAPE, 500.0, 5e8])
def test_the_whole_rule_has_the_moments_of_the_law(shape):
    """E[(G/A)^p] = Gamma(A + p) / (Gamma(A) A^p), with (G/A)^p = ratio^(-2 p)."""
    rule = gamma_rule(shape, 8)
    weight = torch.exp(rule.log_weight)
    assert abs(float(weight.sum()) - 1.0) < 1e-13
    for p in (-1.0, 0.5, 2.0):
        exact = (
            math.exp(-p * math.log(shape)) / special.poch(shape + p, -p)
            if shape < 1e6
            else 1 + p * (p - 1) / (2 * shape)
        )
        assert float(weight @ rule.ratio ** (-2.0 * p)) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("shape", [LEAST_SHAPE, 500.0])
def test_cut_rules_have_the_moments_of_the_cut_law(shape, side):
    """E[G | G > c] = A Q(A + 1, c) / Q(A, c), and with P for G < c.

    From far outside the peak to where the cut is not felt.
    """
    ends = unfelt(shape, 6.5)
    assert special.gammaincc(shape, ends[0]) == pytest.approx(special.ndtr(-6.5), rel=1e-6)
    assert special.gammainc(shape, ends[1]) == pytest.approx(special.ndtr(-6.5), rel=1e-6)
    root = 2.0 * np.sqrt(ends[side > 0]) + side * np.array([0.0, 0.01, 1.5, 4.5, 6.2, 6.5, 7.2, 8.5, 11.5, 30.0, 300.0])
    gamma = 0.25 * root[root > 0] ** 2
    with mp.workdps(30):
        limits = [(c, mp.inf) if side > 0 else (0, c) for c in gamma.tolist()]
        exact = np.array([float(mp.gammainc(shape + 1.0, *ab) / mp.gammainc(shape, *ab)) for ab in limits])
    end = 3.0 if side > 0 else 0.2
    rho2 = torch.from_numpy(2.0 * gamma * end**2)
    for q, accuracy in ((4, 1e-4), (8, 1e-8), (16, 1e-10)):
        rule = cut_rules(shape, q, 0.2, 3.0, ends).at(rho2, torch.full(rho2.shape, side > 0))
        assert bool((side * (rule.ratio - end) <= 0).all())
        mean = (normalised(rule.log_weight) * rho2[:, None] / (2.0 * rule.ratio**2)).sum(dim=1)
        assert np.abs(mean.numpy() / exact - 1.0).max() < accuracy


@pytest.mark.parametrize("high", [True, False])
def test_the_rules_of_neighbouring_cells_agree_at_their_edge(high):
    """E[sigma^2] just inside the two cells that meet there; in the middle of a cell there is no tilt."""
    ends = unfelt(500.0, 6.5)
    rules = cut_rules(500.0, 8, 0.2, 3.0, ends)
    (_, slope_low), (_, slope_high) = rules.place.tolist()
    assert slope_low < 0 < slope_high
    cells = rules.cells[-900:-1] if high else rules.cells[2:120]
    middle, side = cells[:, -1], torch.full((len(cells),), high)
    assert torch.equal(rules.at(middle, side).log_weight, cells[:, 8:16])
    # cells are equal in the logarithm of a linear function of rho
    rho = middle.sqrt()
    a, b = rules.place[int(high)]
    edge = (torch.sqrt((a + b * rho[1:]) * (a + b * rho[:-1])) - a) / b
    means = []
    for factor in (1.0 - 1e-9, 1.0 + 1e-9):
        rule = rules.at((factor * edge) ** 2, side[1:])
        means.append((normalised(rule.log_weight) * rule.ratio**2).sum(dim=1))
        own = cells[1:] if (factor > 1.0) == high else cells[:-1]
        assert torch.equal(rule.ratio, own[:, :8])
    assert float((means[0] / means[1] - 1.0).abs().max()) < 1e-8


def _by_panels(f, y):
    """The mean by Gauss-Legendre panels over the whole prior, in log sigma.

    They have half the width 1/sqrt(2 d) of a peak, and also hold the fall of one beyond the prior.
    """
    law, low, high = f.law, f.prior.low, f.prior.high
    stats, rho2 = law.statistics(y)
    mu = f._likelihood(stats, rho2)
    x, w = np.polynomial.legendre.leggauss(20)
    panels = int(math.log(high / low) * 2.0 * math.sqrt(2.0 * law.ambient_dim)) + 1
    edges = torch.linspace(math.log(low), math.log(high), panels + 1, dtype=torch.float64)
    s = (edges[:-1, None] + edges.diff()[:, None] * torch.from_numpy(0.5 * (x + 1.0))).reshape(1, -1)
    post = mu.core(s - mu.centre, 1)
    log_mu = mu.known(s - mu.centre) + post.log_p
    weight = torch.softmax(log_mu + torch.log(torch.from_numpy(w)).repeat(panels), dim=1)
    return law.place(law.core.assemble(stats, torch.einsum("nq,nqb->nb", weight, post.coef)), y)


@pytest.mark.parametrize("name", ["gaussian", "mixture", "sphere", "torus", "cube"])
@pytest.mark.parametrize("d", [40, 64, 200, 10**4])
@pytest.mark.parametrize("low, high", [(0.01, 10.0), (0.3, 1.5)])
def test_points_at_and_beyond_the_ends_of_the_prior_agree_with_fine_panels(name, d, low, high):
    """Peaks inside, cut by either end, and outside: all paths against Gauss-Legendre panels over the whole prior."""
    law = manifolds.make(name, dim=2, ambient=d, reduced=True)
    source = manifolds.stream(0, "ends", name, d)
    sigma = torch.tensor([0.5, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8], dtype=torch.float64)
    sigma = torch.cat([low * sigma, high / sigma.clamp(min=0.75), torch.tensor([0.6], dtype=torch.float64)])
    y = law.add_noise(law.sample(len(sigma), source), sigma, source)
    f = BlindDenoiser(law, NoisePrior.power(-1.0, low, high))
    exact = _by_panels(f, y)
    assert float(((f(y) - exact).norm(dim=1) / exact.norm(dim=1)).max()) <= 1e-8


@pytest.mark.parametrize("d", [40, 10**4])
def test_far_beyond_the_prior_the_excess_of_lambda_is_exponential(d):
    """On both sides of the last cell of the table.

    lambda/lambda_end - 1 has the mean 1/(c - A), c = lambda_end rho^2/2, and the denoiser of N(0, I_k) is
    lambda/(1 + lambda) u.
    """
    low, high = 0.01, 10.0
    law = manifolds.make("gaussian", dim=2, ambient=d, reduced=True)
    c = 0.5 * d * torch.tensor([30.0, 99.0, 101.0, 1e3], dtype=torch.float64) ** 2
    y = torch.tensor([3.0, -4.0, 0.0], dtype=torch.float64).repeat(len(c), 1)
    y[:, 2] = high * torch.sqrt(2.0 * c)
    found = BlindDenoiser(law, NoisePrior.power(-1.0, low, high))(y)
    excess = found[:, 0] / law.denoise(y, high)[:, 0] - 1.0
    assert torch.allclose(excess * (c - 0.5 * d), torch.full_like(c, high**2 / (1.0 + high**2)), rtol=3e-3)


@pytest.mark.parametrize("name", ["gaussian", "mixture", "sphere", "torus", "cube", "ball"])
@pytest.mark.parametrize("dim, d", [(2, 820), (8, 1000), (24, 3000)])
def test_few_nodes_agree_with_fine_panels_in_high_dimensions(name, dim, d):
    """Levels over the whole prior, most of them at which four nodes interpolate the core's log density."""
    law = manifolds.make(name, dim=dim, ambient=d, reduced=True)
    source = manifolds.stream(0, "few nodes", name, d)
    n = 60000 // d
    y = law.add_noise(law.sample(n, source), 0.01 * 1000.0 ** source.uniform(n), source)
    f = BlindDenoiser(law, NoisePrior.power(-1.0, 0.01, 10.0))
    exact = _by_panels(f, y)
    assert float(((f(y) - exact).norm(dim=1) / exact.norm(dim=1)).max()) <= 1e-8


@pytest.mark.parametrize("name", ["mixture", "sphere", "torus", "cube"])
@pytest.mark.parametrize("dim, d", [(2, 250), (8, 820)])
def test_many_points_at_the_high_end_agree_with_fine_panels(name, dim, d):
    """Where the cut rules begin with fewest nodes: the worst of many points, not a typical one."""
    law = manifolds.make(name, dim=dim, ambient=d, reduced=True)
    source = manifolds.stream(0, "high end", name, d)
    n = 100000 // d
    y = law.add_noise(law.sample(n, source), 10.0 * torch.exp(-0.15 * source.uniform(n) ** 2), source)
    f = BlindDenoiser(law, NoisePrior.power(-1.0, 0.01, 10.0))
    exact = _by_panels(f, y)
    assert float(((f(y) - exact).norm(dim=1) / exact.norm(dim=1)).max()) <= 1e-8


@pytest.mark.parametrize("shape", [400.0, 5000.0, 5e8])
def test_the_interpolating_rule_is_exact_for_tilts_and_refuses_what_is_rough(shape):
    """L = -2 p x turns Gamma(A) into Gamma(A + p), and x = -log(G / A)/2 has the mean -(digamma(A + p) - log A)/2."""
    rule = interpolated_rule(shape, 4)
    x = torch.log(rule.ratio)
    p = math.sqrt(shape) * torch.tensor([-0.4, 0.0, 0.1, 0.4], dtype=torch.float64)
    weight, poor = rule.weigh(-2.0 * p[:, None] * x, 1, 1e-9)
    exact = -0.5 * (np.array([float(mp.digamma(shape + t) - mp.log(shape)) for t in p.tolist()]))
    assert np.abs((weight @ x).numpy() - exact).max() < 1e-9 / math.sqrt(shape)
    assert float((weight.sum(dim=1) - 1.0).abs().max()) < 1e-13
    assert not bool(poor[1])
    rough = 3.0 * torch.sin(3.0 * math.sqrt(shape) * x)[None] + 1.0
    assert bool(rule.weigh(rough, 1, 1e-9)[1].all()) and bool(
        rule.weigh(torch.full((1, 4), math.nan, dtype=torch.float64), 1, 1e-9)[1].all()
    )


def test_rows_do_not_depend_on_their_batch():
    law = manifolds.make("mixture", dim=2, ambient=300, reduced=True)
    source = manifolds.stream(0, "batch")
    sigma = 0.008 * 2000 ** source.uniform(60)
    y = law.add_noise(law.sample(60, source), sigma, source)
    f = BlindDenoiser(law, NoisePrior.power(-1.0, 0.01, 10.0))
    one_by_one = torch.cat([f(point[None]) for point in y])
    assert torch.allclose(f(y), one_by_one, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["gaussian", "mixture", "sphere", "torus", "cube"])
@pytest.mark.parametrize("d", [10**5, 10**7])
def test_points_far_from_the_law_agree_with_fine_panels_at_large_dimensions(name, d):
    """Smooth but steep densities: what few nodes cannot integrate must be refused, also by the interpolating rule."""
    law = manifolds.make(name, dim=2, ambient=d, reduced=True)
    source = manifolds.stream(0, "far", name, d)
    sigma = 0.02 * 1.2 ** source.uniform(8)
    far = torch.tensor([1.0, 1.05, 1.2, 1.5, 2.0, 3.0, 4.0, 6.0], dtype=torch.float64)[:, None]
    y = law.add_noise(far * law.sample(8, source), sigma, source)
    f = BlindDenoiser(law, NoisePrior.power(-1.0, 0.018, 0.027))
    exact = _by_panels(f, y)
    assert float(((f(y) - exact).norm(dim=1) / exact.norm(dim=1)).max()) <= 1e-8
