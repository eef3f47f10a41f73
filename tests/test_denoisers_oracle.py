"""The blind denoiser over its whole legal input, against oracles that share no code with its quadrature.

`ORACLE_INPUTS=20000 pytest tests/test_denoisers_oracle.py` is the nightly size.
"""

import functools
import math
import os

import mpmath as mp
import numpy as np
import pytest
import torch
from blind_oracle import blind_average, likeliest, rounding
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracles import gaussian_blind_gain
from scipy import integrate, special, stats
from test_manifolds_contract import EXAMPLES

import manifolds
from manifolds.denoisers import BlindDenoiser, NoisePrior, PlugInDenoiser

INPUTS = int(os.environ.get("ORACLE_INPUTS", "40"))
EPS = 2.0**-52


@st.composite
def priors(draw, finest):
    low = max(10.0 ** draw(st.floats(-12.0, 2.0)), 1.01 * finest)
    decades = draw(st.sampled_from([1e-3, 0.1, 1.0, 3.0, 6.0, 12.0, 24.0]))
    if draw(st.booleans()):
        return "power", (float(draw(st.integers(-12, 12))), low, low * 10.0**decades)
    count = draw(st.integers(2, 6))
    inner = sorted(draw(st.lists(st.floats(0.02, 0.98), min_size=count, max_size=count, unique=True)))
    levels = [low * 10.0 ** (decades * part) for part in (0.0, *inner, 1.0)]
    assume(np.diff(np.log(levels)).min() > 0.0)  # parts that differ may give one level
    logs = draw(st.lists(st.floats(-8.0, 8.0), min_size=count + 2, max_size=count + 2))
    return "tabulated", (levels, logs)


FILL = ("full_gaussian", "scale_mixture", "two_scale")  # laws of their whole space
QUICK = ("gaussian", "sphere", "ball", "torus", "mixture", "atoms", "union_of_subspaces", "two_scale")
ANY_DIM = ("gaussian", "ball", "sphere", "cube", "torus", "mixture", "product", "union_of_subspaces")


@functools.cache
def cores(name, dim):
    if name in FILL:
        return manifolds.make(name, dim=dim, ambient=dim, reduced=True)
    options = {"dim": dim, **EXAMPLES.get(name, {}), "reduced": True}
    return manifolds.make(name, **{"ambient": 64, **options})


@st.composite
def inputs(draw):
    name = draw(st.sampled_from(manifolds.names() if INPUTS > 100 else QUICK))
    codim = draw(st.one_of(st.integers(1, 40), st.floats(1.5, 9.0).map(lambda e: int(10.0**e))))
    if name in FILL:
        law = cores(name, draw(st.sampled_from([1, 2, 3, 5, 20, 1000])))
    else:
        law = cores(name, draw(st.integers(1 + (name == "product"), 5)) if name in ANY_DIM else 2)
        law = law.with_ambient(law.core_dim + codim)
    kind, values = draw(priors(getattr(law.core, "finest_sigma", 0.0)))
    source = manifolds.stream(draw(st.integers(0, 10**6)), "oracle")
    ends = (values[1], values[2]) if kind == "power" else (values[0][0], values[0][-1])
    place = draw(st.sampled_from(["model", "clean", "far", "centre", "beside", "support", "apart"]))
    x = law.sample(1, source)
    sigma = ends[0] * (ends[1] / ends[0]) ** draw(st.floats(-0.1, 1.1))
    if place == "model":
        y = law.add_noise(x, sigma, source)
    elif place == "clean":
        y = law.add_noise(x, 1e-3 * ends[0], source)
    elif place == "far":
        y = 30.0 * law.add_noise(x, 10.0 * ends[1], source)
    elif place in ("centre", "beside"):  # (beside: means are as small as the distance from the centre)
        y = 0.0 * x if place == "centre" else 10.0 ** -draw(st.floats(1.0, 9.0)) * x
        y[:, -1] = sigma * math.sqrt(law.ambient_dim - law.core_dim or law.ambient_dim)
    elif place == "support":
        y = x
    else:  # the core coordinates and the normal ones speak for different levels
        y = law.add_noise(x, sigma, source)
        y[:, -1] *= draw(st.sampled_from([0.0, 1e-3, 0.3, 3.0, 1e3]))
    return law, kind, values, y


def prior_of(kind, values):
    return NoisePrior.power(*values) if kind == "power" else NoisePrior.tabulated(*values)


