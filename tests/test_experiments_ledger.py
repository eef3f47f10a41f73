"""The ledger experiment: its integrals against closed forms, its exact transfer against sums, its tables and verdicts by hand."""

import argparse
import math
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
import torch
from scipy import stats

import manifolds
from analysis import ledger as experiment_module
from analysis import theorems
from analysis.ledger.command import build, denoiser_name, terms
from analysis.ledger.direct import direct_total, measure_parts
from analysis.ledger.price import integrate_levels
from analysis.ledger.sizes import scale
from analysis.ledger.transfer import _kernel, marginal_divergence
from analysis.runs.claims import judge
from analysis.runs.options import UsageError, complete, parse
from analysis.samplers import Schedule
from analysis.theorems import pythagoras
from analysis.theorems.marginal_law import _gaussian_tv, cell_marginal, local_exponents
from analysis.theorems.price_bound import cell_price
from analysis.theorems.price_growth import fits
from analysis.theorems.pythagoras import cell_sum
from analysis.theorems.settings import case
from analysis.theorems.start import cell_init
from manifolds import stream
from manifolds.denoisers import BlindDenoiser, NoisePrior

EXPERIMENT = experiment_module.EXPERIMENT
PAPER = SimpleNamespace(profile="paper")
Z = 3.290527  # 99.9 %


# -- the catalogue and the integrals over noise levels --------------------------------------------------------------


def test_cantor_law_has_the_variance_of_cantors_set():
    """Sum of independent two-point digits: (1/8)(1 - 9^-n) after n generations, and mean zero."""
    law = case("cantor", 1000)
    assert scale(law) ** 2 == pytest.approx((1 - 9.0**-9) / 8, rel=1e-12)
    assert float(law.core.mean.abs().max()) < 1e-15


def test_integral_over_levels_is_the_closed_form():
    """int (|Y|^2/sigma^2 - d) d log sigma = (k/2)(low^-2 - high^-2) for a unit Gaussian; a part without Y has no error."""
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


def test_price_of_a_gaussian_and_its_information_are_closed_forms():
    """J = k [(1 + sigma_T^2)^-2 - (1 + sigma_0^2)^-2] and price = J/(2(d - k)) to leading order."""
    row = cell_price({"law": "gaussian", "ambient": 10**5, "end": 0.05, "points": 16000}, 3)[0]
    exact = 4 * ((1 + row["sigma_T"] ** 2) ** -2 - (1 + row["sigma_0"] ** 2) ** -2)
    assert row["J"] == pytest.approx(exact, rel=0.03)
    assert row["price_over_low"] - 1e-3 <= 1 <= row["price_over_high"] + 1e-3
    assert row["price_over_high"] - row["price_over_low"] < 0.01
    assert row["biased_over_low"] > 100  # an error of 5 % that does not fall with d


def test_two_atoms_have_the_known_information():
    row = cell_price({"law": "two_atoms", "ambient": 10**3, "end": 0.05, "points": 3000}, 1)[0]
    assert row["information"] * 2000 == pytest.approx(0.5173, rel=0.08)
    assert row["price_over_low"] <= 1.0 <= row["price_over_high"] + 0.002


# -- Pythagoras -----------------------------------------------------------------------------------------------------


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


def test_another_prior_leaves_a_cross_term():
    row = cell_sum({"law": "sphere", "dim": 4, "prior": "-1", "denoiser": "perturbed", "steps": 24, "points": 1000}, 0)[
        0
    ]
    assert row["difference_low"] > 0.01
    assert row["total"] == pytest.approx(
        row["init"] + row["blind"] + row["discretisation"] + row["learning"] + row["difference"] * row["total"],
        rel=1e-9,
    )


# -- the start ------------------------------------------------------------------------------------------------------


def test_init_cell_and_its_sabotage_are_gaussian_divergences():
    row = cell_init({"law": "gaussian", "start": 3.0, "points": 100}, 0)[0]
    sigma = row["sigma_0"]

    def divergence(target):
        r = (1 + sigma**2) / target**2
        return 4 * 0.5 * (r - 1 - math.log(r))

    assert row["ratio"] * row["bound"] == pytest.approx(divergence(sigma), rel=1e-7)
    assert row["narrow_ratio"] * row["bound"] == pytest.approx(divergence(0.8 * sigma), rel=1e-9)
    assert row["exact_ratio"] == pytest.approx(row["ratio"], rel=1e-7)


