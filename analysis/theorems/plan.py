"""The cells of the ledger and of the theorems experiment."""

from __future__ import annotations

from typing import Any

import manifolds
from analysis.runs import Cell
from analysis.theorems.catalogue import CASES

__all__ = ["ENDS", "LARGE", "study", "terms"]

# sigma_T in units of the data's size, from where the price still builds up to where it has
ENDS = (0.2, 0.1, 0.05, 0.02, 0.01)
SMALL, LARGE, HUGE = 10**3, 10**5, 10**9
# laws whose posterior is a sum over many points: fewer samples
_CLOSED = ("gaussian", "sphere", "torus", "cube", "product", "mixture")
_ANY_LEVEL = (*_CLOSED, "random_code", "two_atoms", "cantor")
_SIZES = {"smoke": 0.1, "paper": 1.0, "full": 8.0}


def terms(options: Any) -> list[Cell]:
    """The ledgers that were asked for; refuses what cannot be built, naming the argument."""
    if not options.sigma_end < options.sigma_start:
        raise ValueError(
            f"argument --sigma-end: must be smaller than --sigma-start ({options.sigma_start:g}), got {options.sigma_end:g}"
        )
    points = {"smoke": 64, "paper": 256, "full": 4096}[options.profile]
    cells = []
    for law in options.law:
        for dim in options.dim:
            for ambient in options.ambient:
                try:
                    built = manifolds.make(law, dim=dim, ambient=ambient, reduced=True)
                except (ValueError, TypeError) as error:
                    raise ValueError(
                        f"argument --law/--dim/--ambient: {error} (--law {law} --dim {dim} --ambient {ambient})"
                    ) from error
                finest = getattr(built.core, "finest_sigma", 0.0)
                if options.sigma_end < finest:
                    raise ValueError(
                        f"argument --sigma-end: must be at least {finest:g} for --law {law}, got {options.sigma_end:g}"
                    )
                slow = 40.0 if hasattr(built.core, "points") else 1.0
                for denoiser in options.denoiser:
                    run = {
                        "law": law,
                        "dim": dim,
                        "ambient": ambient,
                        "steps": options.steps,
                        "a": options.a,
                        "denoiser": denoiser,
                        "sigma_start": options.sigma_start,
                        "sigma_end": options.sigma_end,
                    }
                    cost = 1e-5 * slow * options.steps
                    cells.append(Cell("ledger", run | {"points": points}, cost=cost * points))
                    cells.append(Cell("ledger_run", run | {"points": max(2 * points, 256)}, cost=cost * points * 3))
    return cells


def study(profile: str) -> list[Cell]:
    """What the claims are decided by."""
    size = _SIZES[profile]
    few, many, ends = max(int(400 * size), 128), int(8192 * size), ENDS if profile != "smoke" else ENDS[::2]
    cells = []
    for law in CASES:
        closed = law in _CLOSED
        if profile == "smoke" and not closed:
            continue
        n = many if closed else few
        price = {"law": law, "points": n}
        at = [(LARGE, 0.05)] + ([(SMALL, end) for end in ends] if law in _ANY_LEVEL else [(SMALL, 0.05)])
        at += [(HUGE, 0.05)] if law == "gaussian" else []
        cells += [
            Cell("theorems_price", {**price, "ambient": d, "end": end}, cost=0.3 if closed or d == SMALL else 1.5)
            for d, end in at
        ]
    for law in ("gaussian", "sphere", "cube", "torus", "two_scale"):
        for power in (0.3, 0.7) if profile == "smoke" else (0.3, 0.5, 0.7, 0.9):
            # at p = .9 the 2k dimensions of a torus do not fit, and a cube of thousands is slow
            if (
                (law == "torus" and power > 0.7)
                or (law == "cube" and power > 0.7)
                or (profile == "smoke" and law not in ("gaussian", "two_scale"))
            ):
                continue
            path = (64, 256, 1024, 4096) if law != "two_scale" else (10**3, 10**4, 10**5, 10**6)
            cells += [
                Cell(
                    "theorems_path",
                    {"law": law, "power": power, "ambient": d, "points": int(4096 * max(size, 0.25))},
                    cost=0.3,
                )
                for d in path
            ]
    cells += _sums(size) + _runs(size)
    for law in CASES:
        if profile == "smoke" and law not in _CLOSED:
            continue
        cells += [
            Cell("theorems_start", {"law": law, "start": start, "points": int(4000 * size)}, cost=0.1)
            for start in (1.0, 3.0, 20.0)
        ]
    marginal = [
        ("gaussian", 2, 128),
        ("gaussian", 32, 128),
        ("two_atoms", 1, 128),
        ("cube", 1, 128),
        ("sphere", 1, 128),
        ("sphere", 2, 128),
        ("sphere", 4, 64),
        ("sphere", 16, 64),
    ]
    most = 32 if profile == "smoke" else 128
    # a smoke run leaves out the last, the slowest
    for law, k, last in marginal[:-1] if profile == "smoke" else marginal:
        cells += [
            Cell("theorems_marginal", {"law": law, "dim": k, "steps": n}, cost=1e-4 * n**1.7 * (1 + k / 8))
            for n in (16, 32, 64, 128)
            if n <= min(last, most)
        ]
    for law in ("sphere",) if profile == "smoke" else ("sphere", "torus", "cube", "random_code", "blobs"):
        n = 600 if law == "blobs" or profile == "smoke" else 4000
        cells.append(
            Cell(
                "theorems_recipe",
                {"law": law, "dim": 2, "eps": 0.2, "factor": 20.0, "points": n, "sabotage": law == "sphere"},
                cost=5.0 if law == "blobs" else 2.0,
            )
        )
    return cells


