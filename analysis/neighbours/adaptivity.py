"""Do the steps adapt to the intrinsic dimension? Certified steps over k, beside the output's own. (U2)"""

from __future__ import annotations

from analysis.ledger.telescope import steps_for_nats
from analysis.neighbours.laws import build
from analysis.neighbours.settings import ABSTRACT, control, every, exponent, gaussian_kl, reach, smoke
from analysis.runs import Cell, Claim, Measurement, Question
from analysis.samplers import Schedule
from manifolds.special.mmse_curve import known_mmse

CLAIMS = (
    Claim(
        id="U2",
        kind="neighbour",
        source=f"arXiv 2405.14861v2, 2410.18784v3, 2410.09046 ({ABSTRACT}): TV of order k^2/sqrt N; KL <= eps^2 in "
        "steps nearly linear in k, and linear is sharp",
        statement="steps for a path KL of .1 nat are linear in k: printed as linear (2410.18784, 2410.09046), sharp; "
        "as k^4 (2405.14861: TV of order k^2/sqrt N), loose; sphere of radius sqrt k, torus, cube and "
        "Gaussian, k = 4 .. 32, levels 20 to .02, a = 1/2 (a unit sphere times an interval, whose scale falls with k, "
        "has .77 at k = 4 .. 16: left out after a pilot, as was k = 64)",
        quantity="exponent in k, the law farthest from 1; interval: between neighbouring k",
        predicted="1; printed 1, 1 and 4; the output's own KL needs sqrt k on products",
        allowed=(0.75, 1.25),  # half the distance between 1 and 1/2
        wide="exact numbers without sampling error",
    ),
)
_LAWS = ("sphere_root", "torus", "cube", "gaussian")
_DIMS = (4, 8, 16, 32)
_LOW, _HIGH, _NATS = 0.02, 20.0, 0.1


def cells(options) -> list[Cell]:
    """One cell a law and k; a run whose range of levels is widened with k at both ends."""
    dims = (4, 8) if smoke(options) else _DIMS
    laws = _LAWS[1:2] if smoke(options) else _LAWS
    plan = [Cell("neighbours_adaptivity", {"law": law, "dim": k, "widened": 0}, 1.0) for law in laws for k in dims]
    return plan + [Cell("neighbours_adaptivity", {"law": "torus", "dim": k, "widened": 1}, 1.0) for k in dims]


def cell_adaptivity(params: dict, seed: int) -> list[dict]:
    """Certified steps, and those that the output's own KL needs on N(0, I_k) in their place."""
    k = params["dim"]
    wide = float(k) if params["widened"] else 1.0
    low, high = _LOW / wide, _HIGH * wide
    curve = known_mmse(build(f"{params['law']} {k}"), low, high)
    assert curve is not None
    output = reach(lambda n: gaussian_kl("ancestral", Schedule.proportional(high, low, 0.5, n), 1.0, k, 0.0), _NATS)
    return [{"steps": steps_for_nats(curve, _NATS, high, low), "output": output}]


def decide(tables, options) -> list[Measurement]:
    """Exponents law by law; the widened range is a mistake that makes steps depend on k beyond the data."""
    rows = tables["neighbours_adaptivity"]
    own, spoilt = rows[rows.widened == 0], rows[rows.widened == 1]
    if own.law.nunique() < len(_LAWS):
        return []
    found = {str(law): exponent(g.dim, g.steps) for law, g in own.groupby("law")}
    controls = [
        control("null", "the torus, a product of circles", found["torus"]),
        control("power", "levels 20 k to .02/k, torus", exponent(spoilt.dim, spoilt.steps)),
    ]
    cube = own[own.law == "cube"]
    note = f"output's own KL, Gaussian: exponent {exponent(cube.dim, cube.output).value:.3f}, " + ", ".join(
        f"{s:.0f} certified and {o:.0f} own steps at k = {k}" for k, s, o in zip(cube.dim, cube.steps, cube.output)
    )
    last = cube[cube.dim == max(cube.dim)]
    loose = float(last.steps.iloc[0] / last.output.iloc[0])
    return [every(CLAIMS, "U2", found, controls, note, span="range", looser_by=loose)]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"neighbours_adaptivity": cell_adaptivity}, decide=decide)
