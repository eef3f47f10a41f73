"""Sampling error and its certificate against step count, intrinsic dimension and ambient dimension: the polynomial-step verdict."""

from __future__ import annotations

import math
from typing import Any

import pandas

import manifolds
from analysis.ledger.screen import exponents
from analysis.runs import Argument, Cell, Experiment, Question, one_of, positive_int
from analysis.scaling.cells import cell_certificate, cell_price, cell_reading, cell_run, cell_sabotage, cell_telescope
from analysis.scaling.claims import CLAIMS, decide
from analysis.scaling.coupled import REFINEMENT, cell_coupled
from analysis.scaling.fits import fits, measured_steps
from analysis.scaling.setting import make_law

# points: of a price, of a telescope and of a run; ledger_points are shared by the steps of a run
SIZES = {
    "smoke": {"price": 1 << 13, "telescope": 1 << 10, "run": 500, "ledger": 1 << 10, "coupled": 64},
    "paper": {"price": 1 << 16, "telescope": 1 << 13, "run": 2000, "ledger": 1 << 14, "coupled": 256},
    "full": {"price": 1 << 18, "telescope": 1 << 15, "run": 16000, "ledger": 1 << 17, "coupled": 2048},
}
TELESCOPE_STEPS = (8, 16, 32)
# step counts of the runs that share their noise; the finest takes REFINEMENT times the largest
COUPLED_STEPS = {"smoke": (8, 16, 32), "paper": (8, 16, 32, 64, 128), "full": (8, 16, 32, 64, 128)}
# the laws that a default sweep runs at every size; it takes prices, steps and coupled runs of the rest of the catalogue
CENTRAL = ("gaussian", "sphere", "mixture")
DIMS = (2, 4, 8, 16, 32)
# curves, surfaces and images, whose every answer is a quadrature over their nodes -> k
TABULATED = {"ellipse": 1, "trefoil": 1, "moebius": 2, "swiss_roll": 2, "bars": 2, "blobs": 2, "discs": 2}
# e^k points: the largest k that is affordable
MOST = {"random_code": 8}
REST = ("torus", "cube", "ball", "product", "mixture_of_spheres", "union_of_subspaces", "random_code", *TABULATED)
# of these the telescope is held against a direct simulation; the MMSE of a few atoms falls too fast for it
DIRECT = ("torus", "cube", "ball", "product", "mixture_of_spheres")
# seconds on one core, per million points and steps
RATIO = {"gaussian": 1.0, "sphere": 4.0, "ball": 30.0, "union_of_subspaces": 60.0} | dict.fromkeys(TABULATED, 100.0)


def plan(options: Any) -> list[Cell]:
    """All cells of a selection; refuses laws that do not fit into the ambient dimension."""
    short = [law for law in options.law if law not in CENTRAL and set(CENTRAL) <= set(options.law)]
    size, cells = SIZES[options.profile], []
    for law in options.law:
        for dim in dims_of(law, options.dim, law in short):
            for ambient in () if law in short else options.ambient:
                try:
                    make_law(law, dim, ambient)
                except ValueError as error:
                    raise ValueError(f"argument --ambient: {error} (--law {law} --dim {dim})") from error
            cells += _short(law, dim, size, options) if law in short else _cells_of(law, dim, size, options)
    if "gaussian" in options.law:
        dim, ambient = min(options.dim), max(options.ambient)
        cells.append(
            Cell(
                "scaling_sabotage",
                {
                    "law": "gaussian",
                    "dim": dim,
                    "ambient": ambient,
                    "steps": 512,
                    "points": size["run"],
                    "ledger_points": size["ledger"],
                },
                cost=6.0,
            )
        )
        cells.append(
            _coupled(
                {"law": "gaussian", "dim": dim}, ambient, COUPLED_STEPS[options.profile], size["coupled"], scale=0.8
            )
        )
    for reading in ("printed", "proof", "proof, sabotaged"):
        cells.append(
            Cell(
                "scaling_reading", {"reading": reading, "dim": 4, "eps": 0.2, "factor": 20.0, "points": 4000}, cost=2.0
            )
        )
    return cells


