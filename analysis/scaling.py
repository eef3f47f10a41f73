"""Sampling error and its certificate against step count, intrinsic dimension and ambient dimension: the polynomial-step verdict."""

from __future__ import annotations

from typing import Any

import pandas

import manifolds
from analysis.ledgers.screen import exponents
from analysis.rates.cells import cell_certificate, cell_price, cell_reading, cell_run, cell_sabotage, cell_telescope
from analysis.rates.claims import CLAIMS, decide
from analysis.rates.coupled import REFINEMENT, cell_coupled
from analysis.rates.fits import fits, measured_steps
from analysis.rates.setting import make_law
from analysis.runs import Argument, Cell, Experiment, main, one_of, positive_int

# points: of a price, of a telescope and of a run; ledger_points are shared by the steps of a run
SIZES = {
    "smoke": {"price": 1 << 13, "telescope": 1 << 10, "run": 500, "ledger": 1 << 10, "coupled": 64},
    "paper": {"price": 1 << 16, "telescope": 1 << 13, "run": 2000, "ledger": 1 << 14, "coupled": 256},
    "full": {"price": 1 << 18, "telescope": 1 << 15, "run": 16000, "ledger": 1 << 17, "coupled": 2048},
}
TELESCOPE_STEPS = (8, 16, 32)
# step counts of the runs that share their noise; the finest takes REFINEMENT times the largest
COUPLED_STEPS = {"smoke": (8, 16, 32), "paper": (8, 16, 32, 64, 128), "full": (8, 16, 32, 64, 128)}
# seconds on one core for a law with closed coefficients, per million (points x steps); others by their measured ratio
RATIO = {"gaussian": 1.0, "sphere": 4.0, "mixture": 8.0}


def plan(options: Any) -> list[Cell]:
    """All cells of a selection; refuses laws that do not fit into the ambient dimension."""
    for law in options.law:
        for dim in options.dim:
            for ambient in options.ambient:
                try:
                    make_law(law, dim, ambient)
                except ValueError as error:
                    raise ValueError(f"argument --ambient: {error} (--law {law} --dim {dim})") from error
    size, cells = SIZES[options.profile], []
    for law in options.law:
        slow = RATIO.get(law, 8.0)
        for dim in options.dim:
            cells += _cells_of(law, dim, size, slow, options)
    if "gaussian" in options.law:
        dim, ambient = min(options.dim), max(options.ambient)
        cells.append(Cell("scaling_sabotage", {"law": "gaussian", "dim": dim, "ambient": ambient, "steps": 512, "points": size["run"], "ledger_points": size["ledger"]}, cost=6.0))
        cells.append(_coupled({"law": "gaussian", "dim": dim}, ambient, size["coupled"], 1.0, options, scale=0.8))
    for reading in ("printed", "proof", "proof, sabotaged"):
        cells.append(Cell("scaling_reading", {"reading": reading, "dim": 4, "eps": 0.2, "factor": 20.0, "points": 4000}, cost=2.0))
    return cells


def decades(ambient: tuple[int, ...]) -> list[int]:
    """The ambient dimensions asked for, and the powers of ten between them."""
    low, high = min(ambient), max(ambient)
    return sorted({*ambient, *(10**p for p in range(len(str(high))) if low < 10**p < high)})


def _cells_of(law: str, dim: int, size: dict, slow: float, options: Any) -> list[Cell]:
    cells, key = [], {"law": law, "dim": dim}
    for ambient in options.ambient:
        cells.append(Cell("scaling_price", {**key, "ambient": ambient, "points": size["price"]}, cost=4e-6 * size["price"] * slow))
    # what a run shows does not depend on d (that is a claim): the two ends are enough
    for ambient in sorted({min(options.ambient), max(options.ambient)}):
        for steps in options.steps:
            # long runs end close to their target: what they show needs fewer points, and each costs as many calls as steps
            points = max(min(size["run"], 2**19 // steps), 256)
            run = {**key, "ambient": ambient, "steps": steps, "points": points, "ledger_points": size["ledger"]}
            cells.append(Cell("scaling", run, cost=0.3 + 1e-6 * slow * (steps * points + size["ledger"])))
        cells.append(_coupled(key, ambient, size["coupled"], slow, options))
    # the Gaussian law decides R2, and takes one point a decade
    for ambient in decades(options.ambient) if law == "gaussian" else options.ambient:
        cells.append(Cell("scaling_certificate", {**key, "ambient": ambient, "points": size["price"] // 4}, cost=1e-5 * size["price"] * slow))
    for steps in TELESCOPE_STEPS:
        cells.append(Cell("scaling_telescope", {**key, "steps": steps, "points": size["telescope"]}, cost=2e-6 * slow * steps * size["telescope"]))
    return cells


def _coupled(key: dict, ambient: int, points: int, slow: float, options: Any, scale: float = 1.0) -> Cell:
    counts = COUPLED_STEPS[options.profile]
    params = {**key, "ambient": ambient, "steps": " ".join(map(str, counts)), "points": points, "scale": scale}
    return Cell("scaling_coupled", params, cost=0.3 + 3e-6 * slow * points * REFINEMENT * counts[-1])


def derive(tables: dict[str, pandas.DataFrame], options: Any) -> dict[str, pandas.DataFrame]:
    """Exponents, and the steps that measured runs need."""
    return {"scaling_fits": fits(tables), "scaling_steps": measured_steps(tables["scaling_coupled"])}


def show(tables: dict[str, pandas.DataFrame], options: Any) -> str:
    """Certificate and error of every run, then the exponents."""
    runs = tables["scaling"]
    columns = {
        "law": runs["law"], "k": runs["dim"], "d": runs["ambient"].map("{:.0e}".format), "N": runs["steps"], "init": runs["init"].map("{:.1e}".format),
        "blind": runs["blind"].map("{:.1e}".format), "disc": runs["discretisation"].map("{:.3f}".format), "KL <=": runs["total"].map("{:.3f}".format),
        "TV <=": runs["tv_bound"].map("{:.3f}".format), "TV >=": runs["tv_lower"].map("{:.3f}".format), "sliced W2": runs["sliced_w2"].map("{:.4f}".format),
        "(floor)": runs["sliced_floor"].map("{:.4f}".format), "|x|^2 ratio": runs["moment_ratio"].map("{:.3f}".format),
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
    parts={
        "scaling": cell_run, "scaling_price": cell_price, "scaling_certificate": cell_certificate,
        "scaling_coupled": cell_coupled, "scaling_telescope": cell_telescope, "scaling_sabotage": cell_sabotage, "scaling_reading": cell_reading,
    },
    plan=plan,
    derive=derive,
    decide=decide,
    claims=CLAIMS,
    show=show,
    figures=("error_vs_steps",),
    arguments=(
        Argument("--dim", type=positive_int, nargs="+", default=(2, 4, 8, 16, 32), help="intrinsic dimensions k", by_profile={"smoke": (2, 4, 8)}),
        Argument("--law", type=one_of(*manifolds.names()), nargs="+", default=("gaussian", "sphere", "mixture"), help="data laws"),
        Argument("--ambient", type=positive_int, nargs="+", default=(10**3, 10**6, 10**9), help="ambient dimensions d (1e9 is as cheap as 1e3)"),
        Argument("--steps", type=positive_int, nargs="+", default=(8, 16, 32, 64, 128, 256, 512), help="step counts N", by_profile={"smoke": (8, 16, 32, 64)}),
    ),
)

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
