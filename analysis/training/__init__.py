"""Trained blind denoisers held against the Bayes optimum: excess risk, tracking, the ledger, priors, finite data, images of known law and real ones."""

from __future__ import annotations

from analysis.images.image_plan import IMAGE_CLAIMS, image_cells
from analysis.images.known_law import cell_images
from analysis.images.real import cell_real
from analysis.images.real_plan import REAL_CLAIMS, real_cells
from analysis.runs import Argument, Cell, Claim, Experiment, Question, one_of, positive_int
from analysis.training.decide import decide, show
from analysis.training.decide_recipes import RECIPE_CLAIMS
from analysis.training.excess_risk import cell_nets
from analysis.training.memory import cell_memory
from analysis.training.priors import cell_priors
from analysis.training.tracking import cell_figures

PARTS = ("nets", "figures", "priors", "memory", "images", "real")

_PAPER = "arXiv 2602.09639"

CLAIMS = (
    Claim(
        id="T1",
        kind="paper",
        source=f"{_PAPER}, figures 3 and 11, Remark 4.1",
        statement="a blind network trained on k = 2 data in R^100 or R^200 tracks the implicit schedule down to sigma_T",
        quantity="largest |mean log(sigma_hat/sigma_t)| over the steps of both readings of the step size, d = 100 and 200",
        predicted="about k/(2d), and at most log 1.1",
        allowed=(float("-inf"), 0.0953),
    ),
    Claim(
        id="T1b",
        kind="paper",
        source=f"{_PAPER}, figures 3 and 11",
        statement="the same training at d = k = 2 does not track the schedule",
        quantity="largest |mean log(sigma_hat/sigma_t)| over the steps, smallest over figures and readings, d = 2",
        predicted="> 0.5",
        allowed=(0.5, float("inf")),
    ),
    Claim(
        id="T1c",
        kind="paper",
        source=f"{_PAPER}, figures 3 and 11",
        statement="the samples are right for d = 100 and 200 (and wrong for d = 2)",
        quantity="sliced W2 of the outputs to the law, sampling part removed, over the spread of the law along a direction; h = .5",
        predicted="< 0.2; the step size alone costs 0.11 for a Gaussian",
        allowed=(float("-inf"), 0.2),
    ),
    Claim(
        id="T2",
        kind="sharper",
        source="derived here (excess risk against both optima)",
        statement="a trained network is within 2.5 % of the Bayes risk at every noise level: mixture and sphere, k = 4, d = 64",
        quantity="largest excess risk over the optimum's risk, levels from .02 to 10; blind against blind, conditional against conditional",
        predicted="<= 0.025",
        allowed=(float("-inf"), 0.025),
    ),
    Claim(
        id="T2b",
        kind="sharper",
        source="derived here: E|f - y|^2 = d sigma^2 (1 - k_eff/d)",
        statement="the residual estimate of a trained network has the bias 1 - k_eff/d of the exact one",
        quantity="largest |E|f - y|^2/(d sigma^2) - (1 - k_eff/d)| over the levels and networks of T2",
        predicted="0; k_eff/d itself is about .06",
        allowed=(float("-inf"), 0.01),
    ),
    Claim(
        id="T3",
        kind="finding",
        source=f"{_PAPER}, Theorem 3.12 and the priors of its experiments",
        statement="at equal budget no prior gives a smaller ledger than sigma^-3",
        quantity="log of the ledger's denoiser terms over those of sigma^-3, the smaller of -1 and -1/2; mean over paired trainings",
        predicted="> log 0.95",
        allowed=(-0.0513, float("inf")),
    ),
    Claim(
        id="L4",
        kind="sharper",
        source=f"{_PAPER}, Theorem 3.12; equality derived here",
        statement="for a prior proportional to sigma^-3 the learning term is A_T times the excess risk, for every network",
        quantity="learning term / (A_T excess risk), the excess measured as a difference of risks; trained networks",
        predicted="1",
        allowed=(0.95, 1.05),
    ),
    Claim(
        id="L4b",
        kind="paper",
        source=f"{_PAPER}, Theorem 3.12",
        statement="learning term <= excess risk / min a(1-a) sigma^3 Theta",
        quantity="largest learning term / bound over networks trained with the priors sigma^-1 and sigma^-1/2",
        predicted="<= 1",
        allowed=(float("-inf"), 1.0),
    ),
    Claim(
        id="T4",
        kind="finding",
        source="derived here; the optimum on a finite training set is the blind denoiser of its atoms (Proposition 3.1)",
        statement="trained on 5000 points of a 2-sphere a network sits at the optimum of the law, not at that of its training set",
        quantity="position between the two optima (0: law, 1: training set) at noisy fresh points, sigma = .1, largest n",
        predicted="<= 0.1; it grows as n falls",
        allowed=(-0.1, 0.1),
    ),
    *RECIPE_CLAIMS,
    *IMAGE_CLAIMS,
    *REAL_CLAIMS,
)

