"""The tally with simultaneous intervals, against draws."""

import numpy as np
import pytest

from analysis.runs.claims import Claim
from analysis.runs.tally import Decided, together, widening


def _decided(identifier, half, verdict="holds", expected="holds"):
    claim = Claim(identifier, "", "", "", "", "", (-1.0, 1.0), expected)
    return Decided(claim, 0.0, -half, half, verdict)


def test_widened_intervals_cover_all_at_once_as_often_as_they_say():
    draws = np.abs(np.random.default_rng(2).standard_normal((20_000, 40)))
    all_covered = (draws < 1.959964 * widening(40)).all(axis=1).mean()
    assert all_covered == pytest.approx(1 - 0.05, abs=0.005)


def test_only_verdicts_that_survive_the_widening_stand_together():
    rows = [_decided(f"C{i}", 0.1) for i in range(39)] + [_decided("near", 0.7)]
    assert together(rows) == ([f"C{i}" for i in range(39)], ["near"])  # .7 * widening(40) > 1
    assert together([_decided("near", 0.7)]) == (["near"], [])


def test_what_is_not_as_registered_is_not_counted_and_numbers_need_no_room():
    exact = _decided("exact", 0.0)
    assert together([_decided("wrong", 0.1, "violated"), exact]) == (["exact"], [])
