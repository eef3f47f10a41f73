"""How do the steps grow as the error falls? Exact marginal laws: total variation, KL, and second order. (U3 U7 U11)"""

from __future__ import annotations

import math

import pandas as pd
from scipy import stats

from analysis.integrators.settings import final_variances, named
from analysis.ledger.transfer import marginal_divergence
from analysis.metrics.intervals import Estimate
from analysis.neighbours.laws import build, line_mixture
from analysis.neighbours.settings import ABSTRACT, Leaking, control, every, exponent, gaussian_kl, smoke
from analysis.runs import Cell, Claim, Measurement, Question
from analysis.samplers import Schedule
from analysis.theory.discretisation import gaussian_discretisation
from manifolds.law import Law

CLAIMS = (
    Claim(
        id="U3",
        kind="neighbour",
        source=f"arXiv 2501.12982 ({ABSTRACT}): TV <= eps in k/eps steps for DDPM and DDIM",
        statement="the output's TV falls as 1/N, so that 1/eps steps are needed, as printed (sharp in eps), and not "
        "1/eps^2, as KL bounds with Pinsker say; DDPM coefficients, spheres k = 1, 2, 4, cube, two-component mixture "
        "on a line, Gaussian plane, N = 16 .. 64, levels 10 to .1 (.3; limit set after a pilot)",
        quantity="exponent of N in 1/TV, the law farthest from 1; interval: between neighbouring N",
        predicted="1; printed 1",
        allowed=(0.7, 1.3),  # .4 beforehand, half the distance between 1 and 2 being .5; a leak at N^-.6 shows
        wide="exact numbers without sampling error",
    ),
    Claim(
        id="U7",
        kind="neighbour",
        source="arXiv 2510.27562 (its text was not found; as cited: KL of order d min(d, L^2)/N^2, with a lower bound)",
        statement="the output's KL falls as 1/N^2, as cited, while the path's falls as 1/N; two-component mixtures of "
        "separation .5, 2 and 8 widths on a line, N = 16 .. 64, levels 10 to .3, DDPM coefficients (limit set after a "
        "pilot)",
        quantity="exponent of KL in 1/N, the separation farthest from 2; interval: between neighbouring N",
        predicted="2; the path's 1",
        allowed=(1.7, 2.3),  # .5 beforehand, half the distance between 2 and 1; nearer, as U3's
        wide="exact numbers without sampling error",
    ),
    Claim(
        id="U11",
        kind="neighbour",
        source=f"arXiv 2602.01338v2, 2601.10708v1 ({ABSTRACT}): error delta in polylog(1/delta) steps, by new "
        f"algorithms",
        statement="no sampler registered here is logarithmic in 1/eps: the best, of second order (Heun, 2M, randomised "
        "midpoint), need eps^(-1/2) steps in TV, a power: the theorems are about other algorithms; Gaussian plane, "
        "k = 2, N = 32 .. 256, levels 10 to .1",
        quantity="exponent of N in 1/sqrt KL, the second-order sampler farthest from 1/2; interval: neighbouring N",
        predicted="1/2; a logarithm would give 0",
        allowed=(0.25, 0.75),
        wide="exact numbers without sampling error",
    ),
)
_LAWS = ("sphere 1", "sphere 2", "sphere 4", "cube 1", "line 2", "line 0.5", "line 8", "gaussian 2")
_COUNTS, _MORE = (16, 32, 64), (32, 64, 128, 256)
_LOW, _HIGH = 0.1, 10.0
_SECOND = ("heun", "dpm_solver_2m", "randomised_midpoint")
_LEAK, _FAINT = (-2.5, 0.6), (-1.0, 1.1)  # sabotages: levels off at N^-.6, and at N^-1.1 beside a second-order method


def cells(options) -> list[Cell]:
    """One cell a law with its exact marginal; Gaussian recursions of every order, honest and leaking."""
    few = smoke(options)
    laws = ("cube 1",) if few else _LAWS
    plan = [Cell("neighbours_accuracy", {"law": law}, 2.0) for law in laws]
    names = ("heun",) if few else (*_SECOND, "exponential_euler", "leaking", "believing")
    return plan + [Cell("neighbours_order", {"integrator": name}, 3.0) for name in names]


def _law(name: str) -> Law:
    family, number = name.split()
    if family != "line":
        return build(name, 1000)
    core = line_mixture(float(number))
    core.radius = float(number) / 2 + 9.0  # nine widths, where the carried grid may end: 1e-19 lies beyond
    return Law(core, 1000, reduced=True)


def _gaussian_tv(p: float, q: float, k: int) -> float:
    """Total variation of N(0, p I_k) and N(0, q I_k): the densities cross on a sphere.

    >>> round(_gaussian_tv(1.0, 1.1, 2), 4)
    0.0351
    """
    if abs(p / q - 1.0) < 1e-14:
        return 0.0
    radius2 = k * math.log(q / p) / (1.0 / p - 1.0 / q)
    return abs(float(stats.chi2.cdf(radius2 / p, k) - stats.chi2.cdf(radius2 / q, k)))


