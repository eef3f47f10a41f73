"""The rule, the controls, and the files that verdicts are written to."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.runs import Claim, Control, Measurement, every_cell, judge
from analysis.runs.claims import compare, judge_all, undecided
from analysis.runs.claims_file import CLAIM_COLUMNS, CONTROL_COLUMNS, claim_rows, control_rows, merge, read

INF = math.inf
NULL = Control("null", "the truth", 0.99, 1.01)
POWER = Control("power", "scaled by 1.05", 1.04, 1.06)


def _claim(allowed=(0.97, 1.03), expected="holds", identifier="X1"):
    return Claim(identifier, "sharper", "derived here", "the ratio is 1", "ratio", "1", allowed, expected, strict=True)


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
    assert header == (
        "claim,source,statement,quantity,measured,low,high,predicted,rule,verdict,experiment,"
        "kind,looser_by,detectable,seeds,note"
    )
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
    ("cells", "outcome", "decides"),
    [
        ([(0.98, 1.0), (0.99, 1.02)], "holds", 0),
        ([(0.99, 1.0), (0.99, 1.02)], "holds", 1),
        ([(0.98, 1.0), (0.99, 1.04)], "inconclusive", 1),
        ([(0.98, 1.0), (1.04, 1.06), (1.2, 1.4), (0.9, 0.95)], "violated", 2),
        ([(0.98, 1.0), (0.2, 0.3), (1.04, 1.06)], "violated", 1),
    ],
)
def test_a_claim_about_every_cell_is_decided_by_the_cell_with_least_room_or_refuted_by_the_farthest(
    cells, outcome, decides
):
    low, high = zip(*cells)
    value = [(a + b) / 2 for a, b in cells]
    found = every_cell([_claim()], "X1", value, low, high, (NULL, POWER), names=[f"law {i}" for i in range(len(cells))])
    assert (found.low, found.high, found.measured) == (*cells[decides], value[decides])
    assert found.cell == f"law {decides}" and f"{len(cells)} cells, values" in found.note
    assert judge(_claim(), found).outcome == outcome


def test_a_claim_about_every_cell_needs_cells_with_one_name_each():
    with pytest.raises(ValueError, match="0 cells"):
        every_cell([_claim()], "X1", [], [], [], (NULL, POWER))
    with pytest.raises(ValueError, match="1 cells with 2 names"):
        every_cell([_claim()], "X1", [1.0], [0.9], [1.1], (NULL, POWER), names=["a", "b"])


def test_a_one_sided_claim_about_every_cell_is_refuted_by_an_interval_without_end():
    claim = _claim(allowed=(-INF, 2.0))
    controls = (Control("null", "the truth", 1.0, 1.1), Control("power", "above", 2.5, INF))
    found = every_cell([claim], "X1", [1.1, 3.5], [1.0, 3.0], [1.2, INF], controls)
    assert judge(claim, found).outcome == "violated"


@pytest.mark.parametrize(
    ("power", "reached"),
    [((1.05, 1.07), True), ((1.05, 1.0701), False), ((0.93, 0.95), True), ((1.2, 1.3), False)],
)
def test_a_sabotage_farther_than_twice_the_limit_shows_nothing_about_the_limit(power, reached):
    verdict = judge(_claim(), _measured(0.98, 1.0, (NULL, Control("power", "sabotage", *power))))
    assert verdict.outcome == ("holds" if reached else "inconclusive")
    assert verdict.reason == ("" if reached else "no power control within a factor 2 of the limit")


def test_one_sabotage_near_the_limit_is_enough_and_distance_counts_from_the_null_control():
    far = Control("power", "far", 2.0, 2.1)
    assert judge(_claim(), _measured(0.98, 1.0, (NULL, POWER, far))).outcome == "holds"
    # a one-sided limit: the truth at .9 is .1 from it, the sabotage .2
    claim = _claim(allowed=(-INF, 1.0))
    at = Control("null", "truth", 0.85, 0.95)
    for low, high, outcome in ((1.05, 1.15, "holds"), (1.1, 1.2, "inconclusive")):
        measured = _measured(0.85, 0.95, (at, Control("power", "sabotage", low, high)))
        assert judge(claim, measured).outcome == outcome


def test_the_detectable_effect_is_the_shift_that_violates_with_probability_95_percent():
    """By simulation: values around the truth plus the effect, each with its interval, held against the rule."""
    claim, se = _claim(), 0.005
    half = 1.959964 * se
    measured = Measurement("X1", 1.0, 1.0 - half, 1.0 + half, (NULL, POWER))
    effect = judge(claim, measured).detectable
    assert effect == pytest.approx(0.03 + half + 1.644854 * se, rel=1e-6)
    draws = np.random.default_rng(3).normal(1.0 + effect, se, 20_000)
    violated = np.mean([compare(v - half, v + half, claim.allowed) == "violated" for v in draws])
    assert violated == pytest.approx(0.95, abs=0.006)
    assert judge(claim, measured).half_widths == pytest.approx(effect / half)


def test_the_detectable_effect_takes_the_nearer_limit_and_the_half_width_on_that_side():
    controls = (Control("null", "the truth", 0.98, 0.98), Control("power", "low", 0.95, 0.95))
    low_side = judge(_claim(), Measurement("X1", 0.98, 0.975, 0.981, controls)).detectable
    assert low_side == pytest.approx(0.01 + 0.001 * (1 + 1.644854 / 1.959964))
    assert math.isnan(judge(_claim(), _measured(0.98, 1.0, (POWER,))).detectable)


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ([(1.0, 0.98, 1.02)] * 3, ""),
        ([(1.0, 0.98, 1.02)] * 2, "decided by 2 of 3 seeds"),
        ([], "decided by 1 of 3 seeds"),
        ([(1.0, 0.9, 1.1), (1.0, 0.9, 1.1), (1.05, 1.031, 1.2)], "seed 2 alone (1.05 [1.031, 1.2]) is violated"),
        ([(0.98, 0.978, 0.982), (1.0, 0.998, 1.002), (1.02, 1.018, 1.022)], "differ by more than their errors explain"),
    ],
)
def test_seeds_must_be_as_many_as_registered_and_agree(seeds, said):
    claim = replace(_claim(), seeds=3)
    verdict = judge(claim, replace(_measured(0.98, 1.02), seeds=seeds))
    assert said in verdict.reason
    assert verdict.outcome == ("inconclusive" if said else "holds")


def test_seeds_are_held_against_each_other_in_the_cell_that_decides():
    """Each seed's own worst cell may be another one: below the truth in one, above it in the next."""
    worst, same = [(0.98, 0.978, 0.982), (1.02, 1.018, 1.022)], [(0.98, 0.978, 0.982), (0.981, 0.979, 0.983)]
    claim, measured = replace(_claim(), seeds=2), replace(_measured(0.978, 0.982), seeds=worst)
    assert judge(claim, measured).outcome == "inconclusive"
    assert judge(claim, replace(measured, beside=same)).outcome == "holds"
    verdict = judge(claim, replace(measured, beside=worst))
    assert verdict.outcome == "inconclusive" and "chi-square" in verdict.reason
    # a contradiction is read where each seed is worst
    refuted = [(0.98, 0.978, 0.982), (1.2, 1.18, 1.22)]
    assert "seed 1 alone" in judge(claim, replace(measured, seeds=refuted, beside=same)).reason