def gap(law, kind, values, y, tol=1e-9):
    """(relative error of the blind denoiser, what is allowed)."""
    exact, parts = blind_average(law, y, kind, values)
    found = BlindDenoiser(law, prior_of(kind, values), tol)(y)
    assert bool(torch.isfinite(found).all())
    core = found if law.core.absorbs_normal else law.space.split(found)[0]
    exact = torch.from_numpy(exact)[None]
    # where the means of levels cancel to 1e-6, 1e-6 tol of what cancels is asked for
    size = max(float(exact.norm()), 1e-6 * parts, 1e-290)
    return float((core - exact).norm()) / size, max(tol, 1e-9, 100.0 * law.ambient_dim * EPS) + rounding(law) / size


@settings(max_examples=INPUTS, deadline=None, derandomize=INPUTS < 100, database=None, print_blob=False,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(inputs())
def test_any_point_prior_and_dimension(case):
    law, kind, values, y = case
    error, allowed = gap(law, kind, values, y)
    assert error <= allowed, (law, kind, values, y.tolist())


@settings(max_examples=INPUTS, deadline=None, derandomize=INPUTS < 100, database=None, print_blob=False,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(inputs())
def test_no_level_is_likelier_than_the_plug_in_s(case):
    law, kind, values, y = case
    low, high = (values[1], values[2]) if kind == "power" else (values[0][0], values[0][-1])
    f = PlugInDenoiser(law, low, high)
    level = float(f.sigma_hat(y))
    assert low <= level <= high
    best, log_likelihood = likeliest(law, y, low, high)
    rounded = 200.0 * EPS * (law.ambient_dim + abs(log_likelihood(best)))
    assert log_likelihood(math.log(level)) >= log_likelihood(best) - 1e-9 - rounded
    assert torch.equal(f(y), law.denoise(y, level))


_BENT = ((1.0, 30.0, 1000.0), (0.0, 2.0, -9.0))
MISSED = [
    # wider than the law: its mean is a hundredth of the semi-axis, and a table gave 1e-9 of that
    ("ellipse", 9, _BENT, (30.0, -20.0, 103.2)),
    ("moebius", 9, _BENT, (30.0, -20.0, 10.0, 95.5)),
    ("trefoil", 4, ((1.0, 1e6), (0.0, 0.0)), (0.195, -0.3022, -2.0937, 0.8574)),
    # a steep prior, at the centre of symmetry: refused, for want of relative digits of 0
    ("trefoil", 6, ((0.202, 0.20204475, 0.20215532, 0.20246565), (4.8, -4.1, 4.8, -6.0)), (0.0, 0.0, 0.0, 0.350003)),
    # far beyond the prior's top, which is wider than the law: 8 to 11 times what is allowed
    ("ellipse", 36, ((12.6, 1.26e7), (0.0, -82.9)), (4568423732.0, -3466420699.1, 23179444042.3)),
    (
        "trefoil",
        18,
        ((4.13, 8.2, 4126546.9), (2.2, 0.0, -4.6)),
        (520924345.3, -1250901230.4, 1450108424.8, 4849201658.7),
    ),
    ("ellipse", 40, ((0.202, 0.24, 1.03, 2.66, 202.0), (0.0, -0.5, -0.4, 2.9, 0.5)), (0.0, 0.0, 5.7)),
]


@pytest.mark.parametrize("name, ambient, prior, y", MISSED)
def test_inputs_that_once_missed(name, ambient, prior, y):
    law = cores(name, 2).with_ambient(ambient)
    error, allowed = gap(law, "tabulated", prior, torch.tensor([y], dtype=torch.float64))
    assert error <= allowed


def test_rules_of_a_panel_that_are_wrong_alike():
    """Degrees 22 and 23 of the interpolant happen to be small together: two rules that told by them alone agreed to
    a twelfth of their error."""
    law = cores("scale_mixture", 20)
    error, _ = gap(
        law, "power", (11.0, 0.20377167730764348, 203771.6773076435), torch.tensor([[2.35463763012074]]).double()
    )
    assert error < 1e-10


@pytest.mark.parametrize("score", [6.65, 7.5])
@pytest.mark.parametrize("tilt", [0.0, 2.0, 3.0])
def test_an_end_that_the_core_brings_near_is_felt(score, tilt):
    """Normal coordinates say sigma = 1, `score` deviations below the top of the prior, and the core says more: once
    4e-6 off."""
    shape, m = 500.0, 1
    u = math.sqrt(m + 2.0 * math.sqrt(shape) * tilt)
    top = math.sqrt(500.0 / special.gammaincinv(shape, special.ndtr(-score)))
    law = manifolds.make("gaussian", dim=m, ambient=m + 1000, reduced=True, scale=0.1)
    error, allowed = gap(law, "power", (-1.0, 0.1, top), torch.tensor([[u, math.sqrt(1000.0)]], dtype=torch.float64))
    assert error <= allowed


def _gain(codim, prior, y, tol=1e-9, **scale):
    law = manifolds.make("gaussian", dim=1, ambient=1 + codim, reduced=True, **scale)
    return float(BlindDenoiser(law, prior, tol)(torch.tensor([y], dtype=torch.float64))[0, 0]) / y[0]


@pytest.mark.parametrize("tol", [1e-3, 1e-9, 1e-12])
def test_a_wide_prior_with_one_normal_coordinate_meets_every_tolerance(tol):
    found = _gain(1, NoisePrior.power(-3.0, 1e-6, 1e6), (0.329, 1.0), tol)
    assert found == pytest.approx(0.22604727413 / 0.329, rel=max(tol, 1e-10))
    exact = gaussian_blind_gain(1, 2, 1.0, -3.0, 1e-6, 1e6, 0.329**2, 1.0)
    assert found == pytest.approx(float(exact), rel=max(0.3 * tol, 1e-12))


@pytest.mark.parametrize(
    "codim, exponent, low, high, y",
    [
        (100, -1.0, 0.999, 1.0, (1.0, 0.0)),  # one regime's rule for an end of the prior, and both ends were felt
        (100, -1.0, 0.999, 1.0, (1.0, 10.0)),
        (40, 12.0, 1e-3, 1.1e-3, (1.0, 1.0)),
        (3, 12.0, 1e-12, 1e12, (0.4, 1.0)),  # the mass is at one end of 24 decades, the mean at the other
        (3, -12.0, 1e-12, 1e12, (0.4, 1.0)),
        (10**6, -3.0, 0.5, 0.5 * (1 + 1e-6), (0.3, 500.0)),
    ],
)
def test_narrow_wide_and_steep_priors_are_those_of_mpmath(codim, exponent, low, high, y):
    exact = gaussian_blind_gain(1, 1 + codim, 1.0, exponent, low, high, y[0] ** 2, y[1] ** 2)
    found = _gain(codim, NoisePrior.power(exponent, low, high), y)
    assert found == pytest.approx(float(exact), rel=max(1e-9, 100 * codim * EPS))
    if high < 1.2 * low:  # what any level can give
        assert 1.0 / (1.0 + high**2) <= found <= 1.0 / (1.0 + low**2)


def test_the_kinks_of_a_tabulated_prior_cost_no_digits():
    levels, logs = [0.01, 0.1, 0.3, 1.0, 10.0], [0.0, 4.0, -2.0, 3.0, -3.0]
    norm2, rho2 = 0.4**2, 2.0 * 0.3**2
    with mp.workdps(30):
        knots = [mp.log(level) for level in levels]

        def weight(s):
            i = max(j for j in range(4) if j == 0 or s >= knots[j])
            prior = logs[i] + (logs[i + 1] - logs[i]) * (s - knots[i]) / (knots[i + 1] - knots[i]) + s
            total = 1 + mp.exp(2 * s)
            return mp.exp(prior - 2 * s - rho2 / (2 * mp.exp(2 * s)) - norm2 / (2 * total)) / mp.sqrt(total)

        mass = mp.quad(weight, knots)
        exact = mp.quad(lambda s: weight(s) / (1 + mp.exp(2 * s)), knots) / mass
    found = _gain(2, NoisePrior.tabulated(levels, logs), (0.4, 0.3 * math.sqrt(2.0)))
    assert found == pytest.approx(float(exact), rel=1e-10)


@pytest.mark.parametrize("name", ["sphere", "ball", "atoms", "torus", "mixture"])
def test_steep_priors_give_the_level_at_their_end(name):
    """A density of sigma^150 on three decades is all but an atom at the top: once NaN, or refused for atoms."""
    law = cores(name, 2).with_ambient(9)
    y = law.add_noise(law.sample(3, manifolds.stream(0)), 2.0, manifolds.stream(1))
    found = BlindDenoiser(law, NoisePrior.power(1.5e5, 0.01, 10.0))(y)
    assert float((found - law.denoise(y, 10.0)).norm() / found.norm()) < 1e-3
    error, allowed = zip(*(gap(law, "power", (150.0, 0.01, 10.0), point[None]) for point in y))
    assert all(e <= a for e, a in zip(error, allowed))


def test_the_oracle_is_mpmath_and_notices_a_wrong_exponent():
    law = manifolds.make("gaussian", dim=1, ambient=8, reduced=True)
    y = torch.tensor([[0.6, 2.0]], dtype=torch.float64)
    exact = float(gaussian_blind_gain(1, 8, 1.0, -3.0, 0.01, 10.0, 0.36, 4.0))
    assert float(blind_average(law, y, "power", (-3.0, 0.01, 10.0))[0][0]) == pytest.approx(0.6 * exact, rel=1e-11)
    assert gap(law, "power", (-3.0, 0.01, 10.0), y)[0] < 1e-9
    wrong = float(blind_average(law, y, "power", (-3.0 + 1e-6, 0.01, 10.0))[0][0])
    assert abs(wrong / (0.6 * exact) - 1.0) > 1e-8


@pytest.mark.parametrize("d", [4, 60, 10**5])
def test_moments_and_quantiles_of_the_level_are_those_of_scipy(d):
    """N(0, s^2), s large, and lambda flat on an interval: lambda is a Gamma variable, cut at both ends."""
    law = manifolds.make("gaussian", dim=1, ambient=d, reduced=True, scale=1e9)
    n, low, high = d - 1, 0.8, 1.25
    y = torch.tensor([[0.0, math.sqrt(n)]], dtype=torch.float64)
    post = BlindDenoiser(law, NoisePrior.power(-3.0, low, high)).noise_posterior(y)
    gamma = stats.gamma(n / 2 + 1, scale=2.0 / n)
    bottom, top = gamma.cdf(high**-2.0), gamma.cdf(low**-2.0)
    p = torch.tensor([0.01, 0.3, 0.5, 0.9, 0.999], dtype=torch.float64)
    exact = -0.5 * np.log(gamma.ppf(top - p.numpy() * (top - bottom)))
    width = float(post.sd)
    assert np.abs(post.quantile(p)[0].numpy() - exact).max() < 1e-7 * width
    s = np.linspace(max(math.log(low), -40 / math.sqrt(2 * n)), min(math.log(high), 40 / math.sqrt(2 * n)), 400001)
    w = np.exp(-(n + 2) * s - 0.5 * n * np.expm1(-2 * s))
    mean = integrate.simpson(w * s, x=s) / integrate.simpson(w, x=s)
    spread = math.sqrt(integrate.simpson(w * (s - mean) ** 2, x=s) / integrate.simpson(w, x=s))
    assert float(post.mean) == pytest.approx(mean, abs=1e-8 * spread) and width == pytest.approx(spread, rel=1e-8)


def test_quantiles_of_a_discrete_prior_are_its_levels():
    law = manifolds.make("gaussian", dim=1, ambient=3, reduced=True, scale=1e9)
    levels, weights = [0.5, 1.0, 3.0], [1.0, 2.0, 4.0]
    y = torch.tensor([[0.0, 1.2]], dtype=torch.float64)
    post = BlindDenoiser(law, NoisePrior.discrete(levels, weights)).noise_posterior(y)
    share = np.array([w * s**-2.0 * math.exp(-0.72 / s**2) for s, w in zip(levels, weights)])
    cumulative = (share / share.sum()).cumsum()
    for edge, below, above in ((cumulative[0], 0.5, 1.0), (cumulative[1], 1.0, 3.0)):
        found = post.quantile(torch.tensor([edge - 1e-9, edge + 1e-9], dtype=torch.float64)).exp()[0]
        assert found.tolist() == pytest.approx([below, above], rel=1e-14)


def test_two_explanations_in_a_billion_dimensions_are_both_seen():
    """|y|^2/d is explained by either scale, equally well: weights sigma^(e + 1) over the likelihood's curvature."""
    d, scales = 10**9, np.array([0.5, 2.0])
    law = manifolds.make("scale_mixture", dim=d, ambient=d, reduced=True)
    y = torch.tensor([[77955.39561960525]], dtype=torch.float64)
    square = float(y) ** 2 / d
    weight = (square - scales**2) ** (0.5 * 2.0 - 1.0)
    exact = float(y) * float((weight * scales**2).sum() / weight.sum()) / square
    found = float(BlindDenoiser(law, NoisePrior.power(1.0, 0.003, 3000.0))(y))
    assert found == pytest.approx(exact, rel=1e-3)  # (y is between the peaks of the two by a part of their width)


def test_what_cannot_be_averaged_is_refused_in_one_line():
    """Flat over decades, of a density in 1e9 dimensions: no bound shows that nothing is hidden between the nodes."""
    law = manifolds.make("full_gaussian", dim=10**9, ambient=10**9, reduced=True)
    f = BlindDenoiser(law, NoisePrior.power(0.0, 7e-6, 7e-3))
    with pytest.raises(ValueError, match="tol must be larger: the average over noise levels of 1 points misses 1e-09"):
        f(torch.tensor([[31622.860167578438]], dtype=torch.float64))
