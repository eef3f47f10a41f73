"""The ledger's instruments: integrals over the level, MMSE curves, Pythagoras, exact laws of runs, held runs."""

import math

import numpy as np
import pandas
import pytest
import torch
from scipy import integrate, stats

import manifolds
from analysis.ledger.attained import attained_discretisation, attained_learning
from analysis.ledger.certificate import held_run, impostor_run, over_certificate, radial_quantile, told
from analysis.ledger.direct import direct_total, measure_parts
from analysis.ledger.initial import initial_term
from analysis.ledger.price import integrate_levels, price_of_blindness
from analysis.ledger.sizes import coordinate_scale, level_range, radius, resolved_level, scale
from analysis.ledger.telescope import constant_step_nats, mmse_curves, steps_for_nats, telescope_term
from analysis.ledger.transfer import _kernel, marginal_divergence
from analysis.samplers import Schedule
from manifolds import stream
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior
from manifolds.laws.sphere import Sphere

Z = 3.290527  # 99.9 %
ENDS = (20.0, 0.02)


def make(name, dim, ambient, **options):
    return manifolds.make(name, dim=dim, ambient=ambient, reduced=True, **options)


def _gaussian_disc(k, steps, scale=1.0, end=ENDS[1]):
    """disc of a Gaussian by adaptive quadrature in log sigma: sum_i int (mmse_i - mmse) sigma^-2 dlog sigma."""

    def mmse(s):
        return k * s**2 / (1 + s**2 / scale**2)

    def fall(x, start):
        return (mmse(start) - mmse(math.exp(x))) * math.exp(-2 * x)

    levels = np.geomspace(ENDS[0], end, steps + 1)
    return sum(integrate.quad(fall, math.log(b), math.log(a), args=(a,))[0] for a, b in zip(levels[:-1], levels[1:]))


@pytest.mark.parametrize("k, steps", [(1, 8), (8, 32)])
def test_discretisation_of_the_splined_curve_equals_adaptive_quadrature(k, steps):
    curve = mmse_curves(make("gaussian", k, 10**6), *ENDS[::-1], 2, 1, manifolds.stream(0))[0]
    assert constant_step_nats(curve, steps, *ENDS) == pytest.approx(_gaussian_disc(k, steps), rel=1e-8)


def test_real_steps_solve_their_equation():
    curve = mmse_curves(make("sphere", 4, 10**6), *ENDS[::-1], 2, 1, manifolds.stream(0))[0]
    steps = steps_for_nats(curve, 0.2, *ENDS)
    below, above = (constant_step_nats(curve, n, *ENDS) for n in (math.ceil(steps), math.floor(steps)))
    assert below <= 0.2 <= above
    assert steps_for_nats(curve, -0.1, *ENDS) == math.inf


def test_a_measured_curve_agrees_with_a_known_one():
    """The sphere's MMSE by its radial integral and, as if it were unknown, by Monte Carlo."""
    law = make("sphere", 3, 10**6)
    known = mmse_curves(law, *ENDS[::-1], 2, 1, manifolds.stream(0))[0]
    blind_to_it = manifolds.Law(_Untold(3), 10**6, reduced=True)
    curves = mmse_curves(blind_to_it, *ENDS[::-1], 400, 8, manifolds.stream(1))
    measured = np.array([constant_step_nats(curve, 16, *ENDS) for curve in curves])
    half = stats.t.ppf(0.9995, 7) * measured.std(ddof=1) / math.sqrt(8)
    assert abs(measured.mean() - constant_step_nats(known, 16, *ENDS)) < half
    assert half < 0.1 * measured.mean()


class _Untold(Sphere):
    """A sphere that does not tell its MMSE."""

    def mmse(self, sigma):
        return None


@pytest.mark.parametrize("name", ["gaussian", "sphere"])
def test_radial_quantiles_are_those_of_sampled_radii(name):
    law = make(name, 3, 100)
    source = manifolds.stream(0, "radii", name)
    y = law.add_noise(law.sample(20000, source), 0.3, source)
    quantile = radial_quantile(law, 0.3)
    uniform = np.interp(
        law.space.split(y)[0].norm(dim=1).numpy(), quantile(np.linspace(0, 1, 5001)), np.linspace(0, 1, 5001)
    )
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3