def test_of_a_claim_about_each_training_the_spread_is_no_fault_but_a_contradiction_is():
    apart = [(0.98, 0.978, 0.982), (1.0, 0.998, 1.002), (1.02, 1.018, 1.022)]
    assert judge(replace(_claim(), each=True), replace(_measured(1.018, 1.022), seeds=apart)).outcome == "holds"
    assert judge(_claim(), replace(_measured(1.018, 1.022), seeds=apart)).outcome == "inconclusive"
    refuted = [(1.0, 0.998, 1.002), (1.05, 1.048, 1.052)]
    verdict = judge(replace(_claim(), each=True), replace(_measured(1.048, 1.052), seeds=refuted))
    assert verdict.outcome == "inconclusive" and "seed 0 alone" in verdict.reason


def test_a_seed_that_holds_contradicts_a_pooled_violation():
    seeds = [(1.0, 0.99, 1.01), (1.2, 1.0, 1.4), (1.2, 1.0, 1.4)]
    verdict = judge(replace(_claim(), seeds=3), replace(_measured(1.1, 1.2), seeds=seeds))
    assert (verdict.outcome, "seed 0 alone" in verdict.reason) == ("inconclusive", True)


def test_what_stands_beside_the_number_reaches_the_file():
    claim = replace(_claim(), wide="a printed constant", profile="full")
    m = replace(_measured(0.98, 1.0), cell="sphere, k = 8", span="range", looser_by=370.0, note="the rest")
    row = claim_rows([judge(claim, m)], "first")[0]
    assert row["note"] == (
        "decided by sphere, k = 8; a range over cells, not an interval; detectable effect: a printed constant; "
        "decided by --profile full; the rest"
    )
    assert (row["kind"], row["looser_by"], row["seeds"]) == ("sharper", 370.0, 1)
    assert row["detectable"] == pytest.approx(0.03 + 0.01 * (1 + 1.644854 / 1.959964))


def test_a_claim_from_before_the_rule_is_judged_without_it_and_the_file_says_so():
    far = Control("power", "far", 2.0, 2.1)
    verdict = judge(replace(_claim(), strict=False), _measured(0.98, 1.0, (NULL, far)))
    assert verdict.outcome == "holds"
    assert claim_rows([verdict], "first")[0]["note"] == "no power control within a factor 2 of the limit"
    near = judge(replace(_claim(), strict=False), _measured(0.98, 1.0, (NULL, POWER)))
    assert claim_rows([near], "first")[0]["note"] == ""
