"""What the questions of the comparison share: laws, grids and integrators by name, options, and intervals in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch

import manifolds
from analysis.metrics.intervals import Estimate
from analysis.runs import Argument, Measurement, one_of, whole
from analysis.samplers import Integrator, KadkhodaieSimoncelli, SampleRun, Schedule, get_integrator
from manifolds.law import Law

__all__ = [
    "AMBIENT", "A_VALUES", "CLOSED_FORM", "FULL_LAW", "GRID", "GRIDS", "INTEGRATOR", "INTEGRATOR_NAMES", "LAW", "LAWS",
    "NEVER", "PAPER", "SIGMA_END", "SIGMA_START", "STEPS", "Interval", "ambient_of", "columns", "cost", "decided",
    "ends", "farthest", "integrator_of", "law_of", "levels_of", "listed", "normal_variance", "own_settings",
    "refuse_narrow", "schedule_of", "with_rows",
]  # fmt: skip

PAPER = "arXiv 2602.09639"
Interval = tuple[float, float, float]  # value, low, high

A_VALUES = (0.0, 0.2, 0.5)
NEVER = 1e-300  # a level at which no adaptive run stops
SIGMA_START, SIGMA_END = 20.0, 0.02

# registered law, dimension and options: all of about unit size, so that one range of levels suits them
LAWS: dict[str, dict] = {
    "mixture": {"name": "mixture", "dim": 4, "scale": 0.3, "separation": 4.0},
    "gaussian": {"name": "gaussian", "dim": 4, "scale": 0.5},
    "axes": {"name": "gaussian", "dim": 4, "scale": (1.0, 0.5, 0.2, 0.1)},
    "subspaces": {"name": "mixture", "dim": 4, "scale": 0.5, "separation": 0.0},
    "cube": {"name": "cube", "dim": 4},
    "product": {"name": "product", "dim": 4},
    "random_code": {"name": "random_code", "dim": 4},
    "sphere": {"name": "sphere", "dim": 4},
    "torus": {"name": "torus", "dim": 4},
    # by quadrature, finest being the smallest level at which anything is asked: that which plain Euler reaches at a = 0
    # in 25 steps, below the last of the schedule, with room for what a blind denoiser must know (compare.ROOM)
    "trefoil": {"name": "trefoil", "dim": 1, "finest": 0.018},
    "swiss_roll": {"name": "swiss_roll", "dim": 2, "turns": 1.0, "finest": 0.15},
    "blobs": {"name": "blobs", "dim": 2, "finest": 1.05},
}
CLOSED_FORM = tuple(name for name, options in LAWS.items() if "finest" not in options)

# surfaces and images end at a coarser level: their nodes grow as its inverse square. A 32 x 32 image is about 10 long
_LEVELS = {"trefoil": (SIGMA_START, 0.05), "swiss_roll": (SIGMA_START, 0.27), "blobs": (10 * SIGMA_START, 2.0)}
_PIXELS = {"blobs": 32 * 32}

INTEGRATOR_NAMES = ("exponential_euler", "euler", "ddim", "ancestral", "kadkhodaie_simoncelli", "heun")
GRIDS = ("geometric", "karras", "cosine")
_ALLOWED_A = {"ddim": (0.0,), "heun": (0.0,), "ancestral": (0.5,)}

LAW = Argument(
    "--law",
    type=one_of(*LAWS),
    nargs="+",
    default=tuple(LAWS),
    metavar="LAW",
    help=f"laws of the main comparison (plain and exponential Euler, a = 0), among {', '.join(LAWS)}",
    by_profile={"smoke": ("mixture", "gaussian")},
)
FULL_LAW = Argument(
    "--full-law",
    type=one_of(*CLOSED_FORM),
    nargs="+",
    default=("mixture", "gaussian"),
    metavar="LAW",
    help=f"laws that get every integrator, grid and a, among {', '.join(CLOSED_FORM)}",
    by_profile={"smoke": ("gaussian",), "full": CLOSED_FORM},
)
INTEGRATOR = Argument(
    "--integrator",
    type=one_of(*INTEGRATOR_NAMES),
    nargs="+",
    default=INTEGRATOR_NAMES,
    metavar="NAME",
    help=f"among {', '.join(INTEGRATOR_NAMES)}",
)
GRID = Argument(
    "--grid",
    type=one_of(*GRIDS),
    nargs="+",
    default=GRIDS,
    metavar="GRID",
    help=f"among {', '.join(GRIDS)}",
    by_profile={"smoke": ("geometric",)},
)
STEPS = Argument(
    "--steps",
    type=whole(1, 10**5),
    nargs="+",
    default=(15, 25, 40),
    help="step counts of the main comparison",
    by_profile={"smoke": (25,)},
)
# the core of the mixture, of which every selection holds a cell, has 16 dimensions
AMBIENT = Argument("--ambient", type=whole(17, 10**15), default=2000, help="ambient dimension d")


def law_of(name: str, ambient: int, **changes) -> Law:
    """A law of the comparison in reduced coordinates; `changes` replace its options."""
    if name not in LAWS:
        raise ValueError(f"law must be one of {', '.join(LAWS)}, got {name!r}")
    return manifolds.make(ambient=ambient, reduced=True, **{**LAWS[name], **changes})


def ambient_of(name: str, ambient: int) -> int:
    """The ambient dimension of a law where others have `ambient`: images have that of their pixels."""
    return _PIXELS.get(name, ambient)


def refuse_narrow(names: Iterable[str], ambient: int) -> None:
    """ValueError, naming the option, unless every one of these laws exists at this ambient dimension."""
    for name in names:
        try:
            law_of(name, ambient_of(name, ambient))
        except ValueError as error:
            raise ValueError(f"argument --ambient: {error} (--law {name})") from error


def levels_of(name: str) -> tuple[float, float]:
    """First and last level of the runs on a law."""
    return _LEVELS.get(name, (SIGMA_START, SIGMA_END))


def schedule_of(grid: str, a: float, steps: int, start: float = SIGMA_START, end: float = SIGMA_END) -> Schedule:
    """Levels on the named grid with injection a_t = a sigma_t^2; ValueError for an unknown grid."""
    if grid not in GRIDS:
        raise ValueError(f"grid must be one of {', '.join(GRIDS)}, got {grid!r}")
    return getattr(Schedule, grid)(start, end, a, steps)


def integrator_of(name: str) -> Integrator:
    """The integrator; Kadkhodaie-Simoncelli with its first step fitted to the number of steps of the schedule."""
    return KadkhodaieSimoncelli(h0=None) if name == "kadkhodaie_simoncelli" else get_integrator(name)


def own_settings(name: str, grid: str, a: float) -> bool:
    """Whether the integrator listens to this grid and this a, so that no run is made twice under two names.

    DDIM and Heun inject nothing and ancestral steps inject a = 1/2; Kadkhodaie-Simoncelli has a step law of its own.
    """
    return a in _ALLOWED_A.get(name, (a,)) and (name != "kadkhodaie_simoncelli" or grid == "geometric")


# seconds on one core for 1000 samples and 25 steps: blind, conditional and informed together
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


def cost(law: str, samples: int, replicates: int, steps: float) -> float:
    """Expected seconds of a comparison of the three main arms."""
    return _COST.get(law, 0.15) * samples * replicates * steps / 25_000


def normal_variance(run: SampleRun) -> torch.Tensor:
    """True noise variance (steps + 1, n) of a run in the normal directions.

    Raises:
        ValueError: the run was made without record="levels".
    """
    if run.normal_variance is None:
        raise ValueError('run must be made with record="levels", got one without them')
    return run.normal_variance


# -- rows of a table as (value, low, high) --------------------------------------------------------------------------


def columns(name: str, estimate: Estimate) -> dict[str, float]:
    """An estimate as columns name, name_low, name_high."""
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def ends(row: pd.Series, name: str) -> Interval:
    """The same columns of a row."""
    value, low, high = (float(row[name + end]) for end in ("", "_low", "_high"))
    return value, low, high


def farthest(rows: pd.DataFrame, name: str, from_: float) -> Interval | None:
    """The row whose interval reaches farthest from a number; None without rows."""
    if not len(rows):
        return None
    reach = np.maximum((rows[name + "_low"] - from_).abs(), (rows[name + "_high"] - from_).abs())
    return ends(rows.iloc[int(reach.argmax())], name)


def with_rows(tables: Mapping[str, pd.DataFrame], *names: str) -> list[pd.DataFrame] | None:
    """The named tables, None if one of them is missing or empty: what rests on it then says nothing."""
    found = [tables[name] for name in names if name in tables and len(tables[name])]
    return found if len(found) == len(names) else None


def decided(found: Iterable[Measurement | None], options, smoke: tuple[str, ...] = ()) -> list[Measurement]:
    """The measurements there are; of a smoke run, those of the claims that its small samples can decide."""
    return [m for m in found if m is not None and (options.profile != "smoke" or m.claim in smoke)]


def listed(tables: Mapping[str, pd.DataFrame], name: str, heading: str, shown: Sequence[str]) -> str | None:
    """Some columns of a table as text; None without rows."""
    found = with_rows(tables, name)
    if found is None:
        return None
    return f"{heading}\n{found[0][list(shown)].to_string(index=False, float_format='%.4g')}"