def cell_accuracy(params: dict, seed: int) -> list[dict]:
    """KL(p_{sigma_T} || law of Y_N), TV and the path's KL of the Gaussian plane, one row an N."""
    law = _law(params["law"])
    rows = []
    low = 3 * _LOW if params["law"].startswith("line") else _LOW  # a third of the width: the grids are long
    for steps in _COUNTS:
        schedule = Schedule.proportional(_HIGH, low, 0.5, steps)
        if params["law"].startswith("gaussian"):
            u, _ = final_variances(named("ancestral"), schedule, 1.0)
            kl, tv = gaussian_kl("ancestral", schedule, 1.0, 2, 0.0), _gaussian_tv(1 + _LOW**2, u, 2)
        else:
            found = marginal_divergence(law, schedule, radial=params["law"].startswith("sphere"))
            kl, tv = found.kl, found.tv
        rows.append({"N": steps, "kl": kl, "tv": tv})
    return rows


def cell_order(params: dict, seed: int) -> list[dict]:
    """KL and TV of a Gaussian plane for one integrator, and the path's KL, one row an N."""
    name, rows = params["integrator"], []
    for steps in _MORE:
        a = 0.0 if name in ("heun", "dpm_solver_2m", "believing") else 0.5
        schedule = Schedule.proportional(_HIGH, _LOW, a, steps)
        method = Leaking(*_LEAK) if name == "leaking" else named("heun" if name == "believing" else name)
        believed = 1.0 + _FAINT[0] / steps ** _FAINT[1] if name == "believing" else 1.0
        u, _ = final_variances(method, schedule, believed)
        kl = gaussian_kl(method, schedule, 1.0, 2, 0.0, believed)
        path = gaussian_discretisation(schedule.sigma.numpy(), 2, 1.0)
        rows.append({"N": steps, "kl": kl, "tv": _gaussian_tv(1 + _LOW**2, u, 2), "path": path})
    return rows


def _power(rows: pd.DataFrame, column: str, of: float) -> Estimate:
    """Exponent of N in 1/error^of; the ends turned over."""
    found = exponent(rows.N, rows[column])  # error ~ N^-order
    return Estimate(-1.0 / (found.value * of), -1.0 / (found.low * of), -1.0 / (found.high * of))


def _orders(rows: pd.DataFrame, column: str) -> Estimate:
    return exponent(1.0 / rows.N, rows[column])


def decide(tables, options) -> list[Measurement]:
    """TV law by law, KL separation by separation, second-order samplers one by one."""
    laws, orders = tables.get("neighbours_accuracy"), tables.get("neighbours_order")
    if laws is None or orders is None or laws.law.nunique() < len(_LAWS) or orders.integrator.nunique() < 6:
        return []
    by = {str(law): g for law, g in laws.groupby("law")}
    run = {str(name): g for name, g in orders.groupby("integrator")}
    tv = {law: _power(g, "tv", 1.0) for law, g in by.items()}
    controls = [
        control("null", "Gaussian plane, N = 32 .. 256", _power(run["exponential_euler"], "tv", 1.0)),
        control(
            "power", f"injected variance less by {-_LEAK[0]:g}/N^.6, Gaussian plane", _power(run["leaking"], "tv", 1.0)
        ),
    ]
    said = "TV at N = 64: " + ", ".join(f"{law} {g.tv.iloc[-1]:.3g}" for law, g in by.items())
    found = [_every("U3", tv, controls, said)]
    lines = {law: _orders(g, "kl") for law, g in by.items() if law.startswith("line")}
    path = _orders(run["exponential_euler"], "path")
    controls = [
        control("null", "Gaussian plane, N = 32 .. 256", _orders(run["exponential_euler"], "kl")),
        control(
            "power", f"injected variance less by {-_LEAK[0]:g}/N^.6, Gaussian plane", _orders(run["leaking"], "kl")
        ),
    ]
    loose = run["exponential_euler"].path.iloc[0] / run["exponential_euler"].kl.iloc[0]
    found.append(_every("U7", lines, controls, f"the path's KL, Gaussian plane: {path.value:.3f}", looser_by=loose))
    second = {name: _power(run[name], "kl", 0.5) for name in _SECOND}
    controls = [
        control("null", "Heun, larger step counts", _power(run["heun"].iloc[-2:], "kl", 0.5)),
        control("power", f"Heun with data believed off by 1/N^{_FAINT[1]:g}", _power(run["believing"], "kl", 0.5)),
    ]
    first = _power(run["exponential_euler"], "kl", 0.5)
    return [*found, _every("U11", second, controls, f"exponential Euler {first.value:.3f}")]


def _every(identifier: str, found: dict[str, Estimate], controls: list, note: str, **more) -> Measurement:
    return every(CLAIMS, identifier, found, controls, note, span="range", **more)


QUESTION = Question(
    claims=CLAIMS,
    cells=cells,
    parts={"neighbours_accuracy": cell_accuracy, "neighbours_order": cell_order},
    decide=decide,
)