def _sums(size: float) -> list[Cell]:
    """Pythagoras: aligned priors, exact and perturbed denoisers; other priors on two laws."""
    cells = []
    # where the error of the denoiser moves along the data's own directions, the sum needs more points
    for law, dim, points in (
        ("gaussian", 4, 8000),
        ("sphere", 4, 2000),
        ("torus", 4, 2000),
        ("cube", 2, 7000),
        ("mixture", 2, 4000),
        ("product", 4, 4000),
    ):
        if size < 1 and law != "gaussian":
            continue
        n = max(int(points * size), 1000)
        kinds = [("aligned", "blind"), ("aligned", "perturbed")]
        kinds += [(prior, "perturbed") for prior in ("-3", "-1", "-0.5")] if law in ("gaussian", "sphere") else []
        cells += [
            Cell(
                "theorems_sum",
                {
                    "law": law,
                    "dim": dim,
                    "prior": prior,
                    "denoiser": kind,
                    "steps": 24,
                    "points": n if prior == "aligned" else n // 2,
                },
                cost=6e-4 * n,
            )
            for prior, kind in kinds
        ]
    return cells


# laws whose levels may be as fine as the runs ask -> the k that they are run at
_RUN_DIMS = {
    "gaussian": (1, 8, 64),
    "sphere": (1, 8, 64),
    "torus": (1, 8, 64),
    "cube": (1, 8, 64),
    "ball": (1, 8, 64),
    "product": (2, 8, 64),
    "mixture": (1, 8, 64),
    "union_of_subspaces": (1, 8, 64),
    "random_code": (1, 4, 8),
}


def _runs(size: float) -> list[Cell]:
    """Runs held against their certificates: every law at the corners of k, d and N. The smallest d is 2k, or m + 1 where that is more."""
    cells = []
    for law, (least, middle, most) in _RUN_DIMS.items():
        if size < 1 and law not in ("gaussian", "sphere"):
            continue
        corners = [(least, HUGE, 4), (middle, None, 32), (middle, HUGE, 256), (most, None, 4)]
        # the longest run of the largest k, a quarter as long where it would take a minute
        corners += (
            [(least, HUGE, 2048), (most, HUGE, 512 if law in ("union_of_subspaces", "random_code") else 2048)]
            if size >= 1
            else []
        )
        for k, d, steps in corners:
            d = d or max(2 * k, manifolds.make(law, dim=k, ambient=HUGE, reduced=True).core_dim + 1)
            points = 128 if steps > 1000 else int(max(256 * size, 128))
            params = {
                "law": law,
                "dim": k,
                "ambient": d,
                "steps": steps,
                "points": points,
                "ledger_points": int(2048 * size),
            }
            cells.append(
                Cell("theorems_certificate", params, cost=0.5 + 1e-5 * params["points"] * steps * (1 + k / 32))
            )
    sabotage = {"law": "gaussian", "dim": 2, "ambient": HUGE, "steps": 512, "points": 500, "ledger_points": 2048}
    return [*cells, Cell("theorems_sabotage", sabotage, cost=1.0)]
