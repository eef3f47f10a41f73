"""The implicit noise schedule: ideal dynamics have law p_{sigma_t}, blind runs track sigma_t, and where they do not (figures 2 and 3)."""

from __future__ import annotations

import math

from analysis.integrators.catalogue import affordable, cases, end_level
from analysis.runs import Argument, Cell, Claim, Experiment, Question, positive_int
from analysis.schedule.figure2 import cell_figure2
from analysis.schedule.implicit import INJECTIONS, cell_implicit
from analysis.schedule.injections import PROPORTIONAL, WANING
from analysis.schedule.marginals import cell_continuous, cell_floor, cell_marginals
from analysis.schedule.schedule_verdicts import decide, show
from analysis.schedule.tracking import PLANE, cell_rate, cell_tracking

PAPER = "arXiv 2602.09639"

CLAIMS = (
    Claim(
        id="S1",
        kind="paper",
        source=f"{PAPER}, Prop 3.2",
        statement="the ideal dynamics have law p_{sigma_t}, for a_t = a sigma_t^2 with a in {0, .2, .5, .8} and for an a_t that is not proportional",
        quantity="part of two-sample tests, one a run over every law, that reject at the 5 % level",
        predicted="0.05",
        # size 0.05 and a binomial interval of about +-0.05 at 100 runs; a level wrong by a tenth is rejected in most of them
        allowed=(0.0, 0.15),
    ),
    Claim(
        id="S1b",
        kind="sharper",
        source="derived here; the Gaussian case of arXiv 2602.09639, Prop 3.2, in continuous time",
        statement="on Gaussian data the variance equation of the dynamics has the solution s^2 + sigma_t^2",
        quantity="largest relative gap along the run, adaptive Runge-Kutta at rtol 1e-12",
        predicted="0",
        allowed=(0.0, 1e-9),  # a thousand times the solver's tolerance
    ),
    Claim(
        id="S2",
        kind="paper",
        source=f"{PAPER}, Lemma 3.3",
        statement="a_t non-increasing with a_0 <= sigma_0^2 makes sigma_t decrease",
        quantity="largest one-step rise of log sigma_t over random a_t (smooth, staircase, constant)",
        predicted="<= 0",
        allowed=(-math.inf, 1e-12),  # rounding of a level that no longer moves
    ),
    Claim(
        id="S2b",
        kind="paper",
        source=f"{PAPER}, Lemma 3.4",
        statement="a_t -> 0 makes sigma_t -> 0",
        quantity="largest sigma_t/sigma_0 at t = 200 over random decreasing a_t",
        predicted="0",
        # the slowest a_t tried has fallen to (1 + 200)^-1.5 of its start, so sigma_t to at most 0.02 of sigma_0
        allowed=(0.0, 0.025),
    ),
    Claim(
        id="S3",
        kind="paper",
        source=f"{PAPER}, section 4.1",
        statement="blind runs track the implicit schedule at every step, for every law, when k^2 << d",
        quantity="sqrt(d) |mean log(sigma_hat/sigma_t)|, largest over laws and steps; sigma_hat the residual estimate",
        predicted="k_eff/(2 sqrt(d))",
        # one sample's estimate has a standard deviation of 1/sqrt(2d): a smaller mean deviation cannot be seen in a run
        allowed=(0.0, math.sqrt(0.5)),
    ),
    Claim(
        id="S3b",
        kind="sharper",
        source="derived here: E|f - y|^2 = sigma^2 (d - k_eff), and the logarithm of a chi-square mean",
        statement="the residual estimate is off by -(k_eff + 1)/(2d) in the logarithm, on average, all along a blind run",
        quantity="slope of mean log(sigma_hat/sigma_t) on -(k_eff + 1)/(2d) over laws and steps, d = 1024, k_eff = mmse/sigma^2",
        predicted="1",
        allowed=(0.75, 1.25),  # leaving out the 1 gives 1.5 for k = 2, leaving out k_eff gives 3
    ),
    Claim(
        id="S4",
        kind="control",
        source=f"{PAPER}, figure 3",
        statement="tracking fails at k = d",
        quantity="largest over steps of |mean log(sigma_hat/sigma_t)|, least over laws with k = d = 2",
        predicted="> 0.5",
        allowed=(0.5, math.inf),
    ),
    Claim(
        id="S5",
        kind="paper",
        source=f"{PAPER}, figure 2",
        statement="with h = .3, a = 0, k = 2 the blind maximum-likelihood sampler does as well as the conditional one in d = 500 (and fails in d = 2)",
        quantity="Kolmogorov-Smirnov distance of outputs to data (law of the log density), blind less conditional, same start; d = 500",
        predicted="0",
        allowed=(-0.05, 0.05),  # what 1500 points, a picture, could just tell apart; d = 2 must fall outside
    ),
    Claim(
        id="K1",
        kind="finding",
        source=f"{PAPER}, figure 3 (caption and plotted line)",
        statement="the stated h = .5, a = .5 go from 10 to .01 in the plotted number of steps",
        quantity="log(sigma_0/sigma_T) over the fall of log sigma_hat a step, blind run, k = 2, d = 100",
        predicted="13.8",
        allowed=(13.3, 14.3),  # half a step on either side
        expected="violated",
    ),
    Claim(
        id="K1b",
        kind="finding",
        source="derived here: sigma_t = sigma_0 e^{-(1-a)t}",
        statement="the stated h = .5, a = .5 need 27.6 steps; the plotted line is that of a = 0",
        quantity="the same number of steps",
        predicted="27.63",
        allowed=(27.13, 28.13),  # half a step on either side
    ),
)


