"""Is half of the mass at one corner? `python -m corners --profile smoke --jobs 2 --out results`."""

import torch

import manifolds
from analysis.metrics.intervals import mean
from analysis.runs import Cell, Claim, Control, Experiment, Measurement, Question

LAW = "corners.law:Corners"
CLAIMS = (
    Claim("Z2", "finding", "derived here", "half of the mass is at (1, 1)", "share less 1/2", "0", (-0.05, 0.05)),
)


def cells(options):
    return [Cell("corners_share", {"law": LAW, "dim": 2, "ambient": d}) for d in (4, 9, 100, 1000)]


def measure(params, seed):
    law = manifolds.make(params["law"], dim=params["dim"], ambient=params["ambient"])
    x = law.sample(8000, manifolds.stream(seed, "corners", params["ambient"]))
    found = mean((x[:, :2].sum(dim=1) > 1).double() - 0.5)
    # the sabotage, within twice the limit: every seventh point of the other half is counted too
    moved = mean(((x[:, :2].sum(dim=1) > 1) | (torch.arange(len(x)) % 7 == 0)).double() - 0.5)
    row = {"share": found.value, "low": found.low, "high": found.high}
    return [row | {"moved_low": moved.low, "moved_high": moved.high}]


def decide(tables, options):
    rows = tables["corners_share"]
    power = Control("power", "every seventh counted", rows["moved_low"].min(), rows["moved_high"].max())
    controls = [Control("null", "the exact share", 0.0, 0.0), power]
    return [Measurement("Z2", rows["share"].mean(), rows["low"].min(), rows["high"].max(), controls)]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"corners_share": measure}, decide=decide)
EXPERIMENT = Experiment("corners", __doc__, questions=(QUESTION,), reference="corners.question:EXPERIMENT")
