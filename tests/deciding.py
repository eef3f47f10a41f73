"""What the tests of verdicts share: one claim decided from tables made by hand, its interval and its controls."""

from types import SimpleNamespace

from analysis.runs.claims import judge

PAPER, SMOKE = SimpleNamespace(profile="paper"), SimpleNamespace(profile="smoke")


def decided(question, tables, claim=None, options=PAPER):
    """(measurement, outcome) of a claim that a question's module decides; of its only one, if none is named."""
    found = {m.claim: m for m in question.decide(tables, options)}
    measurement = found[claim] if claim else next(iter(found.values()))
    registered = {c.id: c for c in question.CLAIMS}
    return measurement, judge(registered[measurement.claim], measurement, seeded=False).outcome


def ends(measurement):
    return measurement.low, measurement.measured, measurement.high


def control(measurement, kind):
    """(low, high) of the only control of a kind."""
    (found,) = (c for c in measurement.controls if c.kind == kind)
    return found.low, found.high