def test_integral_over_levels_is_the_closed_form():
    """int (|Y|^2/sigma^2 - d) d log sigma = (k/2)(low^-2 - high^-2) for a unit Gaussian; one without Y has no error."""
    law = manifolds.make("gaussian", dim=3, ambient=10, reduced=True)
    low, high = 0.1, 10.0
    integrands = {
        "known": lambda y, sigma, own: 1 / (1 + sigma**2),
        "norm": lambda y, sigma, own: law.space.sqnorm(y) / sigma**2 - 10,
    }
    found = integrate_levels(law, low, high, 16000, stream(0), integrands, lambda y, sigma, own: 1 / sigma**2)
    exact = 0.5 * math.log(high**2 * (1 + low**2) / (low**2 * (1 + high**2)))
    assert found["known"].mean() == pytest.approx(exact, rel=2e-3)
    error = found["norm"].std(ddof=1) / 4
    assert abs(found["norm"].mean() - 1.5 * (low**-2 - high**-2)) <= stats.t.ppf(0.9995, 15) * error
    assert error < 0.02 * 150


def test_parts_add_up_and_a_constant_error_costs_its_square():
    law = manifolds.make("sphere", dim=2, ambient=15, reduced=True)
    schedule = Schedule.proportional(8.0, 0.1, a=0.5, steps=12)
    best = BlindDenoiser(law, NoisePrior.aligned(schedule))
    offset = torch.tensor([0.1, 0.0, 0.2, 0.0], dtype=torch.float64)
    parts = measure_parts(law, lambda y: best(y) + offset, best, schedule, 3000, stream(5))
    assert parts.learning.numpy() == pytest.approx(0.05 * float(schedule.kl_weights.sum()), rel=1e-9)
    error = float(parts.difference.std()) / math.sqrt(3000)
    assert abs(float(parts.difference.mean())) <= Z * error
    whole = direct_total(law, lambda y: best(y) + offset, schedule, 3000, stream(6))
    spread = math.hypot(float(parts.total.std()) / math.sqrt(3000), whole.standard_error)
    assert abs(float(parts.total.mean()) - float(whole.per_step.sum())) <= Z * spread


def test_parts_refuse_a_schedule_whose_joint_law_is_unknown():
    law = manifolds.make("sphere", dim=2, ambient=15, reduced=True)
    schedule = Schedule.proportional(8.0, 0.1, a=0.2, steps=4)
    best = BlindDenoiser(law, NoisePrior.power(-3.0, 0.1, 8.0))
    with pytest.raises(ValueError, match="schedule must have a = 1/2"):
        measure_parts(law, best, best, schedule, 10, stream(0))


def test_transfer_of_one_step_is_a_sum_over_a_fine_grid_for_two_atoms():
    """Y_1 = f + c (u - f) + eta Z with f = tanh(u/sigma_0^2), by the trapezoid rule, which shares no code."""
    schedule = Schedule.proportional(1.2, 0.6, a=0.5, steps=1)
    c, eta, s0, s1 = 0.25, math.sqrt(0.36 - 0.0625 * 1.44), 1.2, 0.6

    def mixture(u, s):
        return 0.5 * (stats.norm.pdf(u, 1, s) + stats.norm.pdf(u, -1, s))

    u = np.linspace(-9, 9, 4001)
    f = np.tanh(u / s0**2)
    grid = np.linspace(-5, 5, 1601)
    moved = stats.norm.pdf(grid[:, None], f + c * (u - f), eta)
    p, q = mixture(grid, s1), np.trapezoid(mixture(u, s0) * moved, u, axis=1)
    found = marginal_divergence(make("atoms", 1, 50, points=((-1.0,), (1.0,))), schedule, radial=False)
    assert found.tv == pytest.approx(0.5 * np.trapezoid(np.abs(p - q), grid), rel=2e-4)
    assert found.kl == pytest.approx(np.trapezoid(p * np.log(p / q), grid), rel=1e-4)
    assert found.mass == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("m", [2, 3, 9])