# Sizes by profile. Costs: seconds on one core.
_NETS = {
    "smoke": {
        "dim": 2,
        "ambient": 16,
        "width": 32,
        "steps": 60,
        "batch": 128,
        "levels": 3,
        "points": 200,
        "run_steps": 8,
        "run_points": 200,
    },
    "paper": {"dim": 4, "ambient": 64, "width": 128, "levels": 13, "points": 4000, "run_steps": 48, "run_points": 2000},
}
_NETS["full"] = {**_NETS["paper"], "points": 20_000, "run_points": 10_000}
# steps and batch; the conditional network of the mixture learns its smallest level last
_NET_SIZES = {
    ("sphere", True): (2000, 512),
    ("sphere", False): (9000, 512),
    ("mixture", True): (12_000, 512),
    ("mixture", False): (13_000, 768),
}

_SHORT = {"architecture": "locally_linear", "width": 64, "steps": 2500, "batch": 512, "lr": 4e-3, "recipe": "short"}
_STATED = {
    "architecture": "mlp", "width": 512, "steps": 50_000, "batch": 512, "lr": 1e-3, "decay": "constant", "average": 0.0, "clip": 1e9,
    "recipe": "stated",
}  # fmt: skip
_FIGURES = {
    "smoke": (
        {
            **_SHORT,
            "width": 16,
            "steps": 60,
            "batch": 128,
            "levels": 3,
            "points": 200,
            "run_points": 200,
            "paths": 2,
            "shown": 20,
            "n": 5000,
        },
    ),
    "paper": ({**_SHORT, "levels": 9, "points": 4000, "run_points": 4000, "paths": 6, "shown": 400},),
}
_FIGURES["full"] = (*_FIGURES["paper"], {**_FIGURES["paper"][0], **_STATED})

_PRIORS = {
    "smoke": {
        "dim": 1,
        "ambient": 8,
        "width": 16,
        "steps": 60,
        "batch": 128,
        "points": 50,
        "run_steps": 8,
        "theorem_points": 4000,
    },
    "paper": {
        "dim": 2,
        "ambient": 32,
        "width": 64,
        "steps": 1200,
        "batch": 512,
        "points": 1000,
        "run_steps": 48,
        "theorem_points": 100_000,
    },
}
_PRIORS["full"] = {**_PRIORS["paper"], "theorem_points": 200_000}


_MEMORY_SIZES = {"smoke": (20, 200), "paper": (20, 50, 200, 1000, 5000), "full": (20, 50, 200, 1000, 5000, 50_000)}
_MEMORY = {
    "smoke": {"width": 16, "steps": 60, "batch": 64, "points": 100},
    "paper": {"width": 64, "steps": 2000, "batch": 512, "points": 2000},
}
_MEMORY["full"] = {**_MEMORY["paper"], "points": 10_000}


