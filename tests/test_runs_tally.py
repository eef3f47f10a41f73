"""The tally with simultaneous intervals, against draws; and in words."""

import math

import numpy as np
import pytest

from analysis import registry
from analysis.runs.tally import Decided, of_rows, range_of, sentence, together, widening


def _decided(identifier, half, verdict="holds", expected="holds"):
    return Decided(identifier, 0.0, -half, half, verdict, expected, (-1.0, 1.0))


def test_widened_intervals_cover_all_at_once_as_often_as_they_say():
    draws = np.abs(np.random.default_rng(2).standard_normal((20_000, 40)))
    all_covered = (draws < 1.959964 * widening(40)).all(axis=1).mean()
    assert all_covered == pytest.approx(1 - 0.05, abs=0.005)


def test_only_verdicts_that_survive_the_widening_stand_together():
    rows = [_decided(f"C{i}", 0.1) for i in range(39)] + [_decided("near", 0.7)]
    assert together(rows) == ([f"C{i}" for i in range(39)], ["near"])  # .7 * widening(40) > 1
    assert together([_decided("near", 0.7)]) == (["near"], [])


def test_a_refutation_counts_whether_it_was_expected_or_not_and_numbers_need_no_room():
    refuted = Decided("refuted", 2.0, 1.9, 2.1, "violated", "holds", (-1.0, 1.0))
    barely = Decided("barely", 2.0, 1.05, 2.95, "violated", "violated", (-1.0, 1.0))
    exact, opened = _decided("exact", 0.0), _decided("open", 3.0, "inconclusive")
    assert together([refuted, exact, opened]) == (["refuted", "exact"], [])
    assert together([refuted, barely]) == (["refuted"], ["barely"])  # .95 * widening(2) > 1


def test_the_sentence_names_what_does_not_stand_at_once_what_is_open_and_what_was_not_expected():
    rows = [_decided(f"C{i}", 0.1) for i in range(38)]
    rows += [_decided("near", 0.7), _decided("open", 3.0, "inconclusive")]
    rows += [Decided("refuted", 2.0, 1.9, 2.1, "violated", "holds", (-1.0, 1.0))]
    assert sentence(rows) == (
        "As one statement (40 intervals at once, each 1.65 times as wide as alone): 39 verdicts stand; with the own 95 "
        "% interval alone, not at once: near; open: open; not as registered: open (inconclusive, registered as holds), "
        "refuted (violated, registered as holds)."
    )
    assert sentence([]) == "No claim is decided."


def test_the_range_of_every_registered_rule_is_read_back():
    for claim in (c for name in registry.NAMES for c in registry.load(name).claims):
        assert range_of(claim.rule) == pytest.approx(claim.allowed, rel=1e-5)
    assert range_of("holds for every interval") == (-math.inf, math.inf)
    with pytest.raises(ValueError, match="no rule of a claim"):
        range_of("holds if we like it")


def test_rows_of_the_file_are_read_as_they_were_decided():
    row = {"claim": "A", "measured": "0.7", "low": "0.6", "high": "0.8", "verdict": "holds"}
    row["rule"] = "holds if interval <= 1, violated if > 1"
    assert of_rows([row], {"A": "violated"}) == [Decided("A", 0.7, 0.6, 0.8, "holds", "violated", (-math.inf, 1.0))]
