"""Are a network's samples too bold? The mean pixel over the data's, as a clause of a note."""

from __future__ import annotations

from collections.abc import Mapping

import pandas

from analysis.images.runs import KEEPING

__all__ = ["brighter"]


def brighter(nets: Mapping[str, pandas.DataFrame]) -> str:
    """How much brighter than the data the samples of the settings that keep the level are; empty where it was not seen.

    >>> rows = pandas.DataFrame({"measure": "brightness", "series": [s.name for s in KEEPING], "value": 0.2})
    >>> brighter({"blind": rows, "conditional": rows.assign(value=0.0)})
    'brighter than the data by blind +20 to +20 %, conditional +0 to +0 %'
    """
    names, said = [s.name for s in KEEPING], []
    for kind in ("blind", "conditional"):
        rows = nets[kind][(nets[kind].measure == "brightness") & nets[kind].series.isin(names)].value
        said += [f"{kind} {100 * rows.min():+.0f} to {100 * rows.max():+.0f} %"] if len(rows) else []
    return f"brighter than the data by {', '.join(said)}" if said else ""
