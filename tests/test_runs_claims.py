"""The rule, the controls, and the files that verdicts are written to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.runs import Claim, Control, Measurement, every_cell, judge
from analysis.runs.claims import compare, judge_all, undecided
from analysis.runs.claims_file import CLAIM_COLUMNS, CONTROL_COLUMNS, claim_rows, control_rows, merge, read

INF = math.inf
NULL = Control("null", "the truth", 0.99, 1.01)
POWER = Control("power", "scaled by 1.05", 1.2, 1.3)


def _claim(allowed=(0.97, 1.03), expected="holds", identifier="X1"):
    return Claim(identifier, "sharper", "derived here", "the ratio is 1", "ratio", "1", allowed, expected)


def _measured(low, high, controls=(NULL, POWER), claim="X1"):
    return Measurement(claim, (low + high) / 2, low, high, controls)


@pytest.mark.parametrize(
    ("interval", "allowed", "outcome"),
    [
        ((0.98, 1.02), (0.97, 1.03), "holds"),
        ((0.97, 1.03), (0.97, 1.03), "holds"),
        ((1.031, 1.05), (0.97, 1.03), "violated"),
        ((0.5, 0.969), (0.97, 1.03), "violated"),
        ((1.03, 1.04), (0.97, 1.03), "inconclusive"),
        ((0.5, 1.5), (0.97, 1.03), "inconclusive"),
        ((-5, 1e-9), (-INF, 1e-8), "holds"),
        ((1e-7, 1), (-INF, 1e-8), "violated"),
        ((0.5, INF), (0.5, INF), "holds"),
        ((0.4, INF), (0.5, INF), "inconclusive"),
        ((math.nan, 1), (0, 2), "inconclusive"),
        ((1.5, 1.4), (0, 2), "inconclusive"),
    ],
)
def test_the_rule(interval, allowed, outcome):
    assert compare(*interval, allowed) == outcome


@given(st.floats(-10, 10), st.floats(0, 5), st.floats(-10, 10), st.floats(0, 5))
def test_the_rule_is_what_membership_of_points_says(low, width, a, allowed_width):
    """Independent reading: holds iff both ends are allowed; violated iff no allowed point lies in the interval."""
    high, b = low + width, a + allowed_width
    both_allowed = a <= low <= b and a <= high <= b
    nearest = min(max(low, a), b)  # the allowed point nearest to the interval's lower end
    overlap = low <= nearest <= high
    expected = "holds" if both_allowed else "inconclusive" if overlap else "violated"
    assert compare(low, high, (a, b)) == expected


def test_a_measurement_with_good_controls_gets_the_outcome_of_the_rule():
    for interval, outcome in (((0.98, 1.0), "holds"), ((1.1, 1.2), "violated")):
        verdict = judge(_claim(), _measured(*interval))
        assert (verdict.outcome, verdict.reason) == (outcome, "")
        assert verdict.as_registered == (outcome == "holds")


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ((Control("null", "truth", 1.1, 1.2), POWER), "null control (truth) is violated, should be holds"),
        ((Control("null", "truth", 0.9, 1.2), POWER), "null control (truth) is inconclusive, should be holds"),
        ((NULL, Control("power", "sabotage", 0.99, 1.0)), "power control (sabotage) is holds, should be violated"),
        (
            (NULL, POWER, Control("power", "second", 1.0, 2.0)),
            "power control (second) is inconclusive, should be violated",
        ),
        ((POWER,), "no null control"),
        ((NULL,), "no power control"),
        (
            (NULL, Control("power", "broken", math.nan, math.nan)),
            "power control (broken) is inconclusive, should be violated",
        ),
    ],
)
def test_a_control_that_does_not_behave_makes_the_verdict_inconclusive(controls, said):
    for interval in ((0.98, 1.0), (1.1, 1.2)):
        verdict = judge(_claim(), _measured(*interval, controls))
        assert (verdict.outcome, verdict.reason) == ("inconclusive", said)
        assert not verdict.as_registered


def test_broken_measurements_and_unfinished_sweeps_decide_nothing():
    outside = Measurement("X1", 2.0, 0.98, 1.0, (NULL, POWER))
    assert judge(_claim(), outside).outcome == "inconclusive"
    assert "outside its own interval" in judge(_claim(), outside).reason
    assert judge(_claim(), _measured(math.nan, math.nan)).reason == "the measurement is not a number"
    unfinished = judge(_claim(), _measured(0.98, 1.0), "2 of 9 cells failed")
    assert (unfinished.outcome, unfinished.reason) == ("inconclusive", "2 of 9 cells failed")


def test_an_expected_violation_is_as_registered_only_if_violated():
    claim = _claim(expected="violated")
    assert judge(claim, _measured(1.1, 1.2)).as_registered
    assert not judge(claim, _measured(0.98, 1.0)).as_registered


@pytest.mark.parametrize(
    ("allowed", "rule"),
    [
        ((0.97, 1.03), "holds if interval inside [0.97, 1.03], violated if disjoint"),
        ((-INF, 1e-8), "holds if interval <= 1e-08, violated if > 1e-08"),
        ((0.5, INF), "holds if interval >= 0.5, violated if < 0.5"),
    ],
)
def test_the_rule_in_words(allowed, rule):
    assert _claim(allowed).rule == rule


def test_impossible_registrations_are_refused():
    with pytest.raises(ValueError, match="low <= high"):
        _claim((1.0, 0.0))
    with pytest.raises(ValueError, match="expected must be one of"):
        _claim(expected="true")
    with pytest.raises(ValueError, match="null or power"):
        Control("placebo", "", 0, 1)
    with pytest.raises(ValueError, match="does not register"):
        judge_all([_claim()], [_measured(1, 1, claim="X2")])
    with pytest.raises(ValueError, match="two measurements"):
        judge_all([_claim()], [_measured(1, 1), _measured(1, 1)])


def test_claims_without_a_measurement_are_listed_in_order():
    claims = [_claim(identifier=i) for i in ("X1", "X2", "X3")]
    verdicts = judge_all(claims, [_measured(1, 1, claim="X2")])
    assert [c.id for c in undecided(claims, verdicts)] == ["X1", "X3"]


def test_claims_csv_has_the_agreed_columns_and_keeps_the_rows_of_others(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.registry.NAMES", ("first", "second", "third"))
    path = tmp_path / "claims.csv"
    for experiment, interval in (
        ("third", (0.98, 1.0)),
        ("first", (1.1, 1.2)),
        ("second", (0.98, 1.0)),
        ("third", (1.1, 1.2)),
    ):
        verdicts = [
            judge(_claim(identifier=f"{experiment}{i}"), _measured(*interval, claim=f"{experiment}{i}")) for i in (2, 1)
        ]
        path.write_bytes(merge(path, CLAIM_COLUMNS, claim_rows(verdicts, experiment), experiment))
    header = path.read_text().splitlines()[0]
    assert header == "claim,source,statement,quantity,measured,low,high,predicted,rule,verdict,experiment"
    rows = read(path, CLAIM_COLUMNS)
    assert [r["claim"] for r in rows] == ["first2", "first1", "second2", "second1", "third2", "third1"]
    assert [r["verdict"] for r in rows] == ["violated"] * 2 + ["holds"] * 2 + ["violated"] * 2
    assert [r["low"] for r in rows] == ["1.1", "1.1", "0.98", "0.98", "1.1", "1.1"]
    before = path.read_bytes()
    assert merge(path, CLAIM_COLUMNS, claim_rows(verdicts, "third"), "third") == before


def test_controls_are_written_with_what_they_had_to_be(tmp_path):
    bad = Control("power", "too weak", 0.99, 1.0)
    rows = control_rows([judge(_claim(), _measured(0.98, 1.0, (NULL, bad)))], "first")
    assert tuple(rows[0]) == CONTROL_COLUMNS
    assert [(r["control"], r["outcome"], r["required"], r["as_required"]) for r in rows] == [
        ("null", "holds", "holds", "yes"),
        ("power", "holds", "violated", "no"),
    ]


def test_a_file_with_other_columns_is_not_mistaken_for_ours(tmp_path):
    path = tmp_path / "claims.csv"
    path.write_text("claim,verdict,experiment\nX1,holds,first\n")
    assert read(path, CLAIM_COLUMNS) == []


@pytest.mark.parametrize(
    ("cells", "outcome", "interval"),
    [
        ([(0.98, 1.0), (0.99, 1.02)], "holds", (0.98, 1.02)),
        ([(0.98, 1.0), (0.99, 1.04)], "inconclusive", (0.98, 1.04)),
        ([(0.98, 1.0), (1.04, 1.06), (1.2, 1.4), (0.9, 0.95)], "violated", (1.2, 1.4)),
        ([(0.98, 1.0), (0.2, 0.3), (1.04, 1.06)], "violated", (0.2, 0.3)),
    ],
)
def test_a_claim_about_every_cell_is_refuted_by_one(cells, outcome, interval):
    low, high = zip(*cells)
    found = every_cell([_claim()], "X1", 1.0, low, high, (NULL, POWER))
    assert (found.low, found.high) == interval and judge(_claim(), found).outcome == outcome


def test_a_one_sided_claim_about_every_cell_is_refuted_by_an_interval_without_end():
    claim = _claim(allowed=(-INF, 2.0))
    controls = (Control("null", "the truth", 1.0, 1.1), Control("power", "never", INF, INF))
    assert judge(claim, every_cell([claim], "X1", 1.0, [1.0, 3.0], [1.2, INF], controls)).outcome == "violated"
