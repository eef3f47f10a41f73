"""Which integrators are free of the ambient dimension? (D6)

Exactly on Gaussian data, where KL(p_{sigma_T} || law of Y_N) splits into k tangential and d - k normal directions; and
by the clean outputs of blind runs on a mixture.
"""

from __future__ import annotations

import pandas as pd

import manifolds
from analysis.integrators.catalogue import build
from analysis.integrators.settings import DIM, LAW, PAPER, farthest, final_variances, laws, named, pairs, size
from analysis.metrics.fits import log_log_slope
from analysis.metrics.intervals import Estimate
from analysis.metrics.sliced import sliced_with_floor
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.samplers import INTEGRATORS, Schedule, sample
from analysis.theory.gaussian_run import gaussian_divergence
from manifolds.denoisers import BlindDenoiser, NoisePrior

CLAIMS = (
    Claim(
        id="D6",
        kind="paper",
        source=f"{PAPER}, section 3; arXiv 2410.09046",
        statement="only normal-consistent coefficients (eta^2 = sigma_+^2 - c^2 sigma^2) are dimension-free",
        quantity="slope of log KL on log d, d = 10^3 to 10^9, Gaussian subspace: largest over the consistent "
        "integrators",
        predicted="0 (1 for the others)",
        allowed=(-0.01, 0.01),  # exact recursions: no noise to allow for
    ),
)


def cells(options) -> list[Cell]:
    """Exact recursions of every integrator at all d at once; blind runs on the mixture, a cell for each d."""
    smoke = options.profile == "smoke"
    ends = {"sigma_0": 10.0, "sigma_T": 0.05}
    plan = []
    for name, a in pairs(sorted(INTEGRATORS), (0.0, 0.5)):
        params = {"integrator": name, "a": a, "s": 1.0, "dim": options.dim} | ends
        plan.append(Cell("dimension", params | {"steps": 64, "ambients": "1e3 1e4 1e5 1e6 1e7 1e8 1e9"}, 0.05))
    n = 1000 if smoke else 4000 * size(options.profile)
    for name in ("exponential_euler", "euler", "score_freezing"):
        for d in (40, 1000) if smoke else (40, 200, 1000, 10**4, 10**6, 10**9):
            for law, dim in [c for c in laws(options) if c[0] == "mixture"]:
                params = {"law": law, "dim": dim, "ambient": d, "integrator": name, "a": 0.5, "steps": 24}
                plan.append(Cell("clean", params | ends | {"n": n}, 2.0))
    return plan


def cell_dimension(params: dict, seed: int) -> list[dict]:
    """The two parts of the KL for one integrator, one row an ambient dimension; start at p_{sigma_0}, conditional."""
    name, s, k = params["integrator"], params["s"], params["dim"]
    integrator = named(name)
    schedule = Schedule.proportional(params["sigma_0"], params["sigma_T"], params["a"], params["steps"])
    consistent = integrator.coefficients(schedule).normal_consistent
    u, v = final_variances(integrator, schedule, s)
    target = schedule.sigma_end**2
    tangential = gaussian_divergence(s**2 + target, u, k)
    rows = []
    for d in (int(float(x)) for x in params["ambients"].split()):
        normal = 0.0 if consistent else gaussian_divergence(target, v, d - k)
        rows.append(
            {"d": d, "tangential": tangential, "normal": normal, "kl": tangential + normal, "consistent": consistent}
        )
    return rows


def cell_clean(params: dict, seed: int) -> list[dict]:
    """Sliced W1 of the clean outputs f*(Y_N) of a blind run to the data, core coordinates, with its floor."""
    law = build(params["law"], params["dim"], params["ambient"])
    n, ends = params["n"], (params["sigma_0"], params["sigma_T"])
    stream = manifolds.stream(seed, "clean", law.name, params["dim"], params["integrator"], params["ambient"])
    schedule = Schedule.proportional(*ends, params["a"], params["steps"])
    f = BlindDenoiser(law, NoisePrior.power(-1.0, ends[1] / 4, 4 * ends[0]))
    run = sample(f, law, schedule, n, stream.child("run"), params["integrator"], False, record="levels")
    truth, other = (law.sample(n, stream.child("truth", i)) for i in (0, 1))
    found = sliced_with_floor(
        run.x, truth, other, stream.child("directions"), p=1, coordinates=list(range(law.core_dim))
    )
    assert run.normal_variance is not None  # asked for
    level = float(run.normal_variance[-1].mean().sqrt()) / schedule.sigma_end
    return [
        {
            "w1": found.distance.value,
            "floor": found.floor.value,
            "excess": found.excess,
            "true_level_over_scheduled": level,
        }
    ]


def dimension_slopes(rows: pd.DataFrame, column: str = "kl") -> dict[tuple, Estimate]:
    """Slope of log KL on log d by (integrator, a, consistent)."""
    found = {}
    for key, g in rows.groupby(["integrator", "a", "consistent"]):
        value = g[column]
        flat = value.max() - value.min() <= 1e-12 * value.max()
        found[key] = Estimate(0.0, 0.0, 0.0) if flat else log_log_slope(g.d.astype(float), value).slope
    return found


def decide(tables, options) -> list[Measurement]:
    """Slopes of log KL on log d: of the consistent integrators, of the tangential part, of the others."""
    rows = tables.get("dimension")
    if rows is None:
        return []
    slopes = dimension_slopes(rows)
    consistent = [e for k, e in slopes.items() if k[2]]
    others = {k: e for k, e in slopes.items() if not k[2]}
    core = farthest(list(dimension_slopes(rows, "tangential").values()))
    controls = [Control("null", "the tangential part alone", *core[1:])]
    controls += [Control("power", f"{name}, a = {a:g}", e.low, e.high) for (name, a, _), e in others.items()]
    names = ", ".join(sorted({k[0] for k in slopes if k[2]}))
    note = f"consistent: {names}; others: slopes {', '.join(f'{e.value:.3f}' for e in others.values())}"
    return [Measurement("D6", *farthest(consistent), controls=controls, note=note)]


def show(tables, options) -> str | None:
    """The clean outputs of blind runs against d."""
    if "clean" not in tables:
        return None
    columns = ["integrator", "ambient", "w1", "floor", "excess", "true_level_over_scheduled"]
    return "blind runs, clean outputs\n" + tables["clean"][columns].to_string(index=False)


QUESTION = Question(
    claims=CLAIMS,
    arguments=(DIM, LAW),
    cells=cells,
    parts={"dimension": cell_dimension, "clean": cell_clean},
    decide=decide,
    show=show,
    figures=("dimension_free",),
)
