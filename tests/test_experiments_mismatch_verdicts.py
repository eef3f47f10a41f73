"""What the questions of the comparison decide, on small tables of known answer: value, interval, controls, note."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

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


def rows(*given: dict) -> pd.DataFrame:
    """Rows whose tuples (value, low, high) become three columns."""
    spread = [{k + end: v for k, value in row.items() for end, v in _parts(value)} for row in given]
    return pd.DataFrame(spread)


def _parts(value):
    return zip(("", "_low", "_high"), value) if isinstance(value, tuple) else (("", value),)


def _argument() -> dict:
    """Excess over an MMSE of 2: exact and trained, told and shifted, two laws; law b at factor 2 is the least clear."""
    found = {}
    parts = {"mismatch_argument": ("exact", 0.8, 0.6), "mismatch_trained": ("trained", 1.0, 0.4)}
    for name, (kind, usual, least) in parts.items():
        excess = {("conditional", law, f): usual for law in "ab" for f in (0.5, 2.0)} | {
            ("conditional", "b", 2.0): least
        }
        excess |= {("conditional", law, f): v for law in "ab" for f, v in ((1.0, 0.0), (1.1, -0.5))}
        # told half the level the shifted denoiser is right: at factor 2 it says nothing
        excess |= {("shifted", "a", 0.5): -0.5, ("shifted", "b", 0.5): -0.4, ("shifted", "a", 2.0): 0.9}
        shared = {"denoiser": kind, "sigma": 0.15, "mmse": 2.0, "expected_excess": 0.3}
        found[name] = rows(
            *(
                {"arm": arm, "law": law, "factor": f, **shared, "excess": (v, v - 0.02, v + 0.02)}
                for (arm, law, f), v in excess.items()
            )
        )
    found["mismatch_argument"] = found["mismatch_argument"].drop(columns="denoiser")
    return found


def _levels() -> dict:
    def run(integrator, sabotage, predicted, relative, se):
        shared = {"grid": "geometric", "integrator": integrator, "a": 0.0, "sabotage": sabotage, "relative_se": se}
        return [
            {**shared, "scheduled": scheduled, "predicted": p, "measured": p * r, "relative": r}
            for scheduled, p, r in zip((2.0, 1.0), predicted, relative)
        ]

    clean = run("euler", False, (2.0, 0.6), (1.0, 1.002), 0.001)
    kept = run("exponential_euler", False, (2.0, 1.0), (0.9985, 1.001), 0.0005)
    return {"mismatch_levels": rows(*clean, *kept, *run("euler", True, (2.0, 0.6), (1.0, 1.06), 0.001))}


def _factorial() -> dict:
    """Five laws under both integrators; law e lives in a dimension of its own, law a in a second one too."""
    found = []
    gaps = ((3.0, 2.5, 3.5), (3.0, 2.5, 3.5), (3.0, 2.5, 3.5), (2.1, 2.05, 2.3), (1.0, 0.9, 1.1))
    for integrator in ("euler", "exponential_euler"):
        consistent = integrator != "euler"
        for law, gap in zip("abcde", gaps):
            ratio = (1.0, 0.95, 1.05) if consistent else gap
            for arm in ("blind", "conditional", "informed"):
                own = ratio if arm == "conditional" else (1.0, 1.0, 1.0)
                over = (0.2, 0.0, 0.5) if consistent else {"conditional": (9.0, 5.0, 12.0)}.get(arm, (0.1, 0.0, 0.3))
                share = (1.0, 1.0, 1.0) if arm == "conditional" else (0.01, -0.02, 0.03)
                found.append({"law": law, "ambient": 1024 if law == "e" else 2000, "integrator": integrator, "arm": arm,
                              "consistent": consistent, "ratio": own, "conditional_over_own": ratio, "over_price": over,
                              "remaining_share": share})  # fmt: skip
    second = {**found[2], "ambient": 20_000, "remaining_share": (0.001, -0.004, 0.005)}
    return {"mismatch_factorial": rows(*found, second).assign(grid="geometric", a=0.0, steps=25)}


def _adaptive() -> dict:
    level = []
    for ambient, dim in ((10_000, 4), (100, 4), (100, 1)):
        for scheme in ("adaptive", "scheduled"):
            for predict in ("adaptive", "scheduled"):
                right = scheme == predict
                shift = (-0.105, -0.11, -0.098) if scheme == "adaptive" else (-0.02, -0.03, -0.01)
                if dim == 1 and scheme == "adaptive":
                    shift = (-0.101, -0.105, -0.097)
                last = {"t": 2.0, "variance_ratio": (1.01, 0.98, 1.03) if right else (0.3, 0.2, 0.4), "shift": shift}
                if scheme == "scheduled" and right:
                    last["variance_ratio"] = (0.99, 0.985, 0.995)
                first = {**last, "t": 1.0, "variance_ratio": (5.0, 4.0, 6.0), "shift": (1.0, 0.9, 1.1)}
                shared = {"ambient": ambient, "dim": dim, "a": 0.5, "scheme": scheme, "predict": predict}
                level += [{**shared, **row, "shift_predicted": -0.1, "shift_ito": -0.05} for row in (first, last)]
    start = []
    for factor in (0.5, 1.0, 2.0):
        for scheme in ("adaptive", "scheduled"):
            for predict in ("adaptive", "scheduled"):
                value = 0.004 * factor if scheme == predict else -0.1 * factor
                deviation = (value, value - 0.001, value + 0.001)
                start.append({"factor": factor, "scheme": scheme, "predict": predict, "deviation": deviation})
    return {"adaptive_level": rows(*level), "adaptive_start": rows(*start)}


def _stopping() -> dict:
    ratios = ((200, (0.02, 0.018, 0.022)), (2000, (0.15, 0.13, 0.17)), (200_000, (16.0, 14.0, 18.0)))
    return {"adaptive_stop": rows(*({"ambient": d, "ratio": r, "narrows_below_d": 17_179.4} for d, r in ratios))}


def _estimators() -> dict:
    found = []
    for estimator, near in (("residual", 0.9), ("trace", 1.001), ("probe", 0.999)):
        for sigma in (0.5, 2.0):
            value = near if sigma == 0.5 else (near + 2.0) / 3.0
            row = {"kind": "static", "estimator": estimator, "predicted": value if estimator == "residual" else 1.0}
            found.append({**row, "sigma": sigma, "ratio": (value, value - 0.003, value + 0.002)})
        run = {"kind": "run", "estimator": estimator, "sigma": 0.02, "ratio": (0.68, 0.67, 0.69), "predicted": 0.685}
        found.append(run)
    return {"adaptive_bias": rows(*found)}


def _printed() -> dict:
    steps = (("squared", 27.01, 27), ("beta_constant", 107.5, 108), ("unsquared", 1000.0, float("inf")))
    counted = [
        {"variant": v, "steps_mean": m, "steps_low": m - 0.02, "steps_high": m + 0.02, "steps_recursion": r,
         "run_status": "step_cap", "level_end": 0.2166, "fixed_point": 0.2222} for v, m, r in steps
    ]  # fmt: skip
    ratios = ((0.3, (5.0, 4.0, 6.0)), (1.0, (1.2, 1.1, 1.3)), (3.0, (1.01, 0.99, 1.03)), (4.0, (1.0, 0.98, 1.02)))
    return {
        "step_counts": rows(*counted),
        "truncated_training": rows(*({"prior_high": high, "ratio": r} for high, r in ratios)),
    }


TABLES = {argument: _argument, levels: _levels, factorial: _factorial, adaptive_level: _adaptive, stopping: _stopping,
          estimators: _estimators, printed_settings: _printed}  # fmt: skip
QUESTION = {claim.id: module for module in TABLES for claim in module.CLAIMS}

# claim: (value, low, high) of the measurement, [low, high] of each control, note
EXPECTED = {
    "M1": ((0.2, 0.19, 0.21), [(0.15, 0.15), (-0.21, -0.19)],
           "exact: 0.3, b, sigma = 0.15, factor 2; trained: 0.2, b, sigma = 0.15, factor 2"),
    "M2": ((1.002, 1.00004, 1.00396), [(0.99752, 0.99948), (1.05804, 1.06196)],
           "plain Euler, a = 0, true over scheduled level at the end: geometric 0.601"),
    "M3": ((4, 4, 4), [(4, 4), (0, 0)], "conditional/blind error: a 3.00, b 3.00, c 3.00, d 2.10, e 1.00"),
    "M4": ((0.2, 0.0, 0.5), [(0.0, 0.3), (5.0, 12.0)], ""),
    "M5": ((0.01, -0.02, 0.03), [(-0.004, 0.005), (1.0, 1.0)], "laws with a gap: a, b, c, d"),
    "A1": ((1.01, 0.98, 1.03), [(0.985, 0.995), (0.2, 0.4)], ""),
    "A1b": ((1.05, 0.98, 1.1), [(0.97, 1.05), (0.1, 0.3)], "over -2at/d alone: 2.10 at k = 4"),
    "A2": ((0.008, 0.007, 0.009), [(0.003, 0.005), (-0.051, -0.049)], ""),
    "A3": ((0.15, 0.13, 0.17), [(0.018, 0.022), (14.0, 18.0)],
           "crossover predicted at d = 17179; ratios 200: 0.02, 2000: 0.15, 200000: 16"),
    "A4": ((0.999, 0.996, 1.001), [(1 - 0.003 / 0.9, 1 + 0.002 / 0.9), (0.897, 0.902)],
           "true over nominal level after an adaptive run: residual 0.680 (predicted 0.685), "
           "trace 0.680 (predicted 0.685), probe 0.680 (predicted 0.685)"),
    "K2": ((27.01, 26.99, 27.03), [(27, 27), (107.48, 107.52), (999.98, 1000.02)],
           "beta = .2: 107.5 steps; unsquared: step_cap at level 0.217, fixed point 0.222"),
    "K3": ((1.01, 0.99, 1.03), [(0.98, 1.02), (4.0, 6.0)], ""),
}  # fmt: skip


def found(claim: str, tables: dict):
    """The measurement of a claim, and its verdict."""
    [measurement] = [m for m in QUESTION[claim].decide(tables, PAPER) if m.claim == claim]
    return measurement, judge(EXPERIMENT.claim(claim), measurement)


def test_every_claim_of_the_experiment_is_tested_here():
    assert set(EXPECTED) == {claim.id for claim in EXPERIMENT.claims} == set(QUESTION)


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
    ("M1", "mismatch_trained", "law == 'b' and factor == 2 and arm == 'conditional'", {"excess": (-0.2, -0.22, -0.18)},
     "violated", ""),
    ("M1", "mismatch_argument", "law == 'b' and factor == 2 and arm == 'conditional'", {"excess": (0.01, -0.01, 0.03)},
     "inconclusive", "crosses a limit"),
    ("M1", "mismatch_trained", "law == 'b' and arm == 'shifted'", {"excess": (0.2, 0.18, 0.22)},
     "inconclusive", "power control (a denoiser that reads"),
    ("M1", "mismatch_argument", "law == 'a'", {"expected_excess": -0.1}, "inconclusive", "null control (E|f_told"),
    ("M2", "mismatch_levels", "integrator == 'euler' and not sabotage", {"relative": 1.05}, "violated", ""),
    ("M2", "mismatch_levels", "integrator == 'exponential_euler'", {"scheduled": 1.5}, "inconclusive", "null control"),
    ("M2", "mismatch_levels", "sabotage", {"relative": 1.0}, "inconclusive", "power control (a denoiser that leaves"),
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
    ("M4", "mismatch_factorial", "arm == 'conditional' and not consistent", {"over_price": (0.5, 0.4, 0.6)},
     "inconclusive", "power control (plain Euler, a = 0"),
    ("M5", "mismatch_factorial", "law == 'b' and arm == 'informed'", {"remaining_share": (0.2, 0.15, 0.25)},
     "violated", ""),
    ("M5", "mismatch_factorial", "ambient == 20000", {"remaining_share": (0.2, 0.15, 0.25)},
     "inconclusive", "null control (another ambient dimension"),
    ("M5", "mismatch_factorial", "arm == 'conditional'", {"remaining_share": (0.0, 0.0, 0.0)},
     "inconclusive", "power control (told the level of the schedule"),
    ("A1", "adaptive_level", "ambient == 10000 and t == 2 and scheme == predict == 'adaptive'",
     {"variance_ratio": (1.2, 1.15, 1.25)}, "violated", ""),
    ("A1", "adaptive_level", "ambient == 10000 and t == 2 and scheme == predict == 'scheduled'",
     {"variance_ratio": (1.2, 1.15, 1.25)}, "inconclusive", "null control (scheduled noise against 1/(2d))"),
    ("A1", "adaptive_level", "ambient == 10000 and scheme == 'scheduled' and predict == 'adaptive'",
     {"variance_ratio": (1.0, 0.99, 1.01)}, "inconclusive", "power control (scheduled noise against the adaptive"),
    ("A1b", "adaptive_level", "dim == 4 and t == 2 and scheme == 'adaptive'", {"shift": (-0.05, -0.06, -0.04)},
     "violated", ""),
    ("A1b", "adaptive_level", "dim == 1 and t == 2 and scheme == 'adaptive'", {"shift": (-0.05, -0.06, -0.04)},
     "inconclusive", "null control (k = 1"),
    ("A1b", "adaptive_level", "t == 2 and scheme == 'scheduled'", {"shift": (-0.1, -0.101, -0.099)},
     "inconclusive", "power control (scheduled noise against the adaptive"),
    ("A2", "adaptive_start", "factor == 0.5 and scheme == predict", {"deviation": (-0.05, -0.06, -0.04)},
    "violated", ""),
    ("A2", "adaptive_start", "factor == 1 and scheme == predict", {"deviation": (-0.05, -0.06, -0.04)},
     "inconclusive", "null control (a start at the right level"),
    ("A2", "adaptive_start", "factor == 2 and scheme != predict", {"deviation": (0.001, 0.0, 0.002)},
     "inconclusive", "power control (one scheme against"),
    ("A3", "adaptive_stop", "ambient == 2000", {"ratio": (1.5, 1.3, 1.7)}, "violated", ""),
    ("A3", "adaptive_stop", "ambient == 200", {"ratio": (1.5, 1.3, 1.7)}, "inconclusive", "null control (d = 200)"),
    ("A3", "adaptive_stop", "ambient == 200000", {"ratio": (0.5, 0.4, 0.6)},
    "inconclusive", "power control (d = 200000"),
    ("A4", "adaptive_bias", "estimator == 'probe' and sigma == 2", {"ratio": (0.9, 0.89, 0.91)}, "violated", ""),
    ("A4", "adaptive_bias", "estimator == 'residual'", {"predicted": 1.0},
    "inconclusive", "null control (the uncorrected"),
    ("A4", "adaptive_bias", "estimator == 'residual'", {"ratio": (1.0, 0.999, 1.001), "predicted": 1.0},
     "inconclusive", "power control (the uncorrected"),
    ("K2", "step_counts", "variant == 'squared'", {"steps_mean": 100.0, "steps_low": 99.0, "steps_high": 101.0},
     "violated", ""),
    ("K2", "step_counts", "variant == 'squared'", {"steps_recursion": 30.0},
    "inconclusive", "null control (the recursion"),
    ("K2", "step_counts", "variant == 'beta_constant'", {"steps_mean": 27.0, "steps_low": 26.9, "steps_high": 27.1},
     "inconclusive", "power control (beta = .2"),
    ("K2", "step_counts", "variant == 'unsquared'", {"steps_mean": 27.0, "steps_low": 26.9, "steps_high": 27.1},
     "inconclusive", "power control (a_t = a sigma_hat"),
    ("K3", "truncated_training", "prior_high == 3", {"ratio": (1.3, 1.2, 1.4)}, "violated", ""),
    ("K3", "truncated_training", "prior_high == 4", {"ratio": (1.3, 1.2, 1.4)},
    "inconclusive", "null control (trained to 4"),
    ("K3", "truncated_training", "prior_high == .3", {"ratio": (1.0, 0.99, 1.01)},
    "inconclusive", "power control (trained to .3"),
]  # fmt: skip


@pytest.mark.parametrize("claim, name, where, change, outcome, words", SPOILT)
def test_a_spoilt_table_changes_the_verdict(claim, name, where, change, outcome, words):
    tables = TABLES[QUESTION[claim]]()
    chosen = tables[name].query(where).index
    assert len(chosen)
    for column, value in change.items():
        for end, number in _parts(value):
            tables[name].loc[chosen, column + end] = number
    verdict = found(claim, tables)[1]
    assert verdict.outcome == outcome
    assert words in verdict.reason


def test_what_cannot_be_compared_decides_nothing():
    tables = _argument()
    assert argument.decide({"mismatch_argument": tables["mismatch_argument"]}, PAPER) == []  # half of the claim
    assert argument.decide(tables, SMOKE) == []
    main = _factorial()["mismatch_factorial"]
    few = main[main.law.isin(["a", "b", "c"])]
    assert [m.claim for m in factorial.decide({"mismatch_factorial": few}, PAPER)] == ["M4", "M5"]
    assert [m.claim for m in factorial.decide({"mismatch_factorial": main}, SMOKE)] == ["M4"]
    assert [m.claim for m in adaptive_level.decide(_adaptive(), SMOKE)] == ["A2"]
    assert [m.claim for m in printed_settings.decide(_printed(), SMOKE)] == ["K2"]
    two = _stopping()["adaptive_stop"].iloc[:2]
    assert stopping.decide({"adaptive_stop": two}, PAPER) == []
    assert levels.decide({"mismatch_levels": _levels()["mismatch_levels"].iloc[:0]}, PAPER) == []
