"""What the questions about the noise level decide, on small tables of known answer: value, interval, controls."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pandas as pd
import pytest
from scipy import stats

from analysis.noise_level import (
    EXPERIMENT,
    concentration,
    histograms,
    identities,
    images,
    information,
    residual,
    risk,
    worst_case,
)
from analysis.noise_level.settings import as_control, exact, measured, of_profile, pooled, worst
from analysis.runs import judge

PAPER, SMOKE = SimpleNamespace(profile="paper"), SimpleNamespace(profile="smoke")


def half(cases: int) -> float:
    """Half width, in standard errors, of one of so many simultaneous 95 % intervals."""
    return float(stats.norm.ppf(1 - 0.05 / (2 * cases)))


def table(count: int, **columns) -> pd.DataFrame:
    return pd.DataFrame({name: v if isinstance(v, list) else [v] * count for name, v in columns.items()})


def _risk() -> dict:
    cases = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    steps = {
        "blind": [(0.001, 0.002), (-0.0049, 0.001), (0.0002, 0.003), (0.002, 0.002)],
        "reference": [(0.0005, 0.001)] * 4,
        "scaled by 1.02": [(-0.05, 0.002), (-0.01, 0.002), (-0.01, 0.002), (-0.035, 0.002)],
        "prior range off by 5": [(0.3, 0.02)] * 4,
    }
    rows = [
        {"law": law, "direction": g, "candidate": name, "step": step, "step_se": se}
        for name, values in steps.items()
        for (law, g), (step, se) in zip(cases, values)
    ]
    return {"risk": pd.DataFrame(rows)}


def _identities() -> dict:
    atoms = ["score", "Hessian", "Lemma 3.7, first", "Lemma 3.7, second"]
    errors = {"error": [1e-12, 2e-9, 1e-11, 3e-9], "sabotaged": [0.5, 1.4e-8, 1e-12, 1.6e-8]}
    return {
        "exact_atoms": table(4, identity=atoms, error=[1e-40, 1e-41, 2e-39, 1e-40]),
        "identities": table(4, law=["a", "a", "b", "b"], level=0.3, identity=["score", "distance"] * 2, **errors),
        "lambda_posterior": table(4, law=["a", "a", "b", "b"], level=0.3, alpha=[0.0, 2.0] * 2, derivative=1, **errors),
    }


def _information() -> dict:
    return {
        # Gaussian data notice the sabotage at two levels; other laws do not count
        "information": table(3, law=["a", "gaussian", "gaussian"], level=[1.0, 1.0, 0.5], ratio=[1.0, 0.99, 1.0],
                             ratio_se=[0.002, 0.001, 0.001], ratio_plain=[0.8, 1.25, 1.0], ratio_plain_se=0.002,
                             ratio_wrong_level=[1.35, 1.08, 1.07], ratio_wrong_level_se=0.002,
                             pure_noise=[1.01, 0.99, 1.0], pure_noise_se=0.003),
        "efficiency": table(4, law=["a", "b", "two_scale", "two_scale"], level=1.0, contrast=[False, False, True, True],
                            dim=[2, 2, 56, 512], sd_ratio=[1.0, 0.99, 1.047, 3.0], sd_ratio_se=[0.001] * 3 + [0.01],
                            mle_ratio=[1.02, 1.0, 1.0, 1.0], mle_ratio_se=0.002,
                            linear_sd_ratio=[0.985, 1.01, 5.0, 5.0]),
    }  # fmt: skip


def _residual() -> dict:
    return {
        "residual": table(3, law=["gaussian", "b", "gaussian"], level=[1.0, 1.0, 0.1], ratio=[1.0, 0.99, 1.0],
                          ratio_se=[0.002, 0.001, 0.001], ratio_plain=[0.8, 1.25, 1.0], ratio_plain_se=0.002,
                          ratio_misread=[1.03, 1.0, 1.0], ratio_misread_se=0.002, pure_noise=[1.01, 0.99, 1.0],
                          pure_noise_se=0.003)
    }  # fmt: skip


def _concentration() -> dict:
    linear = [linear_moment(100, 0.0), linear_moment(30, 2.0)]
    return {
        # Gaussian data are the null; the last law fills its space: it has no linear counterpart
        "concentration": table(4, law=["a", "a", "gaussian", "b"], dim=[2, 2, 2, 4], ambient=[100, 1000, 1000, 4],
                               error=[1.1 * linear_moment(98, 0), 0.95 * linear_moment(998, 0),
                                      0.98 * linear_moment(998, 0), 0.1],
                               error_se=[1e-3, 1e-4, 1e-4, 1e-3], core_dim=[2, 2, 2, 4], draws=800,
                               wrong=[1.7 * linear_moment(98, 0), 1.8 * linear_moment(998, 0),
                                      1.75 * linear_moment(998, 0), 0.1],
                               wrong_se=[1e-3, 1e-4, 1e-4, 1e-3], k_cov_low=[9.0, 9.0, math.inf, math.inf],
                               k_cov_high=[10.0, 10.0, math.inf, math.inf]),
        "linear": table(2, normal_dim=[100, 30], alpha=[0.0, 2.0], error=[1.01 * linear[0], linear[1]],
                        error_se=[0.001 * linear[0], 0.002 * linear[1]], gamma=linear,
                        gamma_se=[0.001 * linear[0], 0.003 * linear[1]], wrong=[1.07 * linear[0], 1.06 * linear[1]],
                        wrong_se=[0.001 * linear[0], 0.002 * linear[1]]),
        "worst_case": table(3, ambient=[1000, 5000, 4096], dim=[126, 1000, 4], reference=[True, True, False],
                            error=[0.0144, 0.026, 9.0], error_se=[1e-4, 1e-4, 1.0], grid=[0.0141, 0.026, 9.0],
                            grid_se=1e-4, linear=[0.005, 0.001, 9.0], linear_se=1e-5, predicted=[0.0141, 0.026, 1.0],
                            wider=[1.07 * 0.0141, 1.06 * 0.026, math.nan], wider_se=1e-5),
    }  # fmt: skip


def linear_moment(n: float, alpha: float) -> float:
    """E|lambda/lambda_t - 1|^2 for lambda|y of shape A = (n - alpha)/2 + 1, from inverse moments of chi2_n."""
    shape = (n - alpha) / 2 + 1
    return 4 * shape * (shape + 1) / ((n - 2) * (n - 4)) - 4 * shape / (n - 2) + 1


def _histograms() -> dict:
    return {
        # two bins a panel, each with the summary; small d has no place in the claim
        "histogram": table(6, figure=10, ambient=[10] * 2 + [100] * 2 + [1000] * 2,
                           variance_ratio=[2, 2, 1.02, 1.02, 0.99, 0.99],
                           variance_ratio_se=[0.1, 0.1, 0.005, 0.005, 0.004, 0.004], exact_ratio=1.0,
                           exact_ratio_se=0.01, shifted_ratio=[9, 9, 1.12, 1.12, 1.2, 1.2], shifted_ratio_se=0.01,
                           peak=[1, 1, 2.8, 2.8, 8.9, 8.9]),
        "spike": table(2, ambient=[2, 10], gap=[-0.004, 0.003], gap_se=0.002, closed_form=[0.001, 0.0],
                       closed_form_se=0.001, loud=[-0.01, -0.033], loud_se=0.002, line=[-0.59, -0.5], line_se=1e-4),
    }  # fmt: skip


def _images() -> dict:
    return {
        "image_levels": table(3, law=["blobs", "blobs", "gaussian"], ambient=1024, sigma=[0.3, 1.0, 0.7],
                              mle=[0.0204, 0.0221, 0.0101], mle_se=[0.0003, 0.0001, 0.0001],
                              louder=[0.0234, 0.0252, 0.01], louder_se=0.0002, naive=[0.1, 0.09, 1.0], naive_se=0.001,
                              cramer_rao=[0.02, 0.022, 0.01])
    }  # fmt: skip


TABLES = {risk: _risk, identities: _identities, information: _information, residual: _residual, images: _images,
          concentration: _concentration, histograms: _histograms, worst_case: _concentration}  # fmt: skip
QUESTION = {claim.id: module for module in TABLES for claim in module.CLAIMS}


def found(claim: str, tables: dict, options=PAPER):
    """The measurement of a claim, and its verdict."""
    [measurement] = [m for m in QUESTION[claim].decide(tables, options) if m.claim == claim]
    return measurement, judge(EXPERIMENT.claim(claim), measurement, seeded=False)


def _around(value: float, width: float) -> tuple[float, float, float]:
    return value, value - width, value + width


POOLED = 1.959963984540054 * 0.003 / 3**0.5

# claim: (value, low, high) of the measurement, [low, high] of each control, words of the note
EXPECTED = {
    # .0002 reaches further than -.0049: its error is larger
    "P1": (_around(0.0002, half(4) * 0.003), [_around(0.0005, half(4) * 0.001), _around(-0.035, half(2) * 0.002),
           _around(0.3, half(2) * 0.02)], "b x"),
    "P2": (_around(3e-9, 0), [_around(1e-40, 0), _around(1.6e-8, 0)], "b 0.3 distance"),
    "P3": (_around(3e-9, 0), [_around(2e-39, 0), _around(1.6e-8, 0)], "b 0.3 2.0 1"),
    "P4": (_around(0.99, half(3) * 0.001), [_around(1.0, POOLED), _around(1.25, half(3) * 0.002),
           _around(1.07, half(1) * 0.002)], "gaussian 1.0"),
    "N1": (_around(1.1, half(2) * 1e-3 / linear_moment(98, 0)),
           [_around(0.98, half(1) * 1e-4 / linear_moment(998, 0)),
            _around(1.7, half(1) * 1e-3 / linear_moment(98, 0))],
           "farthest at a 2 100 (law k d); C 3.85 to 4.97 with k, 2.9 to 3.6 with k_cov on bounded laws"),
    "N2": (_around(1.01, half(2) * 0.001), [_around(1.0, half(2) * 0.003),
           _around(1.06, half(1) * 0.002)], "100 0.0 (n alpha)"),
    "N3": (_around(0.0144 / 0.0141, half(2) * 1e-4 / 0.0141), [_around(1.0, half(2) * 1e-4 / 0.0141),
           _around(1.06, half(1) * 1e-5 / 0.026), _around(0.001 / 0.026, half(2) * 1e-5 / 0.026)],
           "0.0144 at d=1000 k=126, 0.026 at d=5000 k=1000; at least 0.65 k^2/d^2"),
    "N4": (_around(1.02, half(2) * 0.005), [_around(1.0, half(1) * 0.01 / 2**0.5), _around(1.12, half(1) * 0.01)],
           "d=100; peak densities 2.80 at d=100, 8.90 at d=1000"),
    "N5": (_around(-0.004, half(2) * 0.002), [_around(0.001, half(2) * 0.001), _around(-0.033, half(2) * 0.002),
           _around(-0.59, half(2) * 1e-4)], ""),
    "N6": (_around(1.02, half(4) * 0.002), [_around(0.985, 0), _around(1.047, half(1) * 0.001),
           _around(3.0, half(1) * 0.01)], "mle a 1.0"),
    "N7": (_around(0.99, half(3) * 0.001), [_around(1.0, POOLED), _around(1.25, half(3) * 0.002),
           _around(1.03, half(1) * 0.002)], "b 1.0"),
    "I1": (_around(1.02, half(2) * 0.015), [_around(1.01, half(1) * 0.01), _around(0.0252 / 0.022, half(1) * 1 / 110),
           _around(5.0, half(2) * 0.05)],
           "blobs 1024 0.3 (law d sigma); error 0.0204 to 0.0221, on average 1.012 of the bound"),
}  # fmt: skip


def test_every_claim_of_the_experiment_is_tested_here():
    assert set(EXPECTED) == {claim.id for claim in EXPERIMENT.claims} == set(QUESTION)


@pytest.mark.parametrize("claim", EXPECTED)
def test_value_interval_controls_and_note(claim):
    (value, low, high), controls, note = EXPECTED[claim]
    measurement, verdict = found(claim, TABLES[QUESTION[claim]]())
    assert (measurement.measured, measurement.low, measurement.high) == pytest.approx((value, low, high), rel=1e-9)
    assert [c.kind for c in measurement.controls] == ["null"] + ["power"] * (len(controls) - 1)
    for control, (_, expected_low, expected_high) in zip(measurement.controls, controls, strict=True):
        assert (control.low, control.high) == pytest.approx((expected_low, expected_high), rel=1e-9)
    assert measurement.note == note
    assert (verdict.outcome, verdict.reason) == ("holds", "")


# claim, table, column, its new value where another column has a value, the outcome, and the control that says so
SPOILT = [
    ("P1", "risk", "step", 0.05, ("candidate", "blind"), "violated", ""),
    ("P1", "risk", "step", 0.018, ("candidate", "blind"), "inconclusive", "crosses a limit"),
    ("P1", "risk", "step", -0.05, ("candidate", "reference"), "inconclusive", "null control (f* by a fixed Gauss"),
    ("P1", "risk", "step", -0.01, ("candidate", "scaled by 1.02"), "inconclusive", "power control (scaled by 1.02"),
    ("P1", "risk", "step", 0.01, ("candidate", "prior range off by 5"), "inconclusive", "power control (prior range"),
    ("P2", "identities", "error", 1e-6, ("identity", "score"), "violated", ""),
    ("P2", "identities", "sabotaged", 1e-9, ("identity", "score"), "inconclusive", "power control (posterior moments"),
    ("P2", "identities", "sabotaged", 3e-8, None, "inconclusive", "no power control within a factor 2"),
    ("P2", "exact_atoms", "error", 1e-6, ("identity", "score"), "inconclusive", "null control (five atoms"),
    ("P3", "lambda_posterior", "error", 1e-6, ("alpha", 2.0), "violated", ""),
    ("P3", "lambda_posterior", "sabotaged", 1e-9, ("alpha", 2.0), "inconclusive", "power control (prior exponent"),
    ("P3", "exact_atoms", "error", 1e-6, ("identity", "Lemma 3.7, first"), "inconclusive", "null control (five atoms"),
    ("P4", "information", "ratio", 1.2, ("law", "a"), "violated", ""),
    ("P4", "information", "pure_noise", 1.2, ("law", "a"), "inconclusive", "null control (the score of the noise"),
    ("P4", "information", "ratio_plain", 1.0, None, "inconclusive", "power control (2d alone)"),
    ("P4", "information", "ratio_wrong_level", 1.0, None, "inconclusive", "power control (score at 0.985 sigma"),
    ("P4", "information", "ratio_wrong_level", 1.35, None, "inconclusive", "no power control within a factor 2"),
    ("N1", "concentration", "error", 0.1, ("ambient", 100), "violated", ""),
    ("N1", "concentration", "wrong", 0.05, ("ambient", 100), "inconclusive", "power control (true lambda"),
    ("N1", "concentration", "error", 0.02, ("law", "gaussian"), "inconclusive", "null control (Gaussian data"),
    (
        "N2",
        "linear",
        "wrong",
        [linear_moment(100, 0.0), linear_moment(30, 2.0)],
        None,
        "inconclusive",
        "power control (true lambda",
    ),
    ("N2", "linear", "error", 1.0, ("normal_dim", 30), "violated", ""),
    ("N2", "linear", "gamma", 1.0, ("normal_dim", 30), "inconclusive", "null control (lambda drawn"),
    ("N3", "worst_case", "error", 0.005, ("dim", 126), "violated", ""),
    ("N3", "worst_case", "grid", 0.005, ("dim", 126), "inconclusive", "null control (plain grid"),
    ("N3", "worst_case", "linear", [0.0141, 0.026, 9.0], None, "inconclusive", "power control (linear data"),
    ("N3", "worst_case", "wider", [0.0141, 0.026, 9.0], None, "inconclusive", "power control (k that is 1.04 "),
    ("N4", "histogram", "variance_ratio", 1.5, ("ambient", 100), "violated", ""),
    ("N4", "histogram", "exact_ratio", 1.5, ("ambient", 100), "inconclusive", "null control (chi-square"),
    ("N4", "histogram", "shifted_ratio", 1.0, None, "inconclusive", "power control (data at 1.03 sigma"),
    ("N5", "spike", "gap", -0.05, ("ambient", 2), "violated", ""),
    ("N5", "spike", "closed_form", 0.05, ("ambient", 2), "inconclusive", "null control (closed form"),
    ("N5", "spike", "loud", 0.0, None, "inconclusive", "power control (noise at 1.08 sigma"),
    ("N6", "efficiency", "sd_ratio", 1.2, ("law", "a"), "violated", ""),
    ("N6", "efficiency", "mle_ratio", 1.2, ("law", "b"), "violated", ""),
    ("N6", "efficiency", "linear_sd_ratio", 1.2, ("law", "a"), "inconclusive", "null control (sd of the log"),
    ("N6", "efficiency", "sd_ratio", 1.0, ("dim", 56), "inconclusive", "power control (two-scale law, k = 56"),
    ("N6", "efficiency", "sd_ratio", 1.9, ("dim", 56), "inconclusive", "no power control within a factor 2"),
    ("N7", "residual", "ratio", 1.2, ("law", "b"), "violated", ""),
    ("N7", "residual", "pure_noise", 1.2, ("law", "b"), "inconclusive", "null control (the noise itself)"),
    ("N7", "residual", "ratio_plain", 1.0, None, "inconclusive", "power control (no correction)"),
    ("N7", "residual", "ratio_misread", 1.0, None, "inconclusive", "power control (denoiser told 1.12 sigma"),
    ("I1", "image_levels", "mle", 0.08, ("sigma", 0.3), "violated", ""),
    ("I1", "image_levels", "mle", 0.08, ("law", "gaussian"), "inconclusive", "null control (data on a plane"),
    ("I1", "image_levels", "louder", 0.0201, ("sigma", 0.3), "inconclusive", "power control (noise larger by 0.6"),
    ("I1", "image_levels", "naive", 0.02, None, "inconclusive", "power control (the image taken"),
]


@pytest.mark.parametrize("claim, name, column, value, where, outcome, words", SPOILT)
def test_a_spoilt_table_changes_the_verdict(claim, name, column, value, where, outcome, words):
    tables = TABLES[QUESTION[claim]]()
    rows = tables[name]
    rows.loc[slice(None) if where is None else rows[where[0]] == where[1], column] = value
    verdict = found(claim, tables)[1]
    assert verdict.outcome == outcome
    assert words in verdict.reason


def test_a_smoke_run_leaves_out_what_it_cannot_decide_and_a_table_alone_decides_its_claims():
    tables = _risk()
    assert [m.claim for m in risk.decide(tables, SMOKE)] == ["P1"]
    tables["risk"].loc[tables["risk"].candidate == "blind", "step"] = 0.018
    assert risk.decide(tables, SMOKE) == [] and len(risk.decide(tables, PAPER)) == 1
    only = {name: t for name, t in _concentration().items() if name == "linear"}
    assert [m.claim for m in concentration.decide(only, PAPER)] == ["N2"]
    assert identities.decide({"identities": _identities()["identities"]}, PAPER) == []


def test_the_worst_case_has_a_simultaneous_interval_and_a_pool_the_error_of_its_mean():
    estimate, name = worst([1.0, 1.1], [0.01, 0.01], 1.0, ["a", "b"])
    width = stats.norm.ppf(1 - 0.05 / 4) * 0.01
    assert (estimate.value, estimate.low, estimate.high, name) == pytest.approx((1.1, 1.1 - width, 1.1 + width, "b"))
    assert worst([0.9, 1.05], [0.0, 0.0], 1.0)[0].value == 0.9  # either side
    assert worst([1.0, 1.05], [0.1, 0.01], 1.0)[0].value == 1.0  # its error counts
    assert pooled(pd.Series([1.0, 3.0]), pd.Series([0.3, 0.4])).high == pytest.approx(2.0 + half(1) * 0.25)
    made = measured(
        "P1", estimate, [as_control("null", "what", exact(2)), as_control("power", "else", estimate)], "note"
    )
    assert (made.measured, made.low, made.high, made.note) == (estimate.value, estimate.low, estimate.high, "note")
    assert [(c.kind, c.what, c.low, c.high) for c in made.controls] == [
        ("null", "what", 2.0, 2.0),
        ("power", "else", estimate.low, estimate.high),
    ]


def test_only_a_smoke_run_drops_what_is_inconclusive():
    good, bad = (measured("P1", exact(v), [as_control("null", "", exact(0)), as_control("power", "", exact(0.03))])
                 for v in (0.0, math.nan))  # fmt: skip
    assert of_profile([good, bad], risk.CLAIMS, PAPER) == [good, bad]
    assert of_profile([good, bad], risk.CLAIMS, SMOKE) == [good]


def test_n1_says_how_the_ratio_goes_with_d_and_k():
    grid = [(d, k) for d in (100, 1000, 10_000) for k in (1, 4, 16)]
    ratio = [1.1 * (d / 1000) ** 0.02 * k**-0.03 for d, k in grid]
    error = [r * linear_moment(d - k, 0) for r, (d, k) in zip(ratio, grid)]
    rows = table(9, law="a", dim=[k for _, k in grid], ambient=[d for d, _ in grid], error=error,
                 error_se=[0.01 * e for e in error], wrong=1.0, wrong_se=0.01, k_cov_low=math.inf, k_cov_high=math.inf,
                 core_dim=20, draws=800)  # fmt: skip
    [found] = concentration.decide({"concentration": pd.concat([rows, rows.iloc[:1].assign(law="gaussian")])}, PAPER)
    # least squares of 9 points: 3 of each, a step of log 10 or log 4 apart
    half = [1.96 * 0.01 / math.sqrt(6 * math.log(step) ** 2) for step in (10, 4)]
    expected = f"slope of the log ratio +0.0200 ({half[0]:.4f}) in log d, -0.0300 ({half[1]:.4f}) in log k"
    assert found.note.endswith(expected)


def test_n1_is_judged_where_linear_data_have_a_second_moment():
    """At d - k = 5 they have one, at d - k = 4 and where the data fill their space they have none."""
    rows = table(
        4,
        law=["gaussian", "a", "a", "a"],
        dim=[2, 2, 2, 3],
        ambient=[1000, 7, 6, 3],
        error=0.1,
        wrong=1.0,
        error_se=0.01,
        wrong_se=0.01,
        k_cov_low=math.inf,
        k_cov_high=math.inf,
        core_dim=3,
        draws=800,
    )
    [found] = concentration.decide({"concentration": rows}, PAPER)
    assert found.measured == pytest.approx(0.1 / linear_moment(5, 0.0), rel=1e-12)
    assert concentration.decide({"concentration": rows.iloc[[0, 2, 3]]}, PAPER) == []