_BIASED = ("cube", "gaussian", "mixture", "product", "sphere", "torus")
_FEW = ("gaussian", "mixture", "sphere")  # laws of the smoke profile, and of the discretisation floor


def plan(options):
    """Cells of every part; the laws are those that exist at the sizes asked for."""
    smoke = options.profile == "smoke"
    scale = {"smoke": 1, "paper": 1, "full": 4}[options.profile]
    cells = _plan_marginals(smoke, scale) + _plan_tracking(options, smoke, scale)
    draws = 2 if smoke else 25 * scale
    cells += [
        Cell("implicit", {"kind": kind, "draw": i, "sigma_0": 10.0, "horizon": 200.0, "steps": 800}, cost=0.1)
        for kind in INJECTIONS
        for i in range(draws)
    ]
    for kind in (*PROPORTIONAL, WANING):
        for factor in (1.0, 1.05) if kind != "0" else (1.0,):
            cells += [
                Cell("continuous", {"injection": kind, "factor": factor, "s": s, "sigma_0": 5.0, "horizon": 6.0}, 0.05)
                for s in (0.3, 1.0)
            ]
    for replicate in range(1 if smoke else 6 * scale):
        for d in (2, 500):
            for kind in ("plug-in", "conditional"):
                shown = replicate == 0
                size = {
                    "paths": 16 if shown else 0,
                    "points": (300 if smoke else 600) if shown else 0,
                    "n": 300 if smoke else 2000,
                    "replicate": replicate,
                }
                levels = {"h": 0.3, "a": 0.0, "sigma_0": 10.0, "sigma_T": 0.01}
                cells.append(
                    Cell(
                        "figure2",
                        {"ambient": d, "denoiser": kind} | levels | size,
                        cost=4.0 if kind == "plug-in" else 0.3,
                    )
                )
    for h, a, kind in ((0.5, 0.5, "blind"), (0.5, 0.5, "conditional"), (0.5, 0.0, "blind"), (0.3, 0.5, "blind")):
        cells.append(
            Cell(
                "rate",
                {
                    "h": h,
                    "a": a,
                    "denoiser": kind,
                    "dim": 2,
                    "ambient": 100,
                    "sigma_0": 10.0,
                    "sigma_T": 0.01,
                    "n": 2000,
                },
                0.4,
            )
        )
    return cells


