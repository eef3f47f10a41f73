"""The cells of `analysis.mismatch`: which combinations are run, at which size."""

from __future__ import annotations

from analysis.mismatch.loose_ends import VARIANTS
from analysis.mismatch.settings import CLOSED_FORM, ambient_of, own_settings
from analysis.runs import Cell

__all__ = ["plan"]

A_VALUES = (0.0, 0.2, 0.5)
PHASE_A = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
PHASE_H = (0.15, 0.3, 0.5, 0.75, 1.0)
FACTORS = ".25 .35 .5 .65 .8 .9 1.1 1.25 1.5 2 3 4"
LEVELS = ".025 .15 .6"  # true levels of the paper's figure 6
TOLD = (-0.5, -0.2, -0.1, -0.05, -0.01, 0.01, 0.05, 0.1, 0.2, 0.5)
# seconds on one core for 1000 samples and 25 steps: blind, conditional and informed together, and the plug-in arm
_COST = {
    "trefoil": 2.0,
    "swiss_roll": 4.5,
    "blobs": 4.0,
    "cube": 0.5,
    "product": 0.6,
    "random_code": 0.8,
    "torus": 0.4,
    "mixture": 0.45,
    "subspaces": 0.3,
}


def plan(options) -> list[Cell]:
    """Every part, largest first; ValueError if the selection leaves nothing to compare."""
    size = {"smoke": 0, "paper": 1, "full": 2}[options.profile]
    cells = [
        *_factorial(options, size),
        *_levels(options, size),
        *_argument(options, size),
        *_trained(options, size),
        *_phase(options, size),
    ]
    cells += [*_perturbed(options, size), *_adaptive(options, size), *_loose_ends(options, size)]
    if not any(cell.part == "mismatch_factorial" for cell in cells):
        raise ValueError("argument --integrator: must leave an integrator that uses the chosen grids, got none")
    return cells


def _cost(law: str, samples: int, replicates: int, steps: int) -> float:
    return _COST.get(law, 0.15) * samples * replicates * steps / 25_000


def _factorial(options, size: int) -> list[Cell]:
    samples, replicates = ((200, 3), (500, 6), (4000, 8))[size]
    chosen: dict[tuple, None] = {}
    for law in options.law:  # the main comparison: what every law says
        for integrator in ("euler", "exponential_euler"):
            if integrator in options.integrator:
                chosen[law, ambient_of(law, options.ambient), integrator, "geometric", 0.0, 25] = None
    if "euler" in options.integrator and "mixture" in options.law:
        chosen["mixture", 10 * options.ambient, "euler", "geometric", 0.0, 25] = None
        for integrator in ("euler", "exponential_euler"):
            for steps in options.steps:
                chosen["mixture", options.ambient, integrator, "geometric", 0.0, steps] = None
    for law in options.full_law:  # every integrator, grid and a
        for integrator in options.integrator:
            for grid in options.grid:
                for a in A_VALUES:
                    if own_settings(integrator, grid, a):
                        chosen[law, options.ambient, integrator, grid, a, 25] = None
    cells = []
    for law, ambient, integrator, grid, a, steps in chosen:
        plug_in = size > 0 and law in ("mixture", "gaussian") and grid == "geometric" and ambient == options.ambient
        params = {"law": law, "ambient": ambient, "integrator": integrator, "grid": grid, "a": a, "steps": steps}
        n = samples if law in CLOSED_FORM else 3 * samples // 5  # a sum over thousands of nodes for every point
        cost = _cost(law, n, replicates, steps) * (2 if plug_in else 1)
        cells.append(
            Cell("mismatch_factorial", {**params, "samples": n, "replicates": replicates, "plug_in": plug_in}, cost)
        )
    return cells


