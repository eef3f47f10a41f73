"""Is a shorter training as good as the one that the paper states for figures 3 and 11 (arXiv 2602.09639)?

Decided from the networks of `analysis.training.tracking`, where both recipes were trained (profile `full`).
"""

from __future__ import annotations

import math
from typing import Any

import pandas

from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.experiment import Tables
from analysis.training.intervals import Interval, joint, largest_of, of
from analysis.training.tracking import PAPER, cell_figures

CLAIMS = (
    # 10 % of an excess risk cannot be seen in the figures
    Claim(
        id="T1d",
        kind="finding",
        source=f"{PAPER}: 6 x 512 MLP, AdamW 1e-3, 50 000 steps of 512",
        statement="the shorter recipe behind figures 3 and 11 is as good as the stated one: its excess risk is no "
        "larger, d = 100 and 200",
        quantity="log of the largest excess over the blind optimum's risk, levels .01 to 10, short recipe over stated "
        "recipe; larger of the figures",
        predicted="<= log 1.1",
        allowed=(float("-inf"), 0.0953),
        profile="full",
    ),
)


def cells(options: Any) -> list[Cell]:
    """None of its own."""
    return []


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """T1d, where both recipes were trained; a smoke run trains too little to decide it."""
    return [] if options.profile == "smoke" else decide_recipes(tables["training_figures"])


def decide_recipes(table: pandas.DataFrame) -> list[Measurement]:
    """T1d, from the figures whose network of large d was trained by both recipes; nothing where there is none."""
    wide = table[table.ambient > table.dim]
    found = {}
    for law, rows in of(wide, "gap").groupby("law"):
        nets = {recipe: largest_of(net) for recipe, net in rows.groupby("recipe")}
        if {"short", "stated"} <= set(nets):
            found[str(law)] = nets["short"], nets["stated"]
    if not found:
        return []
    # of the same runs: the exact blind optimum, whose excess over the conditional one is the price of blindness
    optimum = _against_stated(of(wide, "price"), found)
    lost = _against_stated(of(table[table.ambient == table.dim], "excess"), found)
    controls = []
    if optimum:
        controls.append(Control("null", "the exact blind optimum, over the conditional one", *joint(optimum)[1:]))
    if lost:
        what = "a network that cannot know its level (d = 2, over the conditional optimum)"
        controls.append(Control("power", what, *joint(lost, min)[1:]))
    note = "; ".join(
        f"{law}: short {short[0]:.3g}, stated {stated[0]:.3g} of the optimum's risk"
        for law, (short, stated) in found.items()
    )
    ratio = joint(_log_ratio(short, stated) for short, stated in found.values())
    return [Measurement("T1d", *ratio, controls=controls, note=note)]


def _against_stated(rows: pandas.DataFrame, found: dict[str, tuple[Interval, Interval]]) -> list[Interval]:
    """Log ratios of what the short recipe's rows measure to the excess of the stated networks, a figure each."""
    rows = rows[(rows.recipe == "short") & rows.law.isin(list(found))]
    return [_log_ratio(largest_of(net), found[str(law)][1]) for law, net in rows.groupby("law")]


def _log_ratio(top: Interval, bottom: Interval) -> Interval:
    """log of the ratio of two positive quantities, from the ends of both intervals."""
    value, low, high = top
    return math.log(value / bottom[0]), math.log(max(low, 1e-300) / bottom[2]), math.log(high / max(bottom[1], 1e-300))


QUESTION = Question(cells=cells, parts={"training_figures": cell_figures}, claims=CLAIMS, decide=decide)
