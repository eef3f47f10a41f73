"""Committed verdicts could have been no: the effect that each would have seen, and who lacks a near sabotage."""

import math

from house import ROOT

from analysis import registry
from analysis.runs.claims import STRICT
from analysis.runs.claims_file import CLAIM_COLUMNS, read
from analysis.runs.claims_file import CLAIMS as CLAIMS_FILE

ROWS = read(ROOT / "results" / CLAIMS_FILE, CLAIM_COLUMNS)
CLAIMS = {c.id: c for name in registry.NAMES for c in registry.load(name).claims}
MOST = 5.0  # half widths of its own interval, within which a false value would be seen

# need no sabotage within a factor 2 of their limit: C1, for 300 runs cannot tell an alarm rate of 2 % from one of 1 %
NOT_STRICT = {"C1"}


def _half_widths(row):
    """Of the detectable effect; nan for a number without an interval."""
    half = (float(row["high"]) - float(row["low"])) / 2
    return float(row["detectable"] or "nan") / half if half > 0 else math.nan


def test_a_false_value_would_be_seen_within_five_half_widths_or_the_claim_says_why_not():
    assert len(ROWS) > 80
    unseen = {r["claim"] for r in ROWS if _half_widths(r) > MOST and not CLAIMS[r["claim"]].wide}
    assert unseen == set()


def test_a_new_claim_has_a_sabotage_near_its_limit():
    lax = {c.id for c in CLAIMS.values() if not c.strict}
    assert lax == NOT_STRICT
    assert STRICT