def _levels(options, size: int) -> list[Cell]:
    samples = (100, 400, 2000)[size]
    cells = []
    for integrator in options.integrator:
        for grid in options.grid:
            for a in A_VALUES:
                if not own_settings(integrator, grid, a):
                    continue
                for arm in ("blind", "conditional"):
                    for sabotage in (False, True)[
                        : 2 if (integrator, grid, arm) == ("euler", "geometric", "conditional") else 1
                    ]:
                        params = {
                            "law": "gaussian",
                            "ambient": 10_000,
                            "integrator": integrator,
                            "grid": grid,
                            "a": a,
                            "steps": 50,
                        }
                        cells.append(
                            Cell(
                                "mismatch_levels",
                                {**params, "arm": arm, "sabotage": sabotage, "samples": samples},
                                0.15,
                            )
                        )
    return cells


def _argument(options, size: int) -> list[Cell]:
    samples = (500, 8000, 40_000)[size]
    cells = []
    for law in ("mixture", "gaussian") + (("sphere", "cube") if size else ()):
        for sigma in map(float, LEVELS.split()):
            for arm in ("conditional", "shifted") + (("blind",) if law == "mixture" else ()):
                params = {"law": law, "ambient": options.ambient, "sigma": sigma, "arm": arm, "factors": FACTORS}
                cells.append(Cell("mismatch_argument", {**params, "samples": samples}, samples / 8000))
    return cells


# Law, k, and training steps of the conditional and of the blind network. k = 6: on a sphere of k = 2 a factor 2 at sigma = .025
# costs the exact denoiser .28 % of the MMSE, no more than training leaves, and the network's own curve turns with its seed.
_TRAINED = (("gaussian", 2, {False: 1200, True: 800}), ("sphere", 6, {False: 2000, True: 1200}))


def _trained(options, size: int) -> list[Cell]:
    """Networks that have seen every level they are told: from a quarter of .025 on, at the recipe of the training experiment."""
    width, batch, points = ((16, 128, 300), (64, 512, 8000), (128, 512, 40_000))[size]
    shared = {
        "architecture": "locally_linear",
        "width": width,
        "batch": batch,
        "lr": 6e-3,
        "prior": "balanced",
        "low": 0.005,
        "high": 10.0,
    }
    cells = []
    for law, dim, steps in _TRAINED[:1] if size == 0 else _TRAINED:
        for blind, count in steps.items():
            count = (60, count, 4 * count)[size]
            params = {
                "law": law,
                "dim": dim,
                "ambient": 32,
                "blind": blind,
                **shared,
                "steps": count,
                "points": points,
                "device": options.device,
            }
            cost = 1.0 + 1e-4 * width**0.5 * batch**0.4 * count + 2e-4 * points
            cells.append(Cell("mismatch_trained", {**params, "levels": LEVELS, "factors": FACTORS}, cost))
    return cells


def _phase(options, size: int) -> list[Cell]:
    samples, replicates = ((150, 3), (300, 6), (2000, 8))[size]
    cells = []
    for a in PHASE_A if size else (0.0,):
        for h in PHASE_H if size else (0.3, 1.0):
            params = {"law": "mixture", "ambient": options.ambient, "integrator": "euler", "a": a, "step_length": h}
            steps = 6.9 / (1 - a) / h
            cost = _cost("mixture", samples, replicates, steps)
            cells.append(Cell("mismatch_phase", {**params, "samples": samples, "replicates": replicates}, cost))
    return cells


def _perturbed(options, size: int) -> list[Cell]:
    samples, replicates = ((200, 3), (400, 6), (2000, 8))[size]
    chosen = [("told", off, 0.0, "exponential_euler") for off in TOLD]
    chosen += [("start", factor, a, "exponential_euler") for a in A_VALUES for factor in (0.5, 1.0, 2.0)]
    chosen += [
        ("last", jump, 0.0, integrator)
        for integrator in ("exponential_euler", "euler")
        for jump in (1.0, 3.0, 10.0, 30.0)
    ]
    if size == 0:
        chosen = [c for c in chosen if c[:3] in (("told", 0.5, 0.0), ("start", 2.0, 0.0), ("last", 10.0, 0.0))]
    common = {"law": "mixture", "ambient": options.ambient, "steps": 25, "samples": samples, "replicates": replicates}
    return [
        Cell(
            "mismatch_perturbed",
            {**common, "perturbation": kind, "size": value, "a": a, "integrator": integrator},
            _cost("mixture", samples, replicates, 25),
        )
        for kind, value, a, integrator in chosen
    ]


