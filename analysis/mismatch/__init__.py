"""Why and when blind beats conditional: the coefficients of the sampler against blindness; what a wrong noise level costs."""

from __future__ import annotations

from analysis.mismatch.adaptive import cell_adaptive_level, cell_adaptive_start, cell_adaptive_stop, cell_adaptive_work
from analysis.mismatch.argument import cell_argument
from analysis.mismatch.bias import cell_adaptive_bias
from analysis.mismatch.claims import CLAIMS
from analysis.mismatch.factorial import cell_factorial, cell_phase
from analysis.mismatch.levels import cell_levels
from analysis.mismatch.loose_ends import cell_step_counts, cell_truncated
from analysis.mismatch.perturbed import cell_perturbed
from analysis.mismatch.plan import plan
from analysis.mismatch.settings import CLOSED_FORM, GRIDS, INTEGRATOR_NAMES, LAWS
from analysis.mismatch.table import show
from analysis.mismatch.trained import cell_trained
from analysis.mismatch.verdicts import decide
from analysis.runs import Argument, Experiment, Question, one_of, positive_int

EXPERIMENT = Experiment(name="mismatch", summary=__doc__, questions=(Question(arguments=(
        Argument("--law", type=one_of(*LAWS), nargs="+", default=tuple(LAWS), metavar="LAW",
                 help=f"laws of the main comparison (plain and exponential Euler, a = 0), among {', '.join(LAWS)}",
                 by_profile={"smoke": ("mixture", "gaussian")}),
        Argument("--full-law", type=one_of(*CLOSED_FORM), nargs="+", default=("mixture", "gaussian"), metavar="LAW",
                 help=f"laws that get every integrator, grid and a, among {', '.join(CLOSED_FORM)}",
                 by_profile={"smoke": ("gaussian",), "full": CLOSED_FORM}),
        Argument("--integrator", type=one_of(*INTEGRATOR_NAMES), nargs="+", default=INTEGRATOR_NAMES, metavar="NAME",
                 help=f"among {', '.join(INTEGRATOR_NAMES)}"),
        Argument("--grid", type=one_of(*GRIDS), nargs="+", default=GRIDS, metavar="GRID", help=f"among {', '.join(GRIDS)}",
                 by_profile={"smoke": ("geometric",)}),
        Argument("--steps", type=positive_int, nargs="+", default=(15, 25, 40), help="step counts of the main comparison",
                 by_profile={"smoke": (25,)}),
        Argument("--ambient", type=positive_int, default=2000, help="ambient dimension d"),
    ), parts={
        "mismatch_factorial": cell_factorial,
        "mismatch_levels": cell_levels,
        "mismatch_argument": cell_argument,
        "mismatch_trained": cell_trained,
        "mismatch_perturbed": cell_perturbed,
        "mismatch_phase": cell_phase,
        "adaptive_level": cell_adaptive_level,
        "adaptive_start": cell_adaptive_start,
        "adaptive_stop": cell_adaptive_stop,
        "adaptive_work": cell_adaptive_work,
        "adaptive_bias": cell_adaptive_bias,
        "step_counts": cell_step_counts,
        "truncated_training": cell_truncated,
    }, cells=plan, decide=decide, claims=CLAIMS, figures=("mismatch_attribution", "paper_fig6", "paper_fig9", "mismatch_perturbed", "mismatch_phase", "adaptive_level", "adaptive_work_error"), show=show),))  # fmt: skip
