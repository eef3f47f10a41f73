"""Every data law: a picture of it, what is known about it, and a table of checks that its answers must pass."""

from __future__ import annotations

import pandas as pd

from analysis.laws.cases import build, case, catalogue, rms, shape
from analysis.laws.gallery import cell_gallery, cell_gallery_images
from analysis.laws.self_checks import cell_self_checks
from analysis.runs import Argument, Cell, Claim, Control, Experiment, Measurement, Question, one_of

CLAIMS = (
    # each tolerance is its check's own: rounding for identities, four standard errors for Monte Carlo, 10 % for a local rank
    Claim("V1", "control", "derived here", "answers of every law agree with its samples, its density and its limits",
          "worst error over tolerance, over laws and checks", "<= 1", (0.0, 1.0)),
)  # fmt: skip

_DRAWS = {"smoke": 200, "paper": 600, "full": 600}
_NORMAL_DIM = 3
_PIXELS, _IMAGES = 24 * 24, 4


def plan(options) -> list[Cell]:
    """Two cells a law: samples and checks, at k = 2 where the law has it, in a few more dimensions than it needs."""
    cells = []
    for name in options.law:
        params = case(name, 2, _NORMAL_DIM)
        if shape(name, 2).image:
            cells.append(
                Cell("gallery_images", {"law": name, "dim": 2, "ambient": _PIXELS, "draws": _IMAGES}, cost=0.3)
            )
        else:
            cells.append(Cell("gallery", {**params, "draws": _DRAWS[options.profile]}, cost=0.1))
        cells.append(Cell("self_checks", {**params, **_small_level(name)}, cost=1.0))
    return cells


def _small_level(name: str) -> dict:
    """The small noise level of the limits, in units of the data's size; for a surface the finest that 10^5 nodes allow."""
    found = shape(name, 2)
    if found.finest == 0:
        return {"level": 1e-3}
    finer = {1: 8.0, 2: 3.0}.get(found.dim, 1.0)  # by which its default nodes are refined
    size = rms(build(case(name, 2, _NORMAL_DIM), reduced=True))
    # in six digits: the last ones of a measured size vary with the number of threads, and a cell is known by its parameters
    return {
        name: float(f"{value:.6g}")
        for name, value in (("level", 1.01 * found.finest / finer), ("finest", found.finest * size / finer))
    }


def decide(tables, options) -> list[Measurement]:
    """V1: the worst check; its sabotage is that of the check that notices least."""
    rows = tables["self_checks"]
    ratio = rows.error / rows.tolerance
    worst = rows.loc[ratio.idxmax()]
    caught = (rows.sabotaged / rows.tolerance).groupby(rows.check).max()
    symmetric = ratio[rows.check == "rotated = plain"].max()
    controls = [
        Control("null", "a law turned in space", symmetric, symmetric),
        Control("power", f"a mistake in each check, least seen by: {caught.idxmin()}", caught.min(), caught.min()),
    ]
    return [Measurement("V1", ratio.max(), ratio.max(), ratio.max(), controls, f"{worst.law}: {worst.check}")]


def show(tables, options) -> str:
    """Facts and checks, a line a law."""
    rows = tables["self_checks"].assign(share=lambda t: t.error / t.tolerance)
    shown = [tables[part] for part in ("gallery", "gallery_images") if part in tables]
    facts = pd.concat([table.drop_duplicates("law") for table in shown]).set_index("law")
    checks = rows.pivot(index="law", columns="check", values="share")
    header = pd.DataFrame(
        {"k": facts.intrinsic_dim, "m": facts.core_dim, "d": facts.ambient, "R": facts.radius.round(3)}
    ).sort_index()
    text = checks.map(lambda v: "-" if pd.isna(v) else f"{v:.1g}")
    return (
        "error over tolerance of each check (- where it does not apply; images are checked at 8 x 8 pixels)\n"
        + header.join(text).to_string()
    )


EXPERIMENT = Experiment(
    name="laws",
    summary=__doc__,
    questions=(
        Question(
            arguments=(
                Argument(
                    "--law",
                    type=one_of(*catalogue()),
                    nargs="+",
                    default=catalogue(),
                    metavar="LAW",
                    help="laws to show and check",
                    by_profile={"smoke": ("atoms", "ellipse", "gaussian", "sphere", "two_scale")},
                ),  # fmt: skip
            ),
            parts={"gallery": cell_gallery, "gallery_images": cell_gallery_images, "self_checks": cell_self_checks},
            cells=plan,
            decide=decide,
            claims=CLAIMS,
            figures=("law_gallery",),
            show=show,
        ),
    ),
)