def _net_cells(options) -> list[Cell]:
    sizes, cells = _NETS[options.profile], []
    for law in ("mixture", "sphere"):
        for blind in (True, False):
            steps, batch = (sizes["steps"], sizes["batch"]) if "steps" in sizes else _NET_SIZES[law, blind]
            training = {
                "architecture": "locally_linear",
                "prior": "balanced",
                "lr": 6e-3,
                "low": 0.02,
                "high": 10.0,
                "device": options.device,
            }
            params = {"law": law, "blind": blind, **training, **sizes, "steps": steps, "batch": batch}
            cells.append(
                Cell("training_nets", params, cost=2.0 + 0.014 * steps * batch / 512 + 0.006 * sizes["points"])
            )
    return cells


def _figure_cells(options) -> list[Cell]:
    cells = []
    for law, n, ambients, weight_decay in (("figure3", 5000, (2, 100), 0.01), ("figure11", 50_000, (2, 200), 0.05)):
        for ambient in ambients if law.removeprefix("figure") in options.figure else ():
            for recipe in _FIGURES[options.profile]:
                shared = {
                    "law": law,
                    "dim": 2,
                    "ambient": ambient,
                    "n": n,
                    "blind": True,
                    "prior": "-1",
                    "low": 0.01,
                    "high": 10.0,
                }
                params = {**shared, "weight_decay": weight_decay, "device": options.device, **recipe}
                cost = 3.0 + (0.06 if recipe["recipe"] == "stated" else 0.013) * recipe["steps"]
                cells.append(Cell("training_figures", params, cost=cost))
    return cells


def _prior_cells(options) -> list[Cell]:
    sizes, cells = _PRIORS[options.profile], []
    for replicate in range(options.replicates):
        for prior in ("-3", "-1", "-0.5"):
            shared = {
                "law": "mixture",
                "blind": True,
                "architecture": "locally_linear",
                "lr": 4e-3,
                "low": 0.02,
                "high": 10.0,
            }
            params = {**shared, "prior": prior, "replicate": replicate, "device": options.device, **sizes}
            cells.append(Cell("training_priors", params, cost=3.0 + 0.012 * sizes["steps"]))
    return cells


def _memory_cells(options) -> list[Cell]:
    sizes, cells = _MEMORY[options.profile], []
    for n in _MEMORY_SIZES[options.profile]:
        shared = {
            "law": "sphere",
            "dim": 2,
            "ambient": 16,
            "blind": True,
            "architecture": "locally_linear",
            "prior": "-3",
            "lr": 4e-3,
        }
        params = {
            **shared,
            "low": 0.05,
            "high": 3.0,
            "n": n,
            "held_out": 0.0,
            "at": "0.05 0.1 0.2 0.4",
            "device": options.device,
            **sizes,
        }
        cells.append(Cell("training_memory", params, cost=3.0 + 0.01 * sizes["steps"] + 1e-6 * n * sizes["points"]))
    return cells


def plan(options) -> list[Cell]:
    """Cells of the parts that were asked for."""
    cells = {
        "nets": _net_cells,
        "figures": _figure_cells,
        "priors": _prior_cells,
        "memory": _memory_cells,
        "images": image_cells,
        "real": real_cells,
    }
    return [cell for part in PARTS if part in options.part for cell in cells[part](options)]


EXPERIMENT = Experiment(
    name="training",
    summary=__doc__,
    questions=(
        Question(
            parts={
                "training_nets": cell_nets,
                "training_figures": cell_figures,
                "training_priors": cell_priors,
                "training_memory": cell_memory,
                "training_images": cell_images,
                "training_real": cell_real,
            },
            cells=plan,
            decide=decide,
            claims=CLAIMS,
            arguments=(
                Argument("--part", type=one_of(*PARTS), nargs="+", default=PARTS, help="what to train"),
                Argument(
                    "--figure",
                    type=one_of("3", "11"),
                    nargs="+",
                    default=("3", "11"),
                    help="which figures of the paper the part figures trains for",
                ),
                Argument(
                    "--replicates",
                    type=positive_int,
                    default=4,
                    help="trainings for each prior",
                    by_profile={"smoke": 2},
                ),
            ),
            figures=(
                "training_excess_risk",
                "training_priors",
                "training_memory",
                "paper_fig3",
                "paper_fig11",
                "paper_fig4",
                "paper_fig12",
                "real_images",
            ),
            show=show,
        ),
    ),
)
