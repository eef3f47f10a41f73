"""Integrators measured: weak orders, the cost of a other than 1/2, marginal errors, who is dimension-free, how good constant steps are."""

from __future__ import annotations

import math

import manifolds
from analysis.integrators.catalogue import affordable, cases, end_level, is_discrete
from analysis.integrators.dimension import cell_clean, cell_dimension, cell_marginal_kl
from analysis.integrators.extra_term import cell_extra, cell_extra_exact
from analysis.integrators.grids import cell_grid, cell_levels
from analysis.integrators.integrator_verdicts import decide, show
from analysis.integrators.orders import cell_coupled, cell_exact_order
from analysis.runs import Argument, Cell, Claim, Experiment, Question, one_of, positive_int
from analysis.samplers import INTEGRATORS

PAPER = "arXiv 2602.09639"
AMBIENT = 1024  # a square: image laws have 32 x 32 pixels

CLAIMS = (
    Claim(
        id="O1",
        kind="sharper",
        source="declared with each integrator; Gaussian data, exact variance recursions",
        statement="the observed weak order is the declared one (1, and 2 for Heun)",
        quantity="observed less declared order, the one farthest from 0 over integrators and a (interval over all of them)",
        predicted="0",
        allowed=(-0.1, 0.1),  # a tenth of an order: tells 1 from 1.2
    ),
    Claim(
        id="O2",
        kind="sharper",
        source="declared with each integrator; curved and mixed laws, noise coupled across step counts",
        statement="the observed weak order is the declared one on laws without closed form too",
        quantity="observed less declared order of E|u|^2, weighted over laws, the one farthest from 0 over integrators (interval over all of them)",
        predicted="0",
        allowed=(-0.3, 0.3),  # well inside the half order that would make the nearest whole order another one
    ),
    Claim(
        id="D4",
        kind="paper",
        source=f"{PAPER}, Thm 3.9",
        statement="a other than 1/2 adds a term of second order in h to the discretisation error",
        quantity="slope in the lag of what is left of E|f_t(X_t) - f_i(X_i)|^2 after its martingale part; curved, mixed and discrete laws",
        predicted="2",
        allowed=(1.5, 2.5),  # nearer to 2 than to 1 or 3
    ),
    Claim(
        id="D4b",
        kind="finding",
        source="derived here: extra = (1 - 2a) E|G|^2 tau^2, G = (W - C(f - y))/sigma^2",
        statement="the added term has the sign of 1 - 2a: a cost below a = 1/2, a gain above",
        quantity="measured over predicted, a = .25 and .75, lags .1 and .2, all laws",
        predicted="1",
        # relative corrections of order tau; leaving out the correlation of drift and martingale would give 2 or -2
        allowed=(0.75, 1.25),
    ),
    Claim(
        id="D5",
        kind="sharper",
        source="derived here: tangential variance = target (1 - h/2)",
        statement="on a Gaussian subspace the marginal KL of exponential Euler is k h^2/16 for every a, h <= .1",
        quantity="KL over k h^2/16, farthest from 1 over a in {0, .25, .5, .75} and h (interval: the whole range)",
        predicted="1",
        allowed=(0.97, 1.03),  # corrections of relative order h/4 at most
    ),
    Claim(
        id="D6",
        kind="paper",
        source=f"{PAPER}, section 3; arXiv 2410.09046",
        statement="only normal-consistent coefficients (eta^2 = sigma_+^2 - c^2 sigma^2) are dimension-free",
        quantity="slope of log KL on log d, d = 10^3 to 10^9, Gaussian subspace: largest over the consistent integrators",
        predicted="0 (1 for the others)",
        allowed=(-0.01, 0.01),  # exact recursions: no noise to allow for
    ),
    Claim(
        id="D7",
        kind="finding",
        source="derived here: disc at a = 1/2 from the MMSE curve",
        statement="constant steps are near optimal for every continuous law: as many steps to half an order of magnitude",
        quantity="disc of constant steps over that of the optimal grid, N = 64, largest over laws",
        predicted="log(sigma_0/sigma_T) over the part of it where mmse/sigma^2 is near k",
        # disc falls like 1/N, so the ratio counts steps; half an order of magnitude is the square root of 10;
        # below 1 only by the tolerance of the optimiser
        allowed=(0.99, math.sqrt(10.0)),
    ),
    Claim(
        id="D7b",
        kind="finding",
        source="derived here",
        statement="for discrete laws the waste of constant steps grows with log(sigma_0/sigma_T): steps below the separation do nothing",
        quantity="that ratio at sigma_T = .001 over the ratio at .01, discrete laws, N = 64",
        predicted="4/3",
        allowed=(
            1.2,
            1.5,
        ),  # 4/3 less the finite-N part; a continuous law falls below 1, since all small levels have work to do
    ),
)