def test_radial_kernel_is_the_noncentral_chi_law(m):
    r = np.linspace(0.05, 8, 50)
    found = _kernel(r, np.array([1.7]), 0.6, m, radial=True)[:, 0]
    exact = stats.ncx2.pdf((r / 0.6) ** 2, m, (1.7 / 0.6) ** 2) * 2 * r / 0.36
    assert found == pytest.approx(exact, rel=1e-8)


def test_sizes_of_a_law_are_its_moments():
    """A sphere of radius 3 in R^5; a line of two bumps whose mean is not zero; a curve of tabulated nodes."""
    sphere = make("sphere", 4, 50, radius=3.0)
    assert (scale(sphere), radius(sphere)) == pytest.approx((3.0, 3.0))
    assert coordinate_scale(sphere) == pytest.approx(3 / math.sqrt(5))
    assert level_range(sphere, 0.1) == pytest.approx(1 + math.log(30 / math.sqrt(5)))
    assert level_range(sphere, 10.0) == 1.0
    atoms = make("atoms", 1, 9, points=((0.0,), (4.0,)))
    assert (scale(atoms), radius(atoms)) == pytest.approx((2.0, 4.0))
    assert radius(make("gaussian", 9, 50)) == pytest.approx(3.0)
    assert (resolved_level(sphere, 0.02), resolved_level(make("ellipse", 1, 9, finest=0.1), 0.02)) == (0.02, 0.13)


def _held(steps=32):
    law = make("gaussian", 2, 10**6)
    f = BlindDenoiser(law, NoisePrior.power(-3.0, *ENDS[::-1]))
    return law, f, Schedule.proportional(*ENDS, a=0.5, steps=steps)


def test_a_held_run_states_the_papers_bounds_and_its_exact_law():
    """Gaussian, k = 2: every bound by hand, KL of N(0, v) from N(0, 1 + sigma_T^2) by the recursion of the variance."""
    law, f, schedule = _held()
    row = held_run(law, f, schedule, 500, 4096, stream(0, "held"))
    h = 2 * math.log(ENDS[0] / ENDS[1]) / 32
    assert row["h"] == pytest.approx(h)
    assert row["bound_init"] == pytest.approx(2 / (2 * ENDS[0] ** 2))
    assert row["bound_blind"] == pytest.approx((2 + 2) * 4 / 10**6 * 2 * (ENDS[1] ** -2 - ENDS[0] ** -2))
    assert row["bound_discretisation"] == pytest.approx(4 * h)
    assert row["discretisation"] == pytest.approx(_gaussian_disc(2, 32), rel=1e-7)
    assert row["tv_bound"] == pytest.approx(math.sqrt(row["total"] / 2))
    v = ENDS[0] ** 2
    for i in range(32):
        level2 = ENDS[0] ** 2 * math.exp(-h * i)
        keep = 1 / (1 + level2)
        v = (keep + math.exp(-h) * (1 - keep)) ** 2 * v + level2 * (math.exp(-h) - math.exp(-2 * h))
    r = (1 + ENDS[1] ** 2) / v
    assert row["exact_kl"] == pytest.approx(r - 1 - math.log(r), rel=1e-9)
    assert row["moment_low"] < v / (1 + ENDS[1] ** 2) < row["moment_high"]
    assert row["exact_kl"] < row["total"] and row["tv_lower"] <= row["tv_bound"]
    assert held_run(make("sphere", 2, 100), lambda y: 0 * y, schedule, 100, 64, stream(1))["exact_kl"] is None


def test_an_impostor_exceeds_the_certificate_of_the_honest_run():
    law, f, schedule = _held(256)
    row = impostor_run(law, f, lambda y: 0.8 * f(y), schedule, 800, 4096, stream(2, "impostor"))
    assert row["tv_bound"] == pytest.approx(math.sqrt(row["total"] / 2))
    assert row["tv_honest"] <= row["tv_bound"] < row["tv_sabotaged"]


