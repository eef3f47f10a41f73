"""Runs of several arms beside the price of blindness, against exact recursions and numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

import manifolds
from analysis.metrics.intervals import Estimate
from analysis.mismatch.compare import ROOM, build_arm, compare, exact_blind, summarise
from analysis.mismatch.factorial import _over_price, cell_factorial
from analysis.mismatch.perturbed import cell_perturbed
from analysis.mismatch.phase import cell_phase
from analysis.mismatch.price import blind_drift_errors, distance_price, drift_weights, path_price
from analysis.mismatch.settings import (
    CLOSED_FORM,
    INTEGRATOR_NAMES,
    LAWS,
    ambient_of,
    columns,
    ends,
    farthest,
    integrator_of,
    law_of,
    levels_of,
    schedule_of,
    with_rows,
)
from analysis.theory import coefficients as theory
from analysis.theory.gaussian_run import output_variance

# -- the price of blindness -------------------------------------------------------------------------------------------


def test_blind_drift_error_of_a_gaussian():
    k, d, s, sigma = 4, 20_004, 0.5, 0.4
    law = manifolds.make("gaussian", dim=k, ambient=d, reduced=True, scale=s)
    error = blind_drift_errors(
        exact_blind(law, 0.02, 20.0), law, torch.tensor([sigma]), 20_000, manifolds.stream(1, "drift")
    )
    # df/dlog sigma = -2 s^2 sigma^2/(s^2+sigma^2)^2 y, times a level that is off by N(0, 1/(2n)) in its logarithm
    slope = 2 * s**2 * sigma**2 / (s**2 + sigma**2) ** 2
    expected = k * (s**2 + sigma**2) * slope**2 / (2 * (d - k))
    # relative variance of |u|^2 delta^2: 3 (1 + 2/k) - 1
    assert float(error[0]) == pytest.approx(expected, rel=3.3 * math.sqrt((3 * (1 + 2 / k) - 1) / 20_000) + 2e-3)


def test_drift_weights_are_those_of_a_step_with_constant_f():
    schedule = schedule_of("geometric", 0.2, 60)
    for name in INTEGRATOR_NAMES:
        integrator = integrator_of(name)
        steps = integrator.coefficients(schedule)
        weights = drift_weights(integrator, steps)
        assert weights[-1] >= 1.0
        one = torch.ones(1, 2, dtype=torch.float64)
        # from y = 0 with f = 1 everywhere a step leads to its weight
        moved = torch.stack(
            [integrator.mean(0 * one, one, i, steps, lambda v, j: torch.ones_like(v))[0, 0] for i in range(60)]
        )
        assert float(weights.sum()) == pytest.approx(float(moved.sum()) + 1.0, rel=1e-12)


def test_prices_by_hand():
    schedule = schedule_of("geometric", 0.5, 3)
    integrator = integrator_of("exponential_euler")
    steps = integrator.coefficients(schedule)
    errors = torch.tensor([4.0, 1.0, 0.25, 0.04], dtype=torch.float64)
    c = steps.contraction
    by_hand = float(2 * (1 - c[0]) + (1 - c[1]) + 0.5 * (1 - c[2]) + 0.2)
    assert distance_price(errors, integrator, steps) == pytest.approx(by_hand, rel=1e-14)
    nats = sum(float((1 - c[i]) ** 2 * errors[i] / (2 * steps.noise_variance[i])) for i in range(3))
    assert path_price(errors, steps) == pytest.approx(nats, rel=1e-14)
    assert path_price(errors, integrator.coefficients(schedule_of("geometric", 0.0, 3))) == math.inf


# -- comparisons ------------------------------------------------------------------------------------------------------


def test_gaussian_errors_are_those_of_the_exact_recursion():
    law = law_of("gaussian", 20_000)
    schedule, integrator = schedule_of("geometric", 0.0, 15), integrator_of("euler")
    rows = compare(
        law, schedule, integrator, ("blind", "conditional", "informed"), 1500, 6, manifolds.stream(2, "recursion")
    )
    levels, (c, eta) = schedule.sigma.numpy(), theory.plain_euler(schedule.sigma.numpy(), 0.0)
    told = {"blind": "true", "informed": "true", "conditional": "scheduled"}
    for row in rows:
        # two centred isotropic Gaussians: every slice is at distance |sd - sd'|
        expected = (math.sqrt(output_variance(c, eta, levels, 0.5, told[row["arm"]])) - 0.5) ** 2
        half = (row["excess_square_high"] - row["excess_square_low"]) / 2
        assert (
            abs(row["excess_square"] - expected) <= 6.9 / 2.57 * half
        )  # t with 5 degrees of freedom: 99.9 % over 95 %
    blind, conditional, informed = rows
    assert conditional["ratio_low"] > 2
    assert informed["distance_to_blind"] < 0.05 * conditional["distance_to_blind"]
    assert abs(informed["remaining_share"]) < 0.01


def test_consistent_coefficients_make_informed_and_conditional_one_run():
    law = law_of("mixture", 500)
    rows = compare(
        law,
        schedule_of("karras", 0.2, 8),
        integrator_of("exponential_euler"),
        ("blind", "conditional", "informed"),
        100,
        3,
        manifolds.stream(0, "same"),
    )
    for name in ("error", "gap_square", "distance_to_blind", "ratio"):
        assert rows[1][name] == rows[2][name]
    arm = build_arm(
        "informed",
        law,
        schedule_of("karras", 0.2, 8),
        integrator_of("exponential_euler").coefficients(schedule_of("karras", 0.2, 8)),
    )
    torch.testing.assert_close(arm.told, schedule_of("karras", 0.2, 8).sigma, rtol=1e-12, atol=0)


QUADRATURE = sorted(set(LAWS) - set(CLOSED_FORM))


def _main_run(name):
    """Schedule and coefficients of the main comparison of a law, plain Euler at a = 0: the run that goes lowest."""
    schedule = schedule_of("geometric", 0.0, 25, *levels_of(name))
    return schedule, integrator_of("euler").coefficients(schedule)


@pytest.mark.parametrize("name", QUADRATURE)
def test_nodes_are_fine_enough_where_a_mismatched_run_ends(name):
    """At the lowest level reached, four times as many nodes (a surface) and a longer prior change nothing."""
    _, coefficients = _main_run(name)
    (start, end), lowest = levels_of(name), float(coefficients.normal_variance()[-1].sqrt())
    # start prod (1 - h_i), h_i = log(sigma_i/sigma_{i+1}): told geometric levels, the true one is below
    assert lowest == pytest.approx(start * (1 - math.log(start / end) / 25) ** 25, rel=1e-12) and lowest < 0.7 * end
    laws = [law_of(name, ambient_of(name, 2000), finest=LAWS[name]["finest"] * share) for share in (1.0, 0.5)]
    y = laws[0].add_noise(laws[0].sample(20, manifolds.stream(0, name, "x")), lowest, manifolds.stream(0, name, "z"))
    for arm in (lambda law: exact_blind(law, end, start)(y), lambda law: law.denoise(y, lowest)):
        coarse, fine = (arm(law) for law in laws)
        moved, size = laws[0].space.sqnorm(coarse - fine).max().sqrt(), laws[0].posterior_trace(y, lowest).mean().sqrt()
        assert float(moved) < 1e-4 * float(size)


def test_a_run_below_the_level_of_the_nodes_is_refused():
    schedule, coefficients = _main_run("trefoil")
    reached = float(coefficients.normal_variance()[-1].sqrt())
    for arm in ("blind", "informed"):
        assert (
            build_arm(arm, law_of("trefoil", 2000, finest=reached / (1.001 * ROOM)), schedule, coefficients).name == arm
        )
        with pytest.raises(ValueError, match="finest must be at most"):
            build_arm(arm, law_of("trefoil", 2000, finest=1.001 * reached / ROOM), schedule, coefficients)


def test_summary_by_hand():
    row = summarise(np.array([4.0, 4.0, 4.0]), np.array([1.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0]))
    assert (row["error"], row["floor"], row["excess_square"], row["gap_square"], row["error_gap"]) == (
        2.0,
        1.0,
        3.0,
        3.0,
        1.0,
    )
    assert row["ratio"] == pytest.approx(2.0)


# -- the comparison's other cells ------------------------------------------------------------------------------------


def _gaussian_output(c, eta, told, start: float, s: float = 0.5) -> float:
    """Output sd of a run on N(0, s^2) told levels `told`: x+ = (g + c (1 - g)) x + eta z, g = s^2/(s^2 + told^2)."""
    variance = start**2
    gains = s**2 / (s**2 + np.asarray(told) ** 2)
    for g, contraction, noise in zip(gains, c, eta):
        variance = (g + contraction * (1 - g)) ** 2 * variance + noise**2
    return float(gains[-1] * math.sqrt(variance))


COMMON = {"law": "gaussian", "ambient": 20_000, "steps": 15, "samples": 1000, "replicates": 4}


@pytest.mark.parametrize(
    "kind, size, a", [("told", 0.2, 0.0), ("start", 2.0, 0.0), ("start", 2.0, 0.5), ("last", 10.0, 0.0)]
)
def test_errors_of_a_wrong_schedule_are_those_of_the_recursion(kind, size, a):
    params = {**COMMON, "perturbation": kind, "size": size, "a": a, "integrator": "exponential_euler"}
    found = {row["arm"]: row for row in cell_perturbed(params, 0)}
    levels = 20.0 * (0.02 / 20.0) ** (np.arange(16) / 15)
    if kind == "last":
        levels = np.append(20.0 * (0.2 / 20.0) ** (np.arange(15) / 14), 0.02)
    # d sigma/dt = -(1 - a) sigma; exponential Euler keeps sigma: eta^2 = sigma_+^2 - c^2 sigma^2
    c = (levels[1:] / levels[:-1]) ** (1 / (1 - a))
    eta = np.sqrt(np.maximum(levels[1:] ** 2 - (c * levels[:-1]) ** 2, 0.0))
    start = 20.0 * (size if kind == "start" else 1.0)
    true = np.sqrt(levels**2 + (start**2 - 400.0) * np.append(1.0, np.cumprod(c**2)))
    told = {"conditional": levels * (1 + size if kind == "told" else 1.0), "informed": true, "blind": true}
    for arm, row in found.items():
        assert row["true_over_scheduled_end"] == pytest.approx(true[-1] / 0.02, rel=1e-9)
        expected = (_gaussian_output(c, eta, told[arm], start) - 0.5) ** 2
        half = (row["excess_square_high"] - row["excess_square_low"]) / 2
        # t with 3 degrees of freedom: 99.9 % over 95 %
        assert abs(row["excess_square"] - expected) <= 12.92 / 3.18 * half + 0.02 * expected
    # noise that is injected forgets the start, and a last step that keeps the level does no harm
    if kind != "last" and a == 0.0:
        assert found["conditional"]["ratio_low"] > 1.05 and found["informed"]["ratio"] == pytest.approx(1.0, abs=0.02)


def test_phase_cell_has_the_steps_the_mismatch_and_the_outcome_of_its_closed_form():
    params = {"law": "gaussian", "ambient": 20_000, "integrator": "euler", "samples": 1000, "replicates": 4}
    outcomes = {}
    for a, h in ((0.0, 1.0), (0.7, 1.0), (0.0, 0.02)):
        if h < 0.1:
            params = {**params, "samples": 50, "replicates": 2}
        [row] = cell_phase({**params, "a": a, "step_length": h}, 0)
        horizon = math.log(1000.0) / (1 - a)
        assert row["steps"] == round(horizon / h) and row["h"] == pytest.approx(horizon / row["steps"], rel=1e-12)
        q, v = math.exp(-2 * (1 - a) * row["h"]), 1.0  # v: true over scheduled variance
        for _ in range(row["steps"]):
            v = ((1 - row["h"]) ** 2 * v + a / (1 - a) * (1 - q)) / q
        assert row["log_mismatch_end"] == pytest.approx(0.5 * math.log(v), rel=1e-9)
        assert row["ratio"] == pytest.approx(row["conditional_error"] / row["blind_error"], rel=1e-9)
        outcomes[a, h] = row["outcome"]
    assert outcomes == {(0.0, 1.0): "wins", (0.7, 1.0): "loses", (0.0, 0.02): "ties"}


def test_factorial_rows_carry_the_price_and_the_mismatch_of_their_run():
    params = {
        "law": "gaussian",
        "ambient": 2000,
        "grid": "geometric",
        "a": 0.0,
        "steps": 8,
        "samples": 400,
        "replicates": 3,
    }
    euler, kept = (cell_factorial({**params, "integrator": i, "plug_in": i == "euler"}, 0) for i in ("euler", "ddim"))
    assert [row["arm"] for row in euler] == ["blind", "conditional", "informed", "plug_in"] and len(kept) == 3
    assert {row["consistent"] for row in euler} == {False} and {row["consistent"] for row in kept} == {True}
    h = math.log(1000.0) / 8
    assert euler[0]["log_mismatch_end"] == pytest.approx(8 * (math.log(abs(1 - h)) + h), rel=1e-9)
    assert kept[0]["log_mismatch_end"] == pytest.approx(0.0, abs=1e-12)
    for row in (*euler, *kept):
        assert row["path_price_nats"] == math.inf  # no noise is injected
        assert row["over_price"] == pytest.approx(abs(row["error_gap"]) / row["price"], rel=1e-12)
    # sum_i (1 - c_i) sqrt(E|f* - f|^2) per coordinate; E|f* - f|^2 = k (s^2 + sigma^2) (df/dlog sigma)^2/(2(d - k))
    levels = 20.0 * 1e-3 ** (np.arange(9) / 8)
    error = np.sqrt((0.25 + levels**2) / (2 * 1996)) * 2 * 0.25 * levels**2 / (0.25 + levels**2) ** 2
    weights = np.append(1 - levels[1:] / levels[:-1], 1.0)
    assert kept[0]["price"] == pytest.approx(float(weights @ error), rel=0.1)


# -- intervals in tables ----------------------------------------------------------------------------------------------


def rows(*given: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame([dict(zip(("x", "x_low", "x_high"), row)) for row in given])


def test_intervals_in_tables():
    made = rows((1.0, 0.5, 1.2), (0.9, 0.8, 1.6), (1.0, 1.0, 1.0))
    assert ends(made.iloc[0], "x") == (1.0, 0.5, 1.2)
    assert farthest(made, "x", 1.0) == (0.9, 0.8, 1.6)
    assert farthest(made, "x", 2.0) == (1.0, 0.5, 1.2)
    assert farthest(made.iloc[:0], "x", 1.0) is None
    assert columns("x", Estimate(1.0, 0.5, 1.2)) == {"x": 1.0, "x_low": 0.5, "x_high": 1.2}
    assert with_rows({"a": made}, "a", "b") is None and with_rows({"a": made}, "a") == [made]


@pytest.mark.parametrize("gap, expected", [
    ((0.3, 0.1, 0.5), (3.0, 1.0, 5.0)),
    ((-0.3, -0.5, -0.1), (3.0, 1.0, 5.0)),
    ((0.1, -0.2, 0.4), (1.0, 0.0, 4.0)),
])  # fmt: skip
def test_a_signed_gap_is_folded_at_zero(gap, expected):
    found = _over_price(dict(zip(("error_gap", "error_gap_low", "error_gap_high"), gap)), 0.1)
    assert tuple(found.values()) == pytest.approx(expected)