_LADDER = "64 128 256 512 1024 2048"
_ALL_A = (0.0, 0.25, 0.5, 0.75)


def _pairs(names, values=_ALL_A):
    """(integrator, a) that make sense: deterministic methods at a = 0, ancestral at 1/2."""
    fixed = {"ddim": (0.0,), "heun": (0.0,), "ancestral": (0.5,)}
    return [(name, a) for name in names for a in fixed.get(name, values)]


def plan(options):
    """Cells of every part; `--law` restricts the sampled laws."""
    smoke = options.profile == "smoke"
    scale = {"smoke": 1, "paper": 1, "full": 4}[options.profile]
    found = cases((options.dim, 2, 1), AMBIENT, tuple(options.law) or None)
    cells = []
    for name, a in _pairs(sorted(INTEGRATORS)):
        for wrong in (1.0, 1.05) if name == "exponential_euler" else (1.0,):
            params = {
                "integrator": name,
                "a": a,
                "s": 1.0,
                "sigma_0": 10.0,
                "sigma_T": 0.05,
                "steps": _LADDER,
                "wrong_scale": wrong,
            }
            cells.append(Cell("exact_order", params, 0.4))
    for a in _ALL_A:
        for h in (0.1, 0.05, 0.025):
            for name, wrong in (("exponential_euler", 1.0), ("exponential_euler", 1.02), ("score_freezing", 1.0)):
                params = {
                    "integrator": name,
                    "a": a,
                    "h": h,
                    "wrong_target": wrong,
                    "dim": options.dim,
                    "s": 1.0,
                    "sigma_0": 1000.0,
                    "sigma_T": 0.001,
                }
                cells.append(Cell("marginal_kl", params, 0.05))
    for name, a in _pairs(sorted(INTEGRATORS), (0.0, 0.5)):
        params = {
            "integrator": name,
            "a": a,
            "s": 1.0,
            "dim": options.dim,
            "sigma_0": 10.0,
            "sigma_T": 0.05,
            "steps": 64,
        }
        cells.append(Cell("dimension", params | {"ambients": "1e3 1e4 1e5 1e6 1e7 1e8 1e9"}, 0.05))
    return cells + _plan_sampled(found, smoke, scale)