def _plan_marginals(smoke: bool, scale: int) -> list[Cell]:
    cells = []
    h, ambient = 0.4 if smoke else 0.1, 200 if smoke else 1024
    shared = {"ambient": ambient, "sigma_0": 5.0}
    found = cases((2, 1), ambient, _FEW if smoke else None)
    for law, dim in found:
        n = affordable(law, dim, ambient, 1000 if smoke else 2000 * scale)
        coarse = {
            "h": h if n > 500 else 2 * h,
            "n": n,
        }  # sums over many nodes: fewer, larger steps, still below what n points resolve
        for injection in (*PROPORTIONAL, WANING):
            cost = 1.0 / (1.0 - (float(injection) if injection != WANING else 0.5))
            # levels that the law's nodes do not resolve collapse to one
            for end in sorted({end_level(law, dim, ambient, v) for v in ((0.1,) if smoke else (1.0, 0.1))}):
                params = {"law": law, "dim": dim, "injection": injection, "sigma_T": end, "overdose": False}
                cells.append(Cell("marginals", params | shared | coarse, 0.3 * cost))
        params = {
            "law": law,
            "dim": dim,
            "injection": "0.5",
            "sigma_T": end_level(law, dim, ambient, 0.1),
            "overdose": True,
        }
        cells.append(Cell("marginals", params | shared | coarse, 0.6))
    for law, dim in [c for c in found if c[0] in _FEW]:
        for a in (0.2, 0.8):
            for steps in (0, 2, 8, 32) if smoke else (0, 2, 4, 8, 16, 32, 64, 128):
                params = {
                    "law": law,
                    "dim": dim,
                    "ambient": ambient,
                    "a": a,
                    "steps": steps,
                    "sigma_0": 5.0,
                    "sigma_T": 0.1,
                }
                cells.append(Cell("floor", params | {"n": 1000 if smoke else 4000 * scale}, 0.1 + 0.01 * steps))
    return cells


def _plan_tracking(options, smoke: bool, scale: int) -> list[Cell]:
    shared = {"sigma_0": 10.0, "a": 0.5, "steps": 24 if smoke else 40, "posteriors": 20 if smoke else 40}
    size = shared | {"sigma_T": 0.01, "n": (150 if smoke else 300) * scale}
    cells = []
    for k in options.dim:
        for ratio in options.ratio:
            d = ratio * k * k
            # curves exist for k = 1 only: they join the smallest k
            dims = (k, 1) if k == min(options.dim) else (k,)
            for law, dim in cases(dims, d, _FEW if smoke else None):
                own = {
                    "sigma_T": end_level(law, dim, d, 0.01),
                    "n": affordable(law, dim, d, (150 if smoke else 300) * scale),
                }
                cells.append(
                    Cell("tracking", {"law": law, "dim": dim, "ambient": d, "sabotage": "none"} | shared | own, 1.5)
                )
    for law in PLANE:
        for d in (2, 500):
            for sabotage in ("none", "truth"):
                cells.append(Cell("tracking", {"law": law, "dim": 2, "ambient": d, "sabotage": sabotage} | size, 1.0))
    # where the bias stands out: small d, many samples
    for k in (2, 8) if not smoke else ():
        for law, dim in cases((k,), 1024, _BIASED):
            own = {"steps": 16, "n": 4000 * scale, "sigma_T": 0.01, "posteriors": 400}
            cells.append(
                Cell("bias", shared | own | {"law": law, "dim": dim, "ambient": 1024, "sabotage": "none"}, 4.0)
            )
    for sabotage in ("truth", "injection"):
        cells.append(
            Cell("tracking", {"law": "mixture", "dim": 2, "ambient": 10_000, "sabotage": sabotage} | size, 1.0)
        )
    return cells


EXPERIMENT = Experiment(
    name="schedule",
    summary=__doc__,
    questions=(
        Question(
            parts={
                "marginals": cell_marginals,
                "floor": cell_floor,
                "continuous": cell_continuous,
                "implicit": cell_implicit,
                "tracking": cell_tracking,
                "bias": cell_tracking,
                "rate": cell_rate,
                "figure2": cell_figure2,
            },
            cells=plan,
            decide=decide,
            show=show,
            claims=CLAIMS,
            arguments=(
                Argument(
                    "--dim",
                    type=positive_int,
                    nargs="+",
                    default=(2, 8),
                    help="intrinsic dimensions k of the tracking runs",
                    by_profile={"smoke": (2,)},
                ),
                Argument(
                    "--ratio",
                    type=positive_int,
                    nargs="+",
                    default=(256, 2600),
                    help="d/k^2 of the tracking runs (image laws need a square d: 256 gives them 32 x 32 pixels)",
                    by_profile={"smoke": (2500,)},
                ),
            ),
            figures=("paper_fig2", "tracking", "marginals"),
        ),
    ),
)
