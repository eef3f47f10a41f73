"""Laws, grids and integrators of the comparison, by name."""

from __future__ import annotations

import manifolds
from analysis.samplers import Integrator, KadkhodaieSimoncelli, Schedule, get_integrator
from manifolds.law import Law

__all__ = [
    "CLOSED_FORM", "GRIDS", "INTEGRATOR_NAMES", "LAWS", "SIGMA_END", "SIGMA_START",
    "ambient_of", "integrator_of", "law_of", "levels_of", "own_settings", "schedule_of",
]  # fmt: skip

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
    # by quadrature, finest being the smallest level at which anything is asked: that which plain Euler reaches at a = 0 in 25
    # steps, below the last of the schedule, with room for what a blind denoiser must know (arms.ROOM)
    "trefoil": {"name": "trefoil", "dim": 1, "finest": 0.018},
    "swiss_roll": {"name": "swiss_roll", "dim": 2, "turns": 1.0, "finest": 0.15},
    "blobs": {"name": "blobs", "dim": 2, "finest": 1.05},
}
CLOSED_FORM = tuple(name for name, options in LAWS.items() if "finest" not in options)

# surfaces and images end at a coarser level: their nodes grow as its inverse square. The length of a 32 x 32 image is about 10
_LEVELS = {"trefoil": (SIGMA_START, 0.05), "swiss_roll": (SIGMA_START, 0.27), "blobs": (10 * SIGMA_START, 2.0)}
_PIXELS = {"blobs": 32 * 32}

INTEGRATOR_NAMES = ("exponential_euler", "euler", "ddim", "ancestral", "kadkhodaie_simoncelli", "heun")
GRIDS = ("geometric", "karras", "cosine")
_ALLOWED_A = {"ddim": (0.0,), "heun": (0.0,), "ancestral": (0.5,)}


def law_of(name: str, ambient: int, **changes) -> Law:
    """A law of the comparison in reduced coordinates; `changes` replace its options."""
    if name not in LAWS:
        raise ValueError(f"law must be one of {', '.join(LAWS)}, got {name!r}")
    return manifolds.make(ambient=ambient, reduced=True, **{**LAWS[name], **changes})


def ambient_of(name: str, ambient: int) -> int:
    """The ambient dimension of a law where others have `ambient`: images have that of their pixels."""
    return _PIXELS.get(name, ambient)


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