def _plan_sampled(found, smoke: bool, scale: int) -> list[Cell]:
    cells = []
    small = [c for c in found if c[0] in ("mixture", "sphere", "cube")]
    coupled = [
        ("exponential_euler", 0.0),
        ("exponential_euler", 0.5),
        ("heun", 0.0),
        ("euler", 0.0),
        ("score_freezing", 0.0),
    ]
    for law, dim in small[:1] if smoke else small:
        for name, a in coupled[:3] if smoke else coupled:
            for offset in (0.0, 0.05) if name == "exponential_euler" else (0.0,):
                params = {
                    "law": law,
                    "dim": dim,
                    "ambient": 40,
                    "integrator": name,
                    "a": a,
                    "offset": offset,
                    "sigma_0": 5.0,
                    "sigma_T": 0.1,
                }
                size = {"n": 400 if smoke else 1000 * scale, "steps": "16 32 64 128" if smoke else "32 64 128 256 512"}
                cells.append(Cell("coupled", params | size, 0.5 if smoke else 4.0))
    for law, dim in found:
        end = end_level(law, dim, AMBIENT, 0.05)
        for a in (0.25, 0.75):
            for batch in range(2 if smoke else 8):
                size = {"n": affordable(law, dim, AMBIENT, 400 if smoke else 4000 * scale), "lags": "0.05 0.1 0.2 0.4"}
                cells.append(
                    Cell(
                        "extra",
                        {
                            "law": law,
                            "dim": dim,
                            "ambient": AMBIENT,
                            "a": a,
                            "batch": batch,
                            "sigma_0": 20.0,
                            "sigma_T": end,
                        }
                        | size,
                        1.0,
                    )
                )
        for low in (0.01, 0.001) if is_discrete(law, dim, AMBIENT) or law == "gaussian" else (0.01,):
            end = end_level(law, dim, AMBIENT, low)
            for batch in range(1 if smoke else 3):
                size = {
                    "n": affordable(law, dim, AMBIENT, 1000 if smoke else 4000 * scale),
                    "steps": "16 64" if smoke else "4 8 16 32 64 128 256",
                }
                kind = {"discrete": is_discrete(law, dim, AMBIENT)}
                cells.append(
                    Cell(
                        "grid",
                        {"law": law, "dim": dim, "ambient": AMBIENT, "batch": batch, "sigma_0": 10.0, "sigma_T": end}
                        | size
                        | kind,
                        1.0,
                    )
                )
        if law in ("gaussian", "sphere", "mixture", "random_code"):
            params = {
                "law": law,
                "dim": dim,
                "ambient": AMBIENT,
                "batch": 0,
                "sigma_0": 10.0,
                "sigma_T": 0.01,
                "n": 1000 if smoke else 4000,
                "N": 24,
            }
            cells.append(Cell("levels", params, 0.5))
    for a in (0.1, 0.25, 0.4, 0.6, 0.75, 0.9):
        cells.append(
            Cell(
                "extra_exact",
                {"a": a, "dim": 2, "sigma_0": 20.0, "sigma_T": 0.05, "lags": "0.0125 0.025 0.05 0.1 0.2 0.4"},
                0.02,
            )
        )
    for name in ("exponential_euler", "euler", "score_freezing"):
        for d in (40, 1000) if smoke else (40, 200, 1000, 10**4, 10**6, 10**9):
            for law, dim in [c for c in found if c[0] == "mixture"]:
                params = {
                    "law": law,
                    "dim": dim,
                    "ambient": d,
                    "integrator": name,
                    "a": 0.5,
                    "steps": 24,
                    "sigma_0": 10.0,
                    "sigma_T": 0.05,
                }
                cells.append(Cell("clean", params | {"n": 1000 if smoke else 4000 * scale}, 2.0))
    return cells


EXPERIMENT = Experiment(
    name="integrators",
    summary=__doc__,
    questions=(
        Question(
            parts={
                "exact_order": cell_exact_order,
                "coupled": cell_coupled,
                "extra": cell_extra,
                "extra_exact": cell_extra_exact,
                "marginal_kl": cell_marginal_kl,
                "dimension": cell_dimension,
                "clean": cell_clean,
                "grid": cell_grid,
                "levels": cell_levels,
            },
            cells=plan,
            decide=decide,
            show=show,
            claims=CLAIMS,
            arguments=(
                Argument(
                    "--dim",
                    type=positive_int,
                    default=2,
                    help="intrinsic dimension k (laws that do not have it take 2 or 1)",
                ),
                Argument(
                    "--law",
                    type=one_of(*manifolds.names()),
                    nargs="+",
                    default=(),
                    help="only these laws (default: every registered one)",
                    by_profile={"smoke": ("cube", "gaussian", "mixture", "random_code", "sphere")},
                ),
            ),
            figures=("integrator_order", "injection_cost", "dimension_free", "optimal_grid"),
        ),
    ),
)
