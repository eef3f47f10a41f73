"""Does the variance of the ideal dynamics on Gaussian data solve to s^2 + sigma_t^2, with no step in between? (S1b)"""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import solve_ivp

from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.claims import Revision
from analysis.schedule.settings import PROPORTIONAL, WANING, waning

CLAIMS = (
    Claim(
        id="S1b",
        kind="sharper",
        source="derived here; the Gaussian case of arXiv 2602.09639, Prop 3.2, in continuous time",
        statement="on Gaussian data the variance equation of the dynamics has the solution s^2 + sigma_t^2",
        quantity="largest relative gap along the run, adaptive Runge-Kutta at rtol 1e-12",
        predicted="0",
        allowed=(0.0, 1e-12),  # the solver's tolerance a step; both sides obey one equation, so their errors agree
        revised=Revision(
            was="the same within 1e-9, beside 5 % more injection",
            why="the gap is 2e-15, and the nearest sabotage lay 3e7 limits away",
        ),
    ),
)


_MORE = 4e-12  # of the sabotage, relative: the injection that notices least is then off by 1.5e-12


def cells(options) -> list[Cell]:
    """The truth and sabotages (more injection) of every injection; without injection there is nothing to spoil."""
    return [
        Cell("continuous", {"injection": kind, "factor": factor, "s": s, "sigma_0": 5.0, "horizon": 6.0}, 0.05)
        for kind in (*PROPORTIONAL, WANING)
        for factor in ((1.0, 1.0 + _MORE, 1.05) if kind != "0" else (1.0,))
        for s in (0.3, 1.0)
    ]


def cell_continuous(params: dict, seed: int) -> list[dict]:
    """On N(0, s^2) the ideal dynamics have variance V' = 2 (g - 1) V + 2 a_t, g = s^2/(s^2 + sigma_t^2).

    Solved by an adaptive Runge-Kutta method (DOP853, rtol 1e-12) beside sigma_t' = (a_t - sigma_t^2)/sigma_t, and
    compared with s^2 + sigma_t^2. `factor` multiplies the injection of the dynamics but not of the schedule: 1 is true.
    """
    s, sigma_0, horizon, factor = params["s"], params["sigma_0"], params["horizon"], params["factor"]
    decay = waning(sigma_0)

    def slope(t, state):
        V, sigma2 = state
        a_t = decay(t) if params["injection"] == WANING else float(params["injection"]) * sigma2
        return [2.0 * (s**2 / (s**2 + sigma2) - 1.0) * V + 2.0 * factor * a_t, 2.0 * (a_t - sigma2)]

    times = np.linspace(0.0, horizon, 41)
    solved = solve_ivp(slope, (0.0, horizon), [s**2 + sigma_0**2, sigma_0**2], "DOP853", times, rtol=1e-12, atol=1e-14)
    gap = solved.y[0] / (s**2 + solved.y[1]) - 1.0
    return [{"largest_gap": float(np.abs(gap).max()), "sigma_end": math.sqrt(float(solved.y[1, -1]))}]


def decide(tables, options) -> list[Measurement]:
    """The largest gap of the truth; the null has a closed form of its own, the sabotage must show."""
    rows = tables["continuous"]
    truth = rows[rows.factor == 1.0].largest_gap
    no_noise = float(rows[(rows.injection.astype(str) == "0")].largest_gap.max())
    controls = [Control("null", "no injection: e^{-2t} sigma_0^2", no_noise, no_noise)]
    for factor, wrong in rows[rows.factor != 1.0].groupby("factor"):
        least = float(wrong.largest_gap.min())
        controls.append(Control("power", f"{factor - 1:.2g} more injection, where it is noticed least", least, least))
    return [Measurement("S1b", truth.max(), truth.max(), truth.max(), controls)]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"continuous": cell_continuous}, decide=decide)
