"""Is the tangent law the best grid for the deterministic sampler on Gaussian data? (U9)

On sigma = s tan(theta) a step of DDIM multiplies the standard deviation by cos(theta)/cos(theta_+) cos(Delta theta):
the first factor is exact, so the error is prod cos(Delta theta_i), least on equal steps, at every N. Derived here.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize

from analysis.metrics.intervals import Estimate
from analysis.neighbours.settings import ABSTRACT, control, smoke
from analysis.runs import Cell, Claim, Measurement, Question
from analysis.runs.every import every_cell
from analysis.samplers import Schedule
from analysis.theory.gaussian_run import gaussian_divergence

CLAIMS = (
    Claim(
        id="U9",
        kind="neighbour",
        source=f"arXiv 2601.13602v2 ({ABSTRACT}): on Gaussian data a tangent law, its coefficient from the covariance, "
        "minimises the leading term of the deterministic sampler's KL; 2605.21911 (not found), EDM, LAS: see D10",
        statement="no grid that a minimiser finds beats the tangent law for DDIM on N(0, s^2 I_k), at any N: sharp; "
        "s = .5, 1, 2, N = 8, 16, 32, levels 20 to .02 (two scales, 1 and .1, in the note)",
        quantity="KL on the tangent grid over that on the best grid found, the case farthest from 1",
        predicted="1, exactly for one scale",
        allowed=(0.98, 1.02),
        wide="exact numbers without sampling error",
    ),
)
_LOW, _HIGH = 0.02, 20.0
_OFF = 1.2  # a sabotage: a tangent law whose coefficient is 20 % too large


def cells(options) -> list[Cell]:
    """One cell a law and N."""
    few = smoke(options)
    laws = ("1",) if few else ("0.5", "1", "2", "1 0.1")
    counts = (8,) if few else (8, 16, 32)
    return [Cell("neighbours_tangent", {"scales": s, "N": n}, 1.0) for s in laws for n in counts]


def ddim_kl(levels: np.ndarray, scales: np.ndarray) -> float:
    """KL(p_{sigma_T} || law of Y_N) of DDIM from p_{sigma_0}, one dimension a scale, exactly.

    >>> theta = np.linspace(np.arctan(20.0), np.arctan(0.02), 9)
    >>> v = np.cos(theta[0] - theta[1]) ** 16  # of the variance, over the truth
    >>> round(ddim_kl(np.tan(theta), np.array([1.0])) / (0.5 * (1 / v - 1 + np.log(v))), 12)
    1.0
    """
    total = 0.0
    for s in scales:
        keep = s**2 / (s**2 + levels[:-1] ** 2)
        factor = keep + levels[1:] / levels[:-1] * (1.0 - keep)
        variance = (s**2 + levels[0] ** 2) * float(np.exp(2.0 * np.log(factor).sum()))
        total += float(gaussian_divergence(s**2 + levels[-1] ** 2, variance, 1.0))
    return total


def best_kl(steps: int, scales: np.ndarray) -> float:
    """The least KL that L-BFGS finds from constant log-steps and from a tangent law."""

    def levels(logits: np.ndarray) -> np.ndarray:
        share = np.exp(logits - logits.max())
        place = np.concatenate([[0.0], np.cumsum(share / share.sum())])
        return _HIGH * (_LOW / _HIGH) ** place

    starts = [np.zeros(steps), np.log(-np.diff(np.log(_tangent(steps, scales, 1.0))))]
    found = [minimize(lambda x: math.log(ddim_kl(levels(x), scales)), x0, method="L-BFGS-B") for x0 in starts]
    return math.exp(min(float(r.fun) for r in found))


def _tangent(steps: int, scales: np.ndarray, factor: float) -> np.ndarray:
    return Schedule.tangent(_HIGH, _LOW, steps=steps, scales=(factor * scales).tolist()).sigma.numpy()


def cell_tangent(params: dict, seed: int) -> list[dict]:
    """KL of the tangent law, of constant log-steps and of a wrong coefficient, over the best found."""
    scales, steps = np.array([float(v) for v in params["scales"].split()]), params["N"]
    best = best_kl(steps, scales)
    constant = np.geomspace(_HIGH, _LOW, steps + 1)
    return [
        {
            "best": best,
            "tangent": ddim_kl(_tangent(steps, scales, 1.0), scales) / best,
            "off": ddim_kl(_tangent(steps, scales, _OFF), scales) / best,
            "constant": ddim_kl(constant, scales) / best,
        }
    ]


def decide(tables, options) -> list[Measurement]:
    """One scale decides; constant steps and two scales stand in the note."""
    rows = tables["neighbours_tangent"]
    own, two = rows[~rows.scales.str.contains(" ")], rows[rows.scales.str.contains(" ")]
    if len(own) < 9:
        return []
    one = own[(own.scales == "1") & (own.N == 32)].iloc[0]
    controls = [
        control("null", "s = 1, N = 32", Estimate(*[float(one.tangent)] * 3)),
        control(
            "power", f"a coefficient {100 * (_OFF - 1):.2g} % too large, s = 1, N = 32", Estimate(*[float(one.off)] * 3)
        ),
    ]
    note = f"constant log-steps {own.constant.min():.3g} to {own.constant.max():.3g}; two scales " + ", ".join(
        f"{v:.3f} at N = {n}" for n, v in zip(two.N, two.tangent)
    )
    names = [f"s = {s}, N = {n}" for s, n in zip(own.scales, own.N)]
    return [every_cell(CLAIMS, "U9", own.tangent, own.tangent, own.tangent, controls, note, names, span="number")]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"neighbours_tangent": cell_tangent}, decide=decide)
