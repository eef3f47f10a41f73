"""Is the shorter recipe of figures 3 and 11 as good as the one that the paper states? Decided where both were trained."""

from __future__ import annotations

import math

import pandas

from analysis.runs import Claim, Control, Measurement
from analysis.training.intervals import largest

__all__ = ["RECIPE_CLAIMS", "decide_recipes"]

RECIPE_CLAIMS = (
    # 10 % of an excess risk cannot be seen in the figures
    Claim(
        id="T1d",
        kind="finding",
        source="arXiv 2602.09639, figures 3 and 11: 6 x 512 MLP, AdamW 1e-3, 50 000 steps of 512",
        statement="the shorter recipe behind figures 3 and 11 is as good as the stated one: its excess risk is no larger, d = 100 and 200",
        quantity="log of the largest excess over the blind optimum's risk, levels .01 to 10, short recipe over stated recipe; larger of the figures",
        predicted="<= log 1.1",
        allowed=(float("-inf"), 0.0953),
        profile="full",
    ),
)


def decide_recipes(table: pandas.DataFrame) -> list[Measurement]:
    """T1d, from the figures whose network of large d was trained by both recipes; nothing where there is none."""
    wide = table[(table.ambient > table.dim) & (table.measure == "gap")]
    found = {}
    for law, rows in wide.groupby("law"):
        nets = {recipe: largest(net.value, net.se) for recipe, net in rows.groupby("recipe")}
        if {"short", "stated"} <= set(nets):
            found[law] = nets["short"], nets["stated"]
    if not found:
        return []
    ratios = {law: _log_ratio(short, stated) for law, (short, stated) in found.items()}
    # of the same runs: the exact blind optimum, whose excess over the conditional one is the price of blindness
    optimum = _against_stated(table[(table.ambient > table.dim) & (table.measure == "price")], found)
    lost = _against_stated(table[(table.ambient == table.dim) & (table.measure == "excess")], found)
    controls = []
    if optimum:
        controls.append(
            Control(
                "null", "the exact blind optimum, over the conditional one", *(max(c) for c in list(zip(*optimum))[1:])
            )
        )
    if lost:
        controls.append(
            Control(
                "power",
                "a network that cannot know its level (d = 2, over the conditional optimum)",
                *(min(c) for c in list(zip(*lost))[1:]),
            )
        )
    note = "; ".join(
        f"{law}: short {short[0]:.3g}, stated {stated[0]:.3g} of the optimum's risk"
        for law, (short, stated) in found.items()
    )
    return [Measurement("T1d", *(max(column) for column in zip(*ratios.values())), controls=controls, note=note)]


def _against_stated(rows: pandas.DataFrame, found: dict) -> list[tuple[float, float, float]]:
    """Log ratios of what the short recipe's rows measure to the excess of the stated networks, a figure each."""
    rows = rows[(rows.recipe == "short") & rows.law.isin(list(found))]
    return [_log_ratio(largest(net.value, net.se), found[law][1]) for law, net in rows.groupby("law")]


def _log_ratio(top: tuple[float, float, float], bottom: tuple[float, float, float]) -> tuple[float, float, float]:
    """log of the ratio of two positive quantities with intervals (value, low, high), from the ends of both."""
    value, low, high = top
    return math.log(value / bottom[0]), math.log(max(low, 1e-300) / bottom[2]), math.log(high / max(bottom[1], 1e-300))
