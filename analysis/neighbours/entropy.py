"""Is H^2/N the price of a discrete law on the best grid? On a ladder of scales yes, on codes not. (U8)"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

import manifolds
from analysis.ledger.telescope import mmse_curves
from analysis.metrics.intervals import Estimate
from analysis.neighbours.grids import bound
from analysis.neighbours.laws import build, size, zipf_weights
from analysis.neighbours.settings import ABSTRACT, control, exponent, smoke
from analysis.runs import Cell, Claim, Measurement, Question

CLAIMS = (
    Claim(
        id="U8",
        kind="neighbour",
        source=f"arXiv 2601.21943v1 ({ABSTRACT}): KL of order H^2/N for discrete laws, H the Shannon entropy",
        statement="on the best grid N disc grows as H^2 on a ladder of scales (one bit at each of 4^-j), so that the "
        "printed bound is sharp there, and more slowly than H on random codes, where it is loose; 4 to 32 bits, "
        "levels 20 to a "
        "20th of the finest scale, a = 1/2; limits set after a pilot",
        quantity="exponent of (int sqrt(-mmse') dlambda)^2/4 in H on the ladder; interval: between neighbouring sizes",
        predicted="2; printed at most 2",
        allowed=(1.6, 2.4),  # codes are nearly a power 1 lower
        wide="exact numbers without sampling error",
    ),
)
_BITS, _CODES, _ZIPF = (4, 8, 16, 32), (3, 4, 5, 6), (10, 100, 1000)
_RATIO = 4.0
_NARROW, _STRETCH = 0.5, 0.15  # the sabotage: bits whose scales crowd, 4^-(j^.5 n^.15): its length grows as H^.65


def cells(options) -> list[Cell]:
    """Ladders, tighter and with scales that crowd; codes; Zipf atoms."""
    few = smoke(options)
    bits = _BITS[:2] if few else _BITS
    plan = [
        Cell("neighbours_entropy", {"law": f"{k} {b}", "n": 0}, 0.2)
        for k in ("ladder", "wide", "crowded")
        for b in bits
    ]
    if not few:
        plan += [Cell("neighbours_entropy", {"law": f"random_code {k}", "n": 2000}, math.exp(k) / 100) for k in _CODES]
        plan += [Cell("neighbours_entropy", {"law": f"zipf {n}", "n": 1000}, n / 200) for n in _ZIPF]
    return plan


def two_points(sigma: np.ndarray, a: float) -> np.ndarray:
    """E Var(X | X + sigma Z) for X = a or -a, by Gauss-Hermite quadrature.

    >>> round(float(two_points(np.array(1e3), 1.0)), 6), float(two_points(np.array(0.01), 1.0))
    (0.999999, 0.0)
    """
    x, w = np.polynomial.hermite_e.hermegauss(80)
    snr = (a / np.asarray(sigma, dtype=float))[..., None]
    # 1 - tanh(v) = 2/(1 + e^{2v})
    inside = 2.0 / (1.0 + np.exp(np.clip(2.0 * (snr**2 + snr * x), -700.0, 700.0)))
    return a * a * (inside @ (w / w.sum()))


def _ladder(bits: int, kind: str) -> tuple[Callable, float]:
    """(MMSE curve, finest scale) of `bits` independent bits, the j-th at scale ratio^-j."""
    ratio = 2.0 * _RATIO if kind == "wide" else _RATIO
    places = np.arange(bits) ** _NARROW * bits**_STRETCH if kind == "crowded" else np.arange(bits, dtype=float)
    scales = ratio**-places
    return lambda sigma: sum(two_points(sigma, float(a)) for a in scales), float(scales.min())


def cell_entropy(params: dict, seed: int) -> list[dict]:
    """Entropy H in nats and N disc on the best grid, to leading order."""
    family, n = params["law"].split()[0], size(params["law"])
    if family in ("ladder", "wide", "crowded"):
        mmse, finest = _ladder(n, family)
        return [{"H": n * math.log(2), "N_disc": bound(mmse, finest / 20.0, 20.0)}]
    stream = manifolds.stream(seed, "neighbours entropy", params["law"])
    low = 0.02
    (curve,) = mmse_curves(build(params["law"]), low, 20.0, params["n"], 1, stream)
    w = zipf_weights(n).numpy() if family == "zipf" else np.full(round(math.exp(n)), 1.0 / round(math.exp(n)))
    return [{"H": float(-(w * np.log(w)).sum()), "N_disc": bound(curve, low, 20.0)}]


def _of(rows: pd.DataFrame, family: str) -> Estimate:
    own = rows[rows.law.str.startswith(family + " ")]
    return exponent(own.H, own.N_disc)


def decide(tables, options) -> list[Measurement]:
    """Ladder against codes and Zipf atoms."""
    rows = tables["neighbours_entropy"]
    if rows.law.nunique() < 3 * len(_BITS) + len(_CODES) + len(_ZIPF):
        return []
    own, codes = _of(rows, "ladder"), _of(rows, "random_code")
    controls = [
        control("null", "a ladder of twice the ratio", _of(rows, "wide")),
        control("power", "bits whose scales crowd, 4^-(j^.5 n^.15)", _of(rows, "crowded")),
    ]
    ratio = rows.assign(over=rows.N_disc / rows.H**2)
    zipf = ratio[ratio.law.str.startswith("zipf")]
    last = ratio[ratio.law == f"random_code {_CODES[-1]}"].over.iloc[0]
    ladder = ratio[ratio.law == f"ladder {_BITS[-1]}"].over.iloc[0]
    note = f"codes: exponent {codes.value:.3f}, N disc/H^2 {last:.3g} at k = {_CODES[-1]} against {ladder:.3g}; Zipf "
    note += ", ".join(f"{law.split()[1]} atoms {v:.3g} (H = {h:.3g})" for law, v, h in zip(zipf.law, zipf.over, zipf.H))
    return [Measurement("U8", own.value, own.low, own.high, controls, note, "ladder", "range", looser_by=ladder / last)]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"neighbours_entropy": cell_entropy}, decide=decide)