# -- exact marginal laws --------------------------------------------------------------------------------------------


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
    found = marginal_divergence(case("two_atoms", 50), schedule, radial=False)
    assert found.tv == pytest.approx(0.5 * np.trapezoid(np.abs(p - q), grid), rel=2e-4)
    assert found.kl == pytest.approx(np.trapezoid(p * np.log(p / q), grid), rel=1e-4)
    assert found.mass == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("m", [2, 3, 9])
def test_radial_kernel_is_the_noncentral_chi_law(m):
    r = np.linspace(0.05, 8, 50)
    found = _kernel(r, np.array([1.7]), 0.6, m, radial=True)[:, 0]
    exact = stats.ncx2.pdf((r / 0.6) ** 2, m, (1.7 / 0.6) ** 2) * 2 * r / 0.36
    assert found == pytest.approx(exact, rel=1e-8)


def test_marginal_cells_know_the_gaussian_and_the_radial_mass():
    """KL = k h^2/16 for a Gaussian, to leading order; the radial density carried over 16 steps keeps its mass."""
    gaussian = cell_marginal({"law": "gaussian", "dim": 2, "steps": 128}, 0)[0]
    assert gaussian["kl"] == pytest.approx(2 * gaussian["h"] ** 2 / 16, rel=0.03)
    assert cell_marginal({"law": "sphere", "dim": 2, "steps": 16}, 0)[0]["mass"] == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("k", [1, 5])
def test_gaussian_total_variation_is_the_integral_of_the_densities(k):
    v = 0.7
    kl = 0.5 * k * (1 / v - 1 + math.log(v))
    r = np.linspace(0, 12, 20001)
    gap = np.abs(stats.chi.pdf(r, k) - stats.chi.pdf(r / math.sqrt(v), k) / math.sqrt(v))
    assert _gaussian_tv(kl, k) == pytest.approx(0.5 * np.trapezoid(gap, r), rel=1e-4)


# -- tables and verdicts --------------------------------------------------------------------------------------------


def test_terms_are_the_sums_over_steps_with_independent_errors():
    run = {
        "law": "x",
        "dim": 2,
        "ambient": 9,
        "steps": 2,
        "a": 0.5,
        "denoiser": "blind",
        "sigma_start": 4.0,
        "sigma_end": 1.0,
    }
    values = {
        "blind": (0.1, 0.2),
        "discretisation": (0.3, 0.4),
        "learning": (0.0, 0.0),
        "cross": (0.0, 0.0),
        "total": (0.4, 0.6),
    }
    steps = [
        run
        | {"init": 0.05, "init_se": 0.0}
        | {n: v[i] for n, v in values.items()}
        | {f"{n}_se": 0.03 + 0.01 * i for n in values}
        for i in (0, 1)
    ]
    other = run | {
        "tv_lower": 0.1,
        "tv_lower_truth": 0.0,
        "bound_init": 1.0,
        "bound_blind": 2.0,
        "bound_discretisation": 3.0,
        "bound_learning": 0.0,
    }
    found = terms(pandas.DataFrame(steps), pandas.DataFrame([other])).set_index("term")
    assert found.loc["total", "nats"] == pytest.approx(1.05)
    assert found.loc["blind", "nats_se"] == pytest.approx(0.05)
    assert found.loc["discretisation", "bound"] == 3.0
    assert found.loc["total", "tv_certified"] == pytest.approx(min(math.sqrt(1.05 / 2), math.sqrt(1 - math.exp(-1.05))))


def test_local_exponents_of_a_power_law():
    table = pandas.DataFrame([{"law": "x", "dim": 1, "steps": n, "tv": 3.0 * n**-1.25} for n in (128, 16, 64, 32)])
    assert local_exponents(table, "tv")["exponent"].to_numpy() == pytest.approx([0.8, 0.8])