def _adaptive(options, size: int) -> list[Cell]:
    cells = []
    for a in (0.2, 0.5) if size else (0.5,):
        for scheme in ("adaptive", "scheduled"):
            cells += _adaptive_levels(a, scheme, size)
            for factor in (0.5, 1.0, 2.0):
                params = {
                    "law": "gaussian",
                    "dim": 4,
                    "ambient": 10_000,
                    "a": a,
                    "h": 0.2,
                    "end": 0.02,
                    "scheme": scheme,
                }
                cells.append(
                    Cell("adaptive_start", {**params, "factor": factor, "samples": (500, 1000, 4000)[size]}, 0.1)
                )
    for ambient in (200, 2000, 200_000) if size == 0 else (200, 700, 2000, 7000, 20_000, 60_000, 200_000):
        params = {"law": "gaussian", "dim": 4, "ambient": ambient, "a": 0.5, "h": 0.2, "end": 0.02}
        cells.append(Cell("adaptive_stop", {**params, "samples": (500, 3000, 20_000)[size]}, (0.4, 1.0, 6.0)[size]))
    samples, replicates = ((200, 3), (1500, 6), (4000, 8))[size]
    for a in (0.5,) if size == 0 else (0.2, 0.5):
        for h in (0.5,) if size == 0 else (0.2, 0.35, 0.6, 1.0):
            params = {
                "law": "gaussian",
                "ambient": options.ambient,
                "a": a,
                "h": h,
                "samples": samples,
                "replicates": replicates,
            }
            cells.append(Cell("adaptive_work", params, _cost("gaussian", samples, replicates, 14 / h)))
    for estimator in ("residual", "trace", "probe"):
        params = {"law": "gaussian", "dim": 40, "ambient": 400, "a": 0.5, "h": 0.2, "estimator": estimator}
        cells.append(Cell("adaptive_bias", {**params, "samples": (3000, 4000, 20_000)[size]}, 1.0))
    return cells


def _adaptive_levels(a: float, scheme: str, size: int) -> list[Cell]:
    """Long runs. The variance is judged at d = 10^4 to 5 %, hence short steps (its error is of order h) and many samples; the
    shift at d = 100 to 10 %, where it is large enough, and at a = 1/2."""
    if size == 0:
        runs = [(4, 10_000, 500, 0.1)]
    else:
        more = 4 if size == 2 else 1
        runs = [(4, 10_000, 20_000 * more, 0.01 if scheme == "adaptive" else 0.05)]
        runs += [(dim, 100, 16_000 * more, 0.04) for dim in (4, 1) if a == 0.5]
    cells = []
    for dim, ambient, samples, h in runs:
        end = 0.5 if ambient > 100 else 0.2
        params = {"law": "gaussian", "dim": dim, "ambient": ambient, "a": a, "h": h, "end": end, "scheme": scheme}
        cells.append(
            Cell("adaptive_level", {**params, "samples": samples, "times": 8}, 6e-7 * samples * 4.6 / ((1 - a) * h))
        )
    return cells


def _loose_ends(options, size: int) -> list[Cell]:
    samples = (200, 500, 2000)[size]
    cells = [
        Cell(
            "step_counts",
            {"law": "gaussian", "ambient": 6400, "variant": variant, "h": 0.2, "a": 0.2, "samples": samples},
            0.3,
        )
        for variant in VARIANTS
    ]
    for high in (0.3, 1.0, 3.0, 4.0)[:: 1 if size else 2]:
        params = {"law": "mixture", "ambient": 6400, "h": 0.2, "a": 0.2, "prior_high": high, "integrator": "euler"}
        cells.append(Cell("truncated_training", {**params, "samples": 2 * samples, "replicates": 4}, 1.0))
    return cells
