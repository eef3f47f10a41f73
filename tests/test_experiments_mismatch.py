"""The comparison's plan, the levels of its runs, and what wrong arguments cost exact and trained denoisers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

import manifolds
from analysis.mismatch import EXPERIMENT, argument, levels
from analysis.mismatch.argument import argument_curve, cell_trained, risk_curve
from analysis.mismatch.compare import build_arm
from analysis.mismatch.levels import cell_levels, closed_form
from analysis.mismatch.settings import (
    CLOSED_FORM,
    GRIDS,
    INTEGRATOR_NAMES,
    LAWS,
    integrator_of,
    law_of,
    own_settings,
    schedule_of,
)
from analysis.theory import coefficients as theory
from analysis.training.fit import fit
from analysis.training.laws import law_of as trained_law
from manifolds.denoisers import ConditionalDenoiser, as_denoiser

COMBINATIONS = [(i, g, a) for i in INTEGRATOR_NAMES for g in GRIDS for a in (0.0, 0.2, 0.5) if own_settings(i, g, a)]
QUADRATURE = sorted(set(LAWS) - set(CLOSED_FORM))

# -- plan -------------------------------------------------------------------------------------------------------------


class _Options:
    profile, law, full_law, ambient, steps = "paper", ("mixture", "gaussian"), ("gaussian",), 2000, (15, 25)
    integrator, grid, device = INTEGRATOR_NAMES, GRIDS, "cpu"


@pytest.mark.parametrize("profile", ["smoke", "full"])
def test_plan_of_the_other_profiles_makes_no_run_twice(profile):
    options = type(
        "Other", (_Options,), {"profile": profile, "law": tuple(LAWS), "full_law": CLOSED_FORM, "device": "cuda:1"}
    )
    plan = EXPERIMENT.plan(options)
    cells = [(cell.part, tuple(sorted(cell.params.items()))) for cell in plan]
    assert len(set(cells)) == len(cells)
    # networks are trained where they are told to be
    assert {cell.params["device"] for cell in plan if cell.part == "mismatch_trained"} == {"cuda:1"}
    # images in the dimension of their pixels, and no law by quadrature where runs go lower than its nodes
    runs = [cell.params for cell in plan if cell.part == "mismatch_factorial"]
    assert {p["ambient"] for p in runs if p["law"] == "blobs"} == {32 * 32}
    assert {(p["grid"], p["a"], p["steps"]) for p in runs if p["law"] in QUADRATURE} == {("geometric", 0.0, 25)}


def test_plan_makes_no_run_twice():
    cells = [(cell.part, tuple(sorted(cell.params.items()))) for cell in EXPERIMENT.plan(_Options)]
    assert len(set(cells)) == len(cells)
    assert {part for part, _ in cells} == set(EXPERIMENT.parts)
    full = [
        dict(params) for part, params in cells if part == "mismatch_factorial" and dict(params)["law"] == "gaussian"
    ]
    assert {(p["integrator"], p["grid"], p["a"]) for p in full} == set(COMBINATIONS)


@pytest.mark.parametrize("call, words", [
    (lambda: law_of("nowhere", 10), "law must be one of"),
    (lambda: schedule_of("linear", 0.0, 5), "grid must be one of"),
    (lambda: build_arm("psychic", law_of("gaussian", 10), schedule_of("karras", 0.0, 5), None), "arm must be one of"),
])  # fmt: skip
def test_wrong_names_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# -- levels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, grid, a", COMBINATIONS)
def test_closed_form_is_that_of_the_sampler(name, grid, a):
    integrator, schedule = integrator_of(name), schedule_of(grid, a, 30)
    coefficients = integrator.coefficients(schedule)
    expected = closed_form(name, schedule, coefficients)
    torch.testing.assert_close(coefficients.normal_variance().sqrt(), expected, rtol=1e-10, atol=0)
    assert coefficients.normal_consistent == (name != "euler")


@pytest.mark.parametrize("name, a", [("euler", 0.0), ("euler", 0.5), ("kadkhodaie_simoncelli", 0.2), ("heun", 0.0)])
@pytest.mark.parametrize("arm", ["blind", "conditional"])
def test_runs_have_the_predicted_level_at_every_step(name, a, arm):
    params = {"law": "gaussian", "ambient": 4000, "integrator": name, "grid": "karras", "a": a, "steps": 20}
    rows = pd.DataFrame(cell_levels({**params, "arm": arm, "sabotage": False, "samples": 200}, 3)).astype(float)
    # 21 correlated steps: 99.9 % each, hence about 99 % together
    assert ((rows.relative - 1).abs() <= 3.3 * rows.relative_se).all()
    assert rows.relative_se.max() < 2e-3


@pytest.mark.parametrize("leak", [None, 0.02])  # what the sabotage leaves, and what no sampling error could hide
def test_a_denoiser_that_leaves_noise_breaks_the_closed_form(monkeypatch, leak):
    if leak is not None:
        monkeypatch.setattr(levels, "LEAK", leak)
    params = {
        "law": "gaussian",
        "ambient": 4000,
        "integrator": "euler",
        "grid": "geometric",
        "a": 0.0,
        "steps": 20,
        "arm": "conditional",
    }
    rows = pd.DataFrame(cell_levels({**params, "sabotage": True, "samples": 200}, 3)).astype(float)
    schedule = schedule_of("geometric", 0.0, 20)
    # f = clean + a share of the noise: c turns into c + share (1 - c)
    c, eta = theory.plain_euler(schedule.sigma.numpy(), 0.0)
    expected = np.sqrt(theory.noise_variance(c + levels.LEAK * (1 - c), eta, 400.0))
    # 200 points of 4000 directions: .0008 in the standard deviation
    np.testing.assert_allclose(rows.measured, expected, rtol=3e-3)
    assert rows.relative.iloc[-1] > (1.05 if leak else 1.003)


# -- wrong arguments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reads", "bracket"), [(1.0, (0.8, 1.25)), (1.45, (0.8, 1.25)), (0.7, (0.5, 2.0))])
def test_the_curve_turns_where_the_denoiser_is_told_what_it_reads_right(reads, bracket):
    law, sigma = manifolds.make("gaussian", dim=2, ambient=30, reduced=True), 0.25
    stream = manifolds.stream(5, "turn")
    x = law.sample(40_000, stream.child("x"))
    y = law.add_noise(x, sigma, stream.child("z"))
    exact = ConditionalDenoiser(law)
    spoilt = as_denoiser(lambda y, told: exact(y, reads * told), law.space)
    row = argument_curve(spoilt, x, y, sigma, bracket, law.space, bracket)[0]
    # reading `reads` times too much, it is right when told 1/reads; the curve of a Gaussian is a parabola in the gain
    # at what is read: exactly where that is what is told
    assert row["turn_low"] < row["turn"] < row["turn_high"]
    assert row["turn"] == pytest.approx(-math.log(reads), abs=0.03 if reads == 1 else 0.08)


def test_cost_of_a_wrong_argument_on_a_gaussian():
    k, s, sigma = 3, 0.7, 0.4
    law = manifolds.make("gaussian", dim=k, ambient=50, reduced=True, scale=s)
    source = manifolds.stream(5, "argument")
    x = law.sample(40_000, source.child("x"))
    y = law.add_noise(x, sigma, source.child("z"))
    rows = argument_curve(ConditionalDenoiser(law), x, y, sigma, (0.5, 2.0), law.space)
    assert [row["factor"] for row in rows] == [0.5, 1.0, 2.0]
    gain = [s**2 / (s**2 + (t * sigma) ** 2) for t in (0.5, 1.0, 2.0)]
    for g, row in zip(gain, rows):
        expected = k * (g - gain[1]) ** 2 * (s**2 + sigma**2)
        half = (row["excess_high"] - row["excess_low"]) / 2 * 3.3 / 1.96
        assert abs(row["excess"] - expected) <= half + 1e-15
        assert row["mse_low"] < k * s**2 * sigma**2 / (s**2 + sigma**2) + expected < row["mse_high"] or g != gain[1]


def test_a_blind_denoiser_has_no_wrong_argument():
    law = manifolds.make("gaussian", dim=2, ambient=50, reduced=True)
    x = law.sample(100, manifolds.stream(0, "x"))
    rows = argument_curve(lambda y: 0.5 * y, x, 2.0 * x, 0.3, (0.5, 2.0), law.space)
    assert all(row["excess"] == 0.0 and row["mse"] == 0.0 for row in rows)


# -- trained networks -------------------------------------------------------------------------------------------------

TRAINED = {
    "law": "gaussian", "dim": 2, "ambient": 16, "architecture": "locally_linear", "width": 32, "batch": 256,
    "steps": 250, "lr": 1e-2, "prior": "balanced", "low": 0.05, "high": 5.0, "points": 4000, "levels": ".15 .6",
    "factors": ".5 2", "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def curves():
    """Rows of a network trained for a second, and of its blind sibling."""
    factors = f"{TRAINED['factors']} {argument.SHIFT} {argument.SHIFT / 2}"  # to see what the shifted one is told
    params = TRAINED | {"factors": factors}
    return {blind: pd.DataFrame(cell_trained({**params, "blind": blind}, 0)) for blind in (False, True)}


def test_curve_without_the_noise_of_the_clean_points_is_the_plain_risk():
    """Any f of y: mmse + E|f_sigma - f|^2 at every told level, against |f - x|^2 on other points; closed-form MMSE."""
    law = trained_law(TRAINED)
    source = manifolds.stream(3, "plain")
    rough = as_denoiser(lambda y, told: y / (1 + 2 * told**2) + 0.1 * torch.sin(3 * y), law.space)
    y = law.add_noise(law.sample(20_000, source.child("x")), 0.6, source.child("z"))
    for row in risk_curve(rough, law, y, 0.6, (0.5, 2.0)):
        own = source.child(row["factor"])
        x = law.sample(20_000, own.child("x"))
        errors = (rough(law.add_noise(x, 0.6, own.child("z")), row["factor"] * 0.6) - x).square().sum(dim=1)
        half = (row["mse_high"] - row["mse_low"]) / 2 / 1.96
        assert abs(float(errors.mean()) - row["mse"]) < 3.3 * math.hypot(half, float(errors.std()) / math.sqrt(20_000))
        # N(0, 1) in the plane: variance .36/1.36 a direction
        assert row["mmse"] == pytest.approx(2 * 0.36 / 1.36, rel=1e-12)


def test_a_network_told_the_truth_has_its_plain_risk(curves):
    law = trained_law(TRAINED)
    draws = manifolds.stream(0, "mismatch trained", "gaussian", 2, 16)
    network = fit({**TRAINED, "blind": False}, law, draws.child("training", False))  # the cell's own weights
    source = manifolds.stream(8, "plain risk")
    for sigma in (0.15, 0.6):
        x = law.sample(20_000, source.child("x", sigma))
        errors = (network(law.add_noise(x, sigma, source.child("z", sigma)), sigma) - x).square().sum(dim=1)
        row = (
            curves[False]
            .query("denoiser == 'trained' and arm == 'conditional' and factor == 1 and sigma == @sigma")
            .iloc[0]
        )
        # over the MMSE, since the cell's rows leave out the noise of the clean points
        assert abs(float(errors.mean()) - row.mse) < 3.3 * float(errors.std()) / math.sqrt(20_000) + (
            row.mse_high - row.mse_low
        )


@pytest.mark.parametrize("sigma", [0.15, 0.6])
def test_a_trained_curve_follows_the_exact_one(curves, sigma):
    """Exact: the excess k (g_told - g)^2 (s^2 + sigma^2) of a Gaussian; the network's MSE is within 3 % of it."""
    rows = curves[False].query("sigma == @sigma")
    exact = rows.query("denoiser == 'exact'").set_index("factor")
    trained = rows.query("denoiser == 'trained' and arm == 'conditional'").set_index("factor")
    for told in (0.5, 1.0, 2.0):
        gain = [1 / (1 + (t * sigma) ** 2) for t in (told, 1.0)]
        expected = 2 * (gain[0] - gain[1]) ** 2 * (1 + sigma**2)
        assert exact.excess[told] == pytest.approx(
            expected, rel=0.08, abs=1e-15
        )  # 4000 points: chi-square of 8000 degrees of freedom
        assert trained.mse[told] == pytest.approx(exact.mse[told], rel=0.03)
    assert trained.mse[1.0] < 1.01 * trained.mmse[1.0]
    assert (trained.mse >= trained.mmse).all()  # no function of y errs less than the posterior mean


def test_a_shifted_network_is_the_network_told_more(curves):
    for _, rows in curves[False].query("denoiser == 'trained'").groupby("sigma"):
        mse = rows.set_index(["arm", "factor"]).mse
        for factor in (0.5, 1.0):
            told = argument.SHIFT * factor
            assert mse["shifted", factor] == pytest.approx(mse["conditional", told], rel=1e-12)
    blind = curves[True]
    assert set(blind.factor) == {1.0} and (blind.excess == 0).all()
    assert (blind.mse < 1.06 * blind.mmse).all()


def test_only_a_denoiser_has_a_curve():
    with pytest.raises(ValueError, match="architecture must be one of a denoiser, got noise_level"):
        cell_trained({**TRAINED, "architecture": "noise_level", "width": 0, "blind": True, "steps": 2}, 0)