def _prices(exponent):
    rows = []
    for law in ("gaussian", "sphere"):
        for end in (0.2, 0.1, 0.05, 0.02, 0.01):
            price = 0.002 * (end**-exponent if law == "sphere" else 1)
            row = {
                "law": law,
                "ambient": 1000,
                "end": end,
                "dim": 4,
                "sigma_T": end,
                "sigma_0": 20.0,
                "price": price,
                "bound": 10 * end**-2.0,
                "offset": end**-2.0,
            }
            rows.append(row | {"price_low": 0.99 * price, "price_high": 1.01 * price})
    return pandas.DataFrame(rows)


@pytest.mark.parametrize("exponent", [0.0, 2.0])
def test_growth_of_the_price_is_read_from_the_table(exponent):
    found = fits({"theorems_price": _prices(exponent)})
    sphere = found[(found["law"] == "sphere") & (found["quantity"] == "price against 1/sigma_T")].iloc[0]
    assert sphere["low"] <= exponent <= sphere["high"]
    assert sphere["exponent"] == pytest.approx(exponent, abs=1e-9)
    assert found[found["quantity"] == "price of a constant error (power)"]["exponent"].to_numpy() == pytest.approx(
        [2.0, 2.0]
    )


@pytest.mark.parametrize(("shift", "outcome"), [(0.0, "holds"), (0.01, "inconclusive"), (0.03, "violated")])
def test_pythagoras_holds_if_every_law_does_and_one_law_refutes_it(shift, outcome):
    rows = []
    for law, prior, kind, gap in (
        ("gaussian", "aligned", "blind", 0.0),
        ("sphere", "aligned", "perturbed", shift),
        ("sphere", "-1", "perturbed", 0.04),
    ):
        rows.append(
            {
                "law": law,
                "prior": prior,
                "denoiser": kind,
                "difference": gap,
                "difference_low": gap - 0.002,
                "difference_high": gap + 0.002,
            }
        )
    (measurement,) = pythagoras.decide({"theorems_sum": pandas.DataFrame(rows)}, PAPER)
    assert (measurement.low, measurement.high) == pytest.approx(
        (shift - 0.002 if outcome == "violated" else -0.002, shift + 0.002)
    )
    assert judge(theorems.EXPERIMENT.claim("L1"), measurement).outcome == outcome


# -- the command line -----------------------------------------------------------------------------------------------


def test_a_selection_is_one_ledger_and_one_run_a_denoiser():
    options = parse(
        EXPERIMENT, ["--law", "sphere", "--dim", "8", "--ambient", "1000", "--steps", "64", "--denoiser", "blind"]
    )
    assert sorted(cell.part for cell in EXPERIMENT.plan(options)) == ["ledger", "ledger_run"]


@pytest.mark.parametrize("experiment", [EXPERIMENT, theorems.EXPERIMENT])
def test_defaults_plan_every_part(experiment):
    options = complete(
        experiment, {"profile": "paper", "seed": 0, "device": "cpu", "backend": "loky", "address": None}, "x"
    )
    assert {cell.part for cell in experiment.plan(options)} == set(experiment.parts)


@pytest.mark.parametrize(
    "words", [["--sigma-end", "30"], ["--law", "cube", "--ambient", "4"], ["--ambient", "5"], ["--law", "atoms"]]
)
def test_impossible_selections_are_refused_by_name(words):
    with pytest.raises(ValueError, match="argument --"):
        EXPERIMENT.plan(parse(EXPERIMENT, words))


@pytest.mark.parametrize("text", ["scaled:", "scaled:x", "scaled:inf", "exact"])
def test_unknown_denoisers_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="scaled:FACTOR"):
        denoiser_name(text)
    with pytest.raises(UsageError):
        parse(EXPERIMENT, ["--denoiser", text])


def test_named_denoisers_are_what_they_say():
    law = manifolds.make("sphere", dim=2, ambient=20, reduced=True)
    y = law.add_noise(law.sample(5, stream(0)), 0.7, stream(1))
    exact = BlindDenoiser(law, NoisePrior.power(-3.0, 0.1, 5.0))
    f, best = build("scaled:0.9", law, 0.1, 5.0)
    assert f(y).numpy() == pytest.approx(0.9 * exact(y).numpy(), rel=1e-5, abs=1e-9)
    assert best(y).numpy() == pytest.approx(exact(y).numpy(), rel=1e-5, abs=1e-9)
    conditional, none = build("conditional", law, 0.1, 5.0)
    assert none is None
    assert torch.equal(conditional(y, 0.7), law.denoise(y, 0.7))