def test_a_run_is_held_against_its_certificate_by_its_exact_divergence_or_its_total_variation():
    runs = pandas.DataFrame(
        {
            "tv_lower": [0.1, 0.35, 0.2],
            "tv_lower_truth": [0.05, 0.0, 0.1],
            "tv_bound": [0.5, 0.4, 1.0],
            "exact_kl": [0.1, None, 0.4],
            "total": [0.5, 0.3, 0.3],
        }
    )
    assert over_certificate(runs).to_numpy() == pytest.approx([0.2, 2 * 0.35**2 / 0.3, 4 / 3])
    assert told(runs).startswith("3 runs, 2 with a certificate on TV below 1, of which 2 are seen to differ")
    assert told(runs).endswith("its own samples: 0.02")


@pytest.mark.parametrize("weight", [1.0, 0.9])
def test_attained_certificates_are_one_integral_each(weight):
    """c^2 int sigma^-3 d sigma, and .5 k log terms of one Gaussian step; a spoilt weight spoils what it weighs."""
    learning = attained_learning(4.0, 5, 0.1, weight)
    assert learning.path == pytest.approx(weight * 0.01 * (1 - 1 / 16) / 2)
    # mean c (1 - 1/16) at variance 1
    assert learning.marginal == pytest.approx((0.1 * (1 - 1 / 16)) ** 2 / 2)
    steps = attained_discretisation(10.0, 4, 40000, stream(3, "attained"), weight)
    init = 2 * (0.01 - math.log1p(0.01))
    x = (1 - 0.01) / 1.01
    assert steps.closed == pytest.approx(init + 2 * (x - math.log1p(x)), rel=1e-9)
    assert steps.path == pytest.approx(init + weight * (steps.closed - init), abs=4 * steps.path_se)
    row = steps.row()
    assert row["over_low"] < row["over"] < row["over_high"] and row["over_closed"] == steps.marginal / steps.closed


LAW = make("gaussian", 2, 50)
HALF, SKEW = (Schedule.proportional(10.0, 0.1, a=a, steps=4) for a in (0.5, 0.3))
GIVEN = Schedule.from_injection(lambda t: 50.0 * torch.exp(-t), 10.0, HALF.horizon, 4)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: telescope_term(LAW, SKEW), "schedule must have a = 1/2"),
        (lambda: initial_term(LAW, -1.0, 10, stream(0)), "sigma must be"),
        (lambda: initial_term(LAW, 1.0, 1, stream(0)), "n must be at least 2"),
        (lambda: mmse_curves(LAW, 2.0, 1.0, 10, 8, stream(0)), "sigma_end must be below"),
        (lambda: mmse_curves(LAW, 0.1, 1.0, 0, 8, stream(0)), "n must"),
        (lambda: mmse_curves(LAW, 0.1, 1.0, 8, 0, stream(0)), "batches must"),
        (lambda: price_of_blindness(LAW, lambda y: y, 1.0, 1.0, 10, stream(0)), "sigma_end must be below"),
        (lambda: price_of_blindness(LAW, lambda y: y, 0.1, 1.0, 0, stream(0)), "n must"),
        (lambda: price_of_blindness(LAW, ConditionalDenoiser(LAW), 0.1, 1.0, 9, stream(0)), "f must be blind"),
        (lambda: held_run(LAW, lambda y: y, GIVEN, 10, 64, stream(0)), "schedule must be of the proportional"),
        (lambda: marginal_divergence(LAW, HALF, radial=False), "law must live on a line"),
        (
            lambda: marginal_divergence(LAW, Schedule.proportional(10.0, 0.1, a=0.0, steps=4), radial=True),
            "schedule must inject",
        ),
    ],
)
def test_instruments_refuse_what_they_cannot_answer(call, word):
    with pytest.raises(ValueError, match=word) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_the_curve_of_atoms_is_a_number_where_they_are_told_apart_for_certain():
    """Far below their distances the posterior's trace is exactly 0, whose logarithm is none."""
    law = manifolds.make("random_code", dim=2, ambient=64, reduced=True)
    (curve,) = mmse_curves(law, 0.01, 3.0, 200, 1, manifolds.stream(0, "curve of a code"))
    x = law.sample(4000, manifolds.stream(1, "curve of a code"))
    y = law.add_noise(x, 0.5, manifolds.stream(2, "curve of a code"))
    assert 0 <= float(curve(np.array(0.012))) < 1e-12
    assert float(curve(np.array(0.5))) == pytest.approx(float(law.posterior_trace(y, 0.5).mean()), rel=0.1)
