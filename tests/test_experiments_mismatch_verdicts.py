"""What the questions of the comparison decide, on small tables of known answer: value, interval, controls, note."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import toy_mismatch
from scipy import stats
from toy_mismatch import parts

from analysis.mismatch import (
    EXPERIMENT,
    adaptive_level,
    argument,
    estimators,
    factorial,
    levels,
    printed_settings,
    stopping,
)
from analysis.runs import judge

PAPER, SMOKE = SimpleNamespace(profile="paper"), SimpleNamespace(profile="smoke")


TABLES = {argument: toy_mismatch.argument, levels: toy_mismatch.levels, factorial: toy_mismatch.factorial,
          adaptive_level: toy_mismatch.adaptive, stopping: toy_mismatch.stopping, estimators: toy_mismatch.estimators,
          printed_settings: toy_mismatch.printed}  # fmt: skip
QUESTION = {claim.id: module for module in TABLES for claim in module.CLAIMS}

NULL = math.hypot(0.005, 0.002) / 2  # of the mean of two
HALF = 0.0005 * stats.norm.ppf(1 - 0.025 / 6)  # of one of six simultaneous intervals

# claim: (value, low, high) of the measurement, [low, high] of each control, note
EXPECTED = {
    "M1": ((-0.13, -0.15, -0.11), [(-0.04, 0.0), (-0.3, -0.26)],
           "4 cells, values -0.13 to 0.1; it turns at told/true exact a 0.15: 1.05, exact b 0.15: 0.92, "
           "trained a 0.15: 1.11, trained b 0.15: 0.88"),
    "M2": ((1.0015, 1.0015 - HALF, 1.0015 + HALF), [(1.001 - HALF, 1.001 + HALF), (1.007 - HALF, 1.007 + HALF)],
           "plain Euler, a = 0, true over scheduled level at the end: geometric 0.600"),
    "M3": ((2.1, 2.0, 2.3), [(3.1, 3.3), (0.95, 1.05)],
           "conditional/blind error: a 3.00, b 3.00, c 3.00, d 2.10, e 1.80"),
    "M4": ((0.145, 0.14, 0.15), [(0.121, 0.13), (1.2, 1.6), (5.0, 12.0)], ""),
    "M5": ((0.005, -0.005, 0.015), [(-0.004, 0.005), (0.026, 0.034)], "laws with a gap: a, b, c, d, e"),
    "A1": ((1.01, 0.98, 1.03), [(1.001 - NULL, 1.001 + NULL), (1.06, 1.1), (1.7, 1.85)], ""),
    "A1b": ((1.05, 0.98, 1.1), [(0.97, 1.05), (0.82, 0.88), (1.8, 2.0)], "over -2at/d alone: 2.10 at k = 4"),
    "A2": ((0.003, 0.002, 0.004), [(-0.0035, -0.0005), (0.0065, 0.0085)],
           "4 cells, values -0.0022 to 0.003; of which the drift is -0.0020 at most in size"),
    "A3": ((0.96, 0.93, 0.99), [(0.98, 1.04), (1.11, 1.17)],
           "3 cells, values 0.96 to 1.02; stopped over fixed length: 200: 0.15, 2000: 0.15, 200000: 0.15; "
           "1 predicted at d = 17179"),
    "A4": ((1.001, 0.999, 1.004), [(0.999, 1.004), (0.986, 0.99)],
           "true over nominal level after an adaptive run: residual 0.680 (predicted 0.685), "
           "trace 0.680 (predicted 0.685), probe 0.680 (predicted 0.685), short 0.680 (predicted 0.685)"),
    "K2": ((27.01, 26.81, 27.21), [(27, 27), (27.66, 28.06), (107.3, 107.7), (999.8, 1000.2)],
           "beta = .2: 107.5 steps; unsquared: step_cap at level 0.217, fixed point 0.222"),
    "K3": ((0.01, 0.002, 0.018), [(-0.008, 0.008), (0.022, 0.038)], ""),
}  # fmt: skip


def found(claim: str, tables: dict):
    """The measurement of a claim, and its verdict."""
    [measurement] = [m for m in QUESTION[claim].decide(tables, PAPER) if m.claim == claim]
    return measurement, judge(EXPERIMENT.claim(claim), measurement, seeded=False)


ELSEWHERE = {"M6", "M6b", "M6c", "M7", "M7b", "M8"}  # test_experiments_mismatch_headline.py


def test_every_claim_of_the_experiment_is_tested():
    assert set(EXPECTED) == {claim.id for claim in EXPERIMENT.claims} - ELSEWHERE == set(QUESTION)


@pytest.mark.parametrize("claim", EXPECTED)
def test_value_interval_controls_and_note(claim):
    value, controls, note = EXPECTED[claim]
    measurement, verdict = found(claim, TABLES[QUESTION[claim]]())
    assert (measurement.measured, measurement.low, measurement.high) == pytest.approx(value, rel=1e-9)
    assert [c.kind for c in measurement.controls] == ["null"] + ["power"] * (len(controls) - 1)
    for control, expected in zip(measurement.controls, controls, strict=True):
        assert (control.low, control.high) == pytest.approx(expected, rel=1e-9)
    assert (measurement.note, verdict.outcome, verdict.reason) == (note, "holds", "")


# claim, table, query of the rows that change, {column: (value, low, high) or a number}, outcome, control that says so
SPOILT = [
    ("M1", "mismatch_trained", "law == 'b' and factor == 1 and denoiser == 'trained'", {"turn": (-0.3, -0.32, -0.28)},
     "violated", ""),
    ("M1", "mismatch_argument", "law == 'b' and factor == 1 and arm == 'conditional'", {"turn": (0.19, 0.17, 0.21)},
     "inconclusive", "crosses a limit"),
    ("M1", "mismatch_trained", "law == 'b' and factor == 1 and arm == 'shifted'", {"turn": (-0.1, -0.12, -0.08)},
     "inconclusive", "power control (reads its argument 1.45"),
    ("M1", "mismatch_trained", "factor == 1 and denoiser == 'exact'", {"turn": (0.3, 0.28, 0.32)},
     "inconclusive", "null control (E|f_told"),
    ("M2", "mismatch_levels", "integrator == 'euler' and not sabotage", {"relative": 1.05}, "violated", ""),
    ("M2", "mismatch_levels", "integrator == 'exponential_euler'", {"scheduled": 1.5}, "inconclusive", "null control"),
    ("M2", "mismatch_levels", "sabotage", {"relative": 1.0}, "inconclusive", "power control (a denoiser that leaves"),
    ("M2", "mismatch_levels", "sabotage", {"relative": 1.1}, "inconclusive", "no power control within a factor 2"),
    ("M3", "mismatch_factorial", "law == 'd' and integrator == 'euler' and arm == 'conditional'",
     {"ratio": (2.1, 1.9, 2.3)}, "inconclusive", "crosses a limit"),
    ("M3", "mismatch_factorial", "law in ['c', 'd'] and integrator == 'euler' and arm == 'conditional'",
     {"ratio": (1.5, 1.4, 1.6)}, "violated", ""),
    ("M3", "mismatch_factorial", "arm == 'informed'", {"conditional_over_own": (1.0, 1.0, 1.0)},
     "inconclusive", "null control (a conditional denoiser told the true level"),
    ("M3", "mismatch_factorial", "integrator == 'exponential_euler'", {"ratio": (3.0, 2.5, 3.5)},
     "inconclusive", "power control (exponential Euler"),
    ("M4", "mismatch_factorial", "law == 'e' and consistent", {"over_price": (1.5, 1.2, 1.8)}, "violated", ""),
    ("M4", "mismatch_factorial", "arm == 'informed' and not consistent", {"over_price": (1.5, 1.2, 1.8)},
     "inconclusive", "null control (plain Euler, conditional denoiser told the true level"),
    ("M4", "mismatch_factorial", "arm == 'misread'", {"over_price": (0.9, 0.8, 1.1)},
     "inconclusive", "power control (told 1.08 times"),
    ("M4", "mismatch_factorial", "arm == 'conditional' and not consistent", {"over_price": (0.5, 0.4, 0.6)},
     "inconclusive", "power control (plain Euler, a = 0"),
    ("M5", "mismatch_factorial", "law == 'd' and arm == 'informed'", {"remaining_share": (0.2, 0.15, 0.25)},
     "violated", ""),
    ("M5", "mismatch_factorial", "ambient == 20000", {"remaining_share": (0.2, 0.15, 0.25)},
     "inconclusive", "null control (another ambient dimension"),
    ("M5", "mismatch_factorial", "arm == 'misinformed'", {"remaining_share": (0.0, 0.0, 0.0)},
     "inconclusive", "power control (told 1.04 times"),
    ("A1", "adaptive_level", "injects == 1.09 and predict == 'adaptive'", {"variance_ratio": (1.04, 1.02, 1.06)},
     "inconclusive", "power control (injected variance x 1.09"),
    ("A1b", "adaptive_level", "injects == 1.005", {"shift": (-0.098, -0.1, -0.09)},
     "inconclusive", "power control (injected variance x 1.005"),
    ("A1", "adaptive_level", "ambient == 10000 and t == 2 and scheme == predict == 'adaptive' and injects == 1",
     {"variance_ratio": (1.2, 1.15, 1.25)}, "violated", ""),
    ("A1", "adaptive_level", "ambient == 10000 and t == 2 and scheme == predict == 'scheduled'",
     {"variance_ratio": (1.2, 1.15, 1.25)}, "inconclusive", "null control (scheduled noise against 1/(2d)"),
    ("A1", "adaptive_level", "ambient == 10000 and scheme == 'scheduled' and predict == 'adaptive'",
     {"variance_ratio": (1.0, 0.99, 1.01)}, "inconclusive", "power control (scheduled noise against the adaptive"),
    ("A1b", "adaptive_level", "dim == 4 and t == 2 and scheme == 'adaptive' and injects == 1",
     {"shift": (-0.05, -0.06, -0.04)}, "violated", ""),
    ("A1b", "adaptive_level", "dim == 1 and t == 2 and scheme == 'adaptive'", {"shift": (-0.05, -0.06, -0.04)},
     "inconclusive", "null control (k = 1"),
    ("A1b", "adaptive_level", "t == 2 and scheme == 'scheduled'", {"shift": (-0.1, -0.101, -0.099)},
     "inconclusive", "power control (scheduled noise against the adaptive"),
    ("A2", "adaptive_start", "factor == 0.5 and scheme == predict", {"deviation": (-0.05, -0.06, -0.04)},
    "violated", ""),
    ("A2", "adaptive_start", "factor == 1 and scheme == predict", {"deviation": (-0.05, -0.06, -0.04)},
     "inconclusive", "null control (a start at the right level"),
    ("A2", "adaptive_start", "factor == 2 and scheme != predict", {"deviation": (0.001, 0.0, 0.002)},
     "holds", ""),
    ("A2", "adaptive_start", "start > factor", {"deviation": (0.001, 0.0, 0.002)},
     "inconclusive", "power control (a start 1.0075 times"),
    ("A3", "adaptive_stop", "ambient == 2000 and longer == 1", {"walk_ratio": (1.5, 1.3, 1.7)}, "violated", ""),
    ("A3", "adaptive_stop", "longer == 1", {"walk_itself": (1.2, 1.15, 1.25)},
     "inconclusive", "null control (the walk itself"),
    ("A3", "adaptive_stop", "longer > 1", {"walk_ratio": (1.01, 0.98, 1.04)},
     "inconclusive", "power control (steps 1.08 times"),
    ("A3", "adaptive_stop", "longer > 1", {"walk_ratio": (2.0, 1.9, 2.1)},
     "inconclusive", "no power control within a factor 2"),
    ("A4", "adaptive_bias", "estimator == 'probe' and sigma == 2", {"ratio": (0.9, 0.89, 0.91)}, "violated", ""),
    ("A4", "adaptive_bias", "estimator == 'residual'", {"predicted": 1.0},
    "inconclusive", "null control (the uncorrected"),
    ("A4", "adaptive_bias", "estimator == 'residual'", {"ratio": (1.0, 0.999, 1.001), "predicted": 1.0},
     "holds", ""),
    ("A4", "adaptive_bias", "estimator == 'short'", {"ratio": (1.0, 0.999, 1.001)},
     "inconclusive", "power control (a divergence"),
    ("K2", "step_counts", "variant == 'squared'", {"steps_mean": 100.0, "steps_low": 99.0, "steps_high": 101.0},
     "violated", ""),
    ("K2", "step_counts", "variant == 'squared'", {"steps_recursion": 30.0},
    "inconclusive", "null control (the recursion"),
    ("K2", "step_counts", "variant == 'more noise'", {"steps_mean": 27.2, "steps_low": 27.0, "steps_high": 27.4},
     "inconclusive", "power control (a = .21"),
    ("K2", "step_counts", "variant == 'beta_constant'", {"steps_mean": 27.0, "steps_low": 26.9, "steps_high": 27.1},
     "inconclusive", "power control (beta = .2"),
    ("K2", "step_counts", "variant == 'unsquared'", {"steps_mean": 27.0, "steps_low": 26.9, "steps_high": 27.1},
     "inconclusive", "power control (a_t = a sigma_hat"),
    ("K3", "truncated_training", "prior_high == 3", {"log_ratio": (0.3, 0.2, 0.4)}, "violated", ""),
    ("K3", "truncated_training", "prior_high == 4 and reads == 1", {"log_ratio": (0.3, 0.2, 0.4)},
    "inconclusive", "null control (trained to 4"),
    ("K3", "truncated_training", "reads > 1", {"log_ratio": (0.0, -0.01, 0.01)},
    "inconclusive", "power control (reads its level"),
]  # fmt: skip


@pytest.mark.parametrize("claim, name, where, change, outcome, words", SPOILT)
def test_a_spoilt_table_changes_the_verdict(claim, name, where, change, outcome, words):
    tables = TABLES[QUESTION[claim]]()
    chosen = tables[name].query(where).index
    assert len(chosen)
    for column, value in change.items():
        for end, number in parts(value):
            tables[name].loc[chosen, column + end] = number
    verdict = found(claim, tables)[1]
    assert verdict.outcome == outcome
    assert words in verdict.reason


# claim, table, query of the rows without which it is not decided
NEEDED = [
    ("M1", "mismatch_argument", "arm == 'conditional' and factor == 1"),
    ("M1", "mismatch_trained", "arm == 'conditional' and denoiser == 'trained'"),
    ("M1", "mismatch_trained", "denoiser == 'exact'"),
    ("M2", "mismatch_levels", "not sabotage"),
    ("M2", "mismatch_levels", "integrator == 'exponential_euler'"),
    ("M2", "mismatch_levels", "sabotage"),
    ("M3", "mismatch_factorial", "law in ['a', 'b'] and integrator == 'euler'"),
    ("M3", "mismatch_factorial", "law in ['a', 'b'] and integrator != 'euler'"),
    ("M4", "mismatch_factorial", "consistent and arm == 'conditional'"),
    ("M4", "mismatch_factorial", "arm == 'misread'"),
    ("M4", "mismatch_factorial", "not consistent and arm == 'informed'"),
    ("M4", "mismatch_factorial", "not consistent and arm == 'conditional'"),
    ("M5", "mismatch_factorial", "arm == 'informed' and ambient < 20000"),
    ("M5", "mismatch_factorial", "ambient == 20000"),
    ("M5", "mismatch_factorial", "arm == 'conditional'"),
    ("M5", "mismatch_factorial", "arm == 'misinformed'"),
    ("A1", "adaptive_level", "scheme == 'adaptive'"),
    ("A1", "adaptive_level", "injects == 1.09"),
    ("A1b", "adaptive_level", "injects == 1.005"),
    ("A1", "adaptive_level", "scheme == 'scheduled' and predict == 'scheduled'"),
    ("A1", "adaptive_level", "scheme == 'scheduled' and predict == 'adaptive'"),
    ("A1b", "adaptive_level", "scheme == 'adaptive' and dim == 4"),
    ("A1b", "adaptive_level", "dim == 1"),
    ("A1b", "adaptive_level", "scheme == 'scheduled'"),
    ("A2", "adaptive_start", "factor != 1 and scheme == predict"),
    ("A2", "adaptive_start", "factor == 1"),
    ("A2", "adaptive_start", "start > factor"),
    ("A3", "adaptive_stop", "longer == 1"),
    ("A3", "adaptive_stop", "longer > 1"),
    ("A4", "adaptive_bias", "estimator == 'residual'"),
    ("A4", "adaptive_bias", "estimator in ['trace', 'probe']"),
    ("A4", "adaptive_bias", "estimator == 'short'"),
    ("K2", "step_counts", "variant == 'unsquared'"),
    ("K2", "step_counts", "variant == 'more noise'"),
    ("K3", "truncated_training", "prior_high == 4"),
]


@pytest.mark.parametrize("claim, name, where", NEEDED)
def test_without_a_part_of_it_a_claim_is_not_decided(claim, name, where):
    tables = TABLES[QUESTION[claim]]()
    tables[name] = tables[name].drop(tables[name].query(where).index)
    assert claim not in {m.claim for m in QUESTION[claim].decide(tables, PAPER)}


def test_wrong_arguments_are_not_judged_without_a_sabotage():
    tables = {name: table[table.arm != "shifted"] for name, table in toy_mismatch.argument().items()}
    assert argument.decide(tables, PAPER) == []


def test_parts_that_are_not_needed_may_be_missing():
    main = toy_mismatch.factorial()["mismatch_factorial"]
    four = {"mismatch_factorial": main[(main.law != "a") | (main.arm == "misread")]}
    assert [m.claim for m in factorial.decide(four, PAPER)] == ["M3", "M4", "M5"]
    printed = toy_mismatch.printed()
    short = printed["truncated_training"].query("prior_high != 1")
    assert [m.claim for m in printed_settings.decide({"truncated_training": short}, PAPER)] == ["K3"]
    level = {"adaptive_level": toy_mismatch.adaptive()["adaptive_level"]}
    assert [m.claim for m in adaptive_level.decide(level, PAPER)] == ["A1", "A1b"]
    assert levels.decide({"mismatch_levels": toy_mismatch.levels()["mismatch_levels"].iloc[:0]}, PAPER) == []


def test_a_smoke_run_decides_what_its_few_samples_can():
    decided = {m.claim for module, table in TABLES.items() for m in module.decide(table(), SMOKE)}
    assert decided == {"K2"}