def _slow(key: dict) -> float:
    """Seconds on one core per million points and steps."""
    law = key["law"]
    return 8.0 + 0.03 * math.exp(key["dim"]) if law in MOST else RATIO.get(law, 8.0)


def dims_of(law: str, asked: tuple[int, ...], short: bool) -> tuple[int, ...]:
    """The k of a law in a sweep: for the rest of the catalogue every second one, those it can have, or its only one in the default sweep."""
    if not short:
        return tuple(asked)
    if law in TABULATED:
        return (TABULATED[law],) if TABULATED[law] in asked or tuple(asked) == DIMS else ()
    if law in MOST:
        return tuple(k for k in asked if k <= MOST[law])
    return tuple(asked)[:: 2 if len(asked) > 3 else 1]


def decades(ambient: tuple[int, ...]) -> list[int]:
    """The ambient dimensions asked for, and the powers of ten between them."""
    low, high = min(ambient), max(ambient)
    return sorted({*ambient, *(10**p for p in range(len(str(high))) if low < 10**p < high)})


def _cells_of(law: str, dim: int, size: dict, options: Any) -> list[Cell]:
    """Everything, of one law and k."""
    cells, key = [], {"law": law, "dim": dim}
    for ambient in options.ambient:
        cells.append(_price(key, ambient, size["price"]))
    # what a run shows does not depend on d (that is a claim): the two ends are enough
    for ambient in sorted({min(options.ambient), max(options.ambient)}):
        for steps in options.steps:
            # long runs end close to their target: what they show needs fewer points, and each costs as many calls as steps
            points = max(min(size["run"], 2**18 // steps), 256)
            run = {**key, "ambient": ambient, "steps": steps, "points": points, "ledger_points": size["ledger"]}
            cells.append(Cell("scaling", run, cost=0.3 + 1e-6 * _slow(key) * (steps * points + size["ledger"])))
        cells.append(_coupled(key, ambient, COUPLED_STEPS[options.profile], size["coupled"]))
    # the Gaussian law decides R2, and takes one point a decade
    cells.append(
        _certificate(key, decades(options.ambient) if law == "gaussian" else options.ambient, size["price"] // 4)
    )
    cells.append(_telescope(key, size["telescope"]))
    return cells


def _short(law: str, dim: int, size: dict, options: Any) -> list[Cell]:
    """Exponents of the price, of the certificate's steps and of the measured ones, from as many points as the law's cost allows."""
    key, tabulated = {"law": law, "dim": dim}, law in TABULATED
    slow = _slow(key) > 20.0
    # where 1/(d - m) is a power of d to 1 %; in steps of ten where that leaves few
    least = 10 * make_law(law, dim, max(options.ambient)).core_dim
    wide = [d for d in options.ambient if d >= least]
    wide = wide if len(wide) >= 3 or len(options.ambient) < 3 else [d for d in decades(options.ambient) if d >= least]
    few, many = size["price"] // 64, size["price"] // 16
    cells = [_price(key, ambient, few if tabulated else many) for ambient in wide]
    cells.append(_certificate(key, wide, few if slow else many))
    cells.append(
        _coupled(key, max(options.ambient), COUPLED_STEPS[options.profile], size["coupled"] // (4 if slow else 2))
    )
    # what a direct simulation sees to a percent or so in a few seconds
    if law in DIRECT:
        cells.append(_telescope(key, size["telescope"] // ((2 if slow else 1) * (1 if dim <= 4 else 2))))
    return cells


def _price(key: dict, ambient: int, points: int) -> Cell:
    return Cell("scaling_price", {**key, "ambient": ambient, "points": points}, cost=0.1 + 4e-6 * points * _slow(key))


def _certificate(key: dict, ambients: list[int], points: int) -> Cell:
    params = {**key, "ambients": " ".join(map(str, sorted(ambients))), "points": points}
    return Cell("scaling_certificate", params, cost=0.1 + 4e-5 * points * _slow(key))


def _telescope(key: dict, points: int) -> Cell:
    params = {**key, "counts": " ".join(map(str, TELESCOPE_STEPS)), "points": points}
    return Cell("scaling_telescope", params, cost=0.1 + 2e-6 * _slow(key) * sum(TELESCOPE_STEPS) * points)


def _coupled(key: dict, ambient: int, counts: tuple[int, ...], points: int, scale: float = 1.0) -> Cell:
    params = {**key, "ambient": ambient, "steps": " ".join(map(str, counts)), "points": points, "scale": scale}
    return Cell("scaling_coupled", params, cost=0.3 + 1.5e-6 * _slow(key) * points * REFINEMENT * counts[-1])


def derive(tables: dict[str, pandas.DataFrame], options: Any) -> dict[str, pandas.DataFrame]:
    """Exponents, and the steps that measured runs need."""
    return {"scaling_fits": fits(tables), "scaling_steps": measured_steps(tables["scaling_coupled"])}


def show(tables: dict[str, pandas.DataFrame], options: Any) -> str:
    """Certificate and error of every run, then the exponents."""
    runs = tables["scaling"]
    columns = {
        "law": runs["law"],
        "k": runs["dim"],
        "d": runs["ambient"].map("{:.0e}".format),
        "N": runs["steps"],
        "init": runs["init"].map("{:.1e}".format),
        "blind": runs["blind"].map("{:.1e}".format),
        "disc": runs["discretisation"].map("{:.3f}".format),
        "KL <=": runs["total"].map("{:.3f}".format),
        "TV <=": runs["tv_bound"].map("{:.3f}".format),
        "TV >=": runs["tv_lower"].map("{:.3f}".format),
        "sliced W2": runs["sliced_w2"].map("{:.4f}".format),
        "(floor)": runs["sliced_floor"].map("{:.4f}".format),
        "|x|^2 ratio": runs["moment_ratio"].map("{:.3f}".format),
        "radial W2": runs["radial_w2"].map(lambda v: "" if v is None or v != v else f"{v:.4f}"),
    }
    text = "Runs: certificate in nats (init + blind + disc = KL), and the measured error of the law of Y_N\n"
    text += pandas.DataFrame(columns).to_string(index=False)
    found = tables["scaling_fits"]
    if len(found):
        text += "\n\n" + exponents(found)
    return text


EXPERIMENT = Experiment(
    name="scaling",
    summary=__doc__,
    questions=(
        Question(
            parts={
                "scaling": cell_run,
                "scaling_price": cell_price,
                "scaling_certificate": cell_certificate,
                "scaling_coupled": cell_coupled,
                "scaling_telescope": cell_telescope,
                "scaling_sabotage": cell_sabotage,
                "scaling_reading": cell_reading,
            },
            cells=plan,
            derive=derive,
            decide=decide,
            claims=CLAIMS,
            show=show,
            figures=("error_vs_steps", "exponents_by_law"),
            arguments=(
                Argument(
                    "--dim",
                    type=positive_int,
                    nargs="+",
                    default=DIMS,
                    help="intrinsic dimensions k",
                    by_profile={"smoke": (2, 4, 8)},
                ),
                Argument(
                    "--law",
                    type=one_of(*manifolds.names()),
                    nargs="+",
                    default=(*CENTRAL, *REST),
                    metavar="LAW",
                    help=f"data laws; beside all of {', '.join(CENTRAL)} the others are swept in short: prices, steps, coupled runs",
                    by_profile={"smoke": ("gaussian", "sphere")},
                ),
                Argument(
                    "--ambient",
                    type=positive_int,
                    nargs="+",
                    default=(10**3, 10**6, 10**9),
                    help="ambient dimensions d (1e9 is as cheap as 1e3)",
                ),
                Argument(
                    "--steps",
                    type=positive_int,
                    nargs="+",
                    default=(8, 16, 32, 64, 128, 256, 512),
                    help="step counts N",
                    by_profile={"smoke": (8, 16, 32, 64)},
                ),
            ),
        ),
    ),
)
