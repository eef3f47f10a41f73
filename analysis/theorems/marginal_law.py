"""How many steps does the law of a run itself need? Exact marginal laws, no samples, against the certificate's rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas
import torch
from scipy import optimize, stats

import manifolds
from analysis.ledger.transfer import marginal_divergence
from analysis.runs import Cell, Claim, Control, Measurement, Question, every_cell
from analysis.runs.every import every_control
from analysis.runs.experiment import Tables
from analysis.samplers import Schedule
from analysis.theorems.settings import case
from analysis.theory.discretisation import gaussian_discretisation
from analysis.theory.gaussian_run import final_divergence

_START, _END = 20.0, 0.05
_WRONG = 0.999  # sabotage: a denoiser so many times the exact one, on a segment; its error stops falling
# law, k, the most steps: a smoke run leaves out the last two, the slowest
_LAWS = (
    ("gaussian", 2, 128),
    ("gaussian", 32, 128),
    ("two_atoms", 1, 128),
    ("cube", 1, 128),
    ("sphere", 1, 128),
    ("sphere", 2, 128),
    ("sphere", 4, 64),
    ("sphere", 16, 64),
)

CLAIMS = (
    # exponents are local ones between neighbouring step counts, which drift towards their limit: 10 % of room
    Claim(
        "R5",
        "related",
        "arXiv 2501.12982 (k/eps in TV); arXiv 2410.09046, 2410.18784 (k/eps^2 for KL <= eps^2)",
        "the law of a run follows the rate 1/eps in TV, not the 1/eps^2 of a path KL: segment, two atoms, spheres of "
        "k = 1 to 16, N = 16 to 128, a = 1/2, exponential Euler, d large",
        "exponent of the steps in 1/TV, exact marginal laws, last two pairs of step counts of each law",
        "1",
        (0.9, 1.1),
        wide="exact numbers without sampling error",
    ),
)


def cells(options: Any) -> list[Cell]:
    """Laws that a one-dimensional coordinate carries, at 16 steps and its doubles."""
    smoke = options.profile == "smoke"
    found = [
        Cell("theorems_marginal", {"law": law, "dim": k, "steps": n, "scale": 1.0}, cost=1e-4 * n**1.7 * (1 + k / 8))
        for law, k, last in (_LAWS[:-2] if smoke else _LAWS)
        for n in (16, 32, 64, 128)
        if n <= min(last, 32 if smoke else 128)
    ]
    for n in () if smoke else (32, 64, 128):
        found.append(Cell("theorems_marginal", {"law": "cube", "dim": 1, "steps": n, "scale": _WRONG}, cost=0.5))
    return found


def cell_marginal(params: dict, seed: int) -> list[dict]:
    """Exact KL and TV between p_{sigma_T} and the law of Y_N as d grows without bound, scale 1 a dimension."""
    name, k, steps = params["law"], params["dim"], params["steps"]
    schedule = Schedule.proportional(_START, _END, a=0.5, steps=steps)
    certified = gaussian_discretisation(schedule.sigma.numpy(), k, 1.0)
    row = {"h": float(schedule.h[0]), "gaussian_tv_certified": math.sqrt(certified / 2)}
    if name == "gaussian":
        c, eta = torch.exp(-schedule.h).numpy(), schedule.ou_variance.sqrt().numpy()
        kl, _ = final_divergence(c, eta, schedule.sigma.numpy(), k, 10**9, 1.0, told="true")
        return [row | {"kl": float(kl), "tv": _gaussian_tv(float(kl), k), "mass": 1.0}]
    if name == "two_atoms":
        law = case(name, 100)
    else:
        options: dict = {"radius": math.sqrt(k)} if name == "sphere" else {}
        law = manifolds.make(name, dim=k, ambient=4 * k + 10, reduced=True, **options)
    found = marginal_divergence(law, schedule, radial=name == "sphere", scale=params["scale"])
    return [row | {"kl": found.kl, "tv": found.tv, "mass": found.mass}]


def _gaussian_tv(kl: float, k: int) -> float:
    """TV between N(0, I_k) and N(0, v I_k), v <= 1, at this KL: a difference of chi-square distribution functions."""
    v = optimize.brentq(lambda v: 0.5 * k * (1 / v - 1 + math.log(v)) - kl, 1e-6, 1.0)
    cut = k * v * math.log(1 / v) / (1 - v)
    return float(stats.chi2.cdf(cut / v, k) - stats.chi2.cdf(cut, k))


def local_exponents(marginal: pandas.DataFrame, column: str, last: int = 2) -> pandas.DataFrame:
    """log(N'/N)/log(TV/TV') between neighbouring step counts, the last pairs of each law: steps ~ TV^-exponent."""
    rows = []
    for (law, dim), group in marginal.groupby(["law", "dim"], sort=True):
        group = group.sort_values("steps")
        steps = group["steps"].to_numpy()
        n, tv = np.log(steps.astype(float)), np.log(group[column].to_numpy(float))
        found = (np.diff(n) / -np.diff(tv))[-last:]
        rows += [
            {"law": law, "dim": dim, "steps": int(s), "exponent": float(e)} for s, e in zip(steps[-len(found) :], found)
        ]
    return pandas.DataFrame(rows, columns=["law", "dim", "steps", "exponent"])


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """R5; a smoke run's steps are too few to be near the limit."""
    if options.profile == "smoke":
        return []
    every = tables["theorems_marginal"]
    table = every[every["scale"] == 1.0]
    found, wrong = local_exponents(table, "tv"), local_exponents(every[every["scale"] != 1.0], "tv")["exponent"]
    certified = local_exponents(table[table["law"] == "gaussian"], "gaussian_tv_certified")["exponent"]
    null, rest = found[found["law"] == "gaussian"]["exponent"], found[found["law"] != "gaussian"]["exponent"]
    controls = [
        Control("null", "exact Gaussian recursion", float(null.min()), float(null.max())),
        every_control(CLAIMS, "R5", "power", "a segment's denoiser .1 % too small", wrong, wrong, wrong),
    ]
    names = [f"{r.law}, k = {r.dim}, N = {r.steps}" for r in found[found["law"] != "gaussian"].itertuples()]
    return [
        every_cell(
            CLAIMS,
            "R5",
            rest,
            rest,
            rest,
            controls,
            f"{_placement(table)}: exponent {certified.iloc[-1]:.2f}",
            names,
            span="number",
        )
    ]


def _placement(table: pandas.DataFrame) -> str:
    """Exponents of the steps in k at equal TV, and KL/(k h^2), beside k/eps^2 (KL = eps^2), k/eps (TV), sqrt(k)/eps."""
    fine, said = table[table["steps"] == 64], []
    for law in ("gaussian", "sphere"):
        same = fine[fine["law"] == law].sort_values("dim")
        dims, tv = same["dim"].to_numpy(float), same["tv"].to_numpy(float)
        slope = math.log(tv[-1] / tv[0]) / math.log(dims[-1] / dims[0]) if len(same) > 1 else math.nan
        said.append(f"{law} steps ~ k^{slope:.2f}/TV")
    each = zip(fine["law"], fine["dim"], fine["kl"] / (fine["dim"] * fine["h"] ** 2))
    said.append("KL/(k h^2): " + ", ".join(f"{law} k={dim} {value:.4f}" for law, dim, value in each))
    return "; ".join(said) + "; product laws add KL, so k^0.5/TV; the certificate alone follows k/eps^2"


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"theorems_marginal": cell_marginal}, decide=decide)
