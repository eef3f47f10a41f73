"""What several questions about integrators share: options, pairs with a, exact variances of a Gaussian run."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from analysis.integrators.catalogue import cases
from analysis.metrics.intervals import Estimate
from analysis.runs import Argument, positive_int
from analysis.samplers import Integrator, KadkhodaieSimoncelli, Schedule, get_integrator
from manifolds.registry import law_name

__all__ = ["ALL_A", "AMBIENT", "DIM", "LAW", "PAPER", "farthest", "final_variances", "laws", "named", "pairs", "size"]

PAPER = "arXiv 2602.09639"
AMBIENT = 1024  # a square: image laws have 32 x 32 pixels
ALL_A = (0.0, 0.25, 0.5, 0.75)

DIM = Argument(
    "--dim", type=positive_int, default=2, help="intrinsic dimension k (laws that do not have it take 2 or 1)"
)
LAW = Argument(
    "--law",
    type=law_name,
    nargs="+",
    default=(),
    help="only these laws (default: every registered one)",
    by_profile={"smoke": ("cube", "gaussian", "mixture", "random_code", "sphere")},
)


def laws(options) -> tuple[tuple[str, int], ...]:
    """(name, dim) of the laws that are sampled; `--law` restricts them."""
    return cases((options.dim, 2, 1), AMBIENT, tuple(options.law) or None)


def size(profile: str) -> int:
    """By what the numbers of samples are multiplied in a profile."""
    return {"smoke": 1, "paper": 1, "full": 4}[profile]


def pairs(names: Iterable[str], values: tuple[float, ...] = ALL_A) -> list[tuple[str, float]]:
    """(integrator, a) that make sense: deterministic methods at a = 0, ancestral at 1/2."""
    fixed = {"ddim": (0.0,), "heun": (0.0,), "ancestral": (0.5,)}
    return [(name, a) for name in names for a in fixed.get(name, values)]


def named(name: str) -> Integrator:
    """By name; the coarse-to-fine sampler of arXiv 2007.13640 with h0 constant and fitted to the number of steps."""
    if name == "kadkhodaie_simoncelli":
        return KadkhodaieSimoncelli(h0=None, growing=False)
    return get_integrator(name)


def final_variances(integrator: Integrator, schedule: Schedule, s: float) -> tuple[float, float]:
    """(tangential, normal) variance after a run that starts at p_{sigma_0} of N(0, s^2); conditional, scheduled noise.

    On N(0, s^2 I_k) the conditional denoiser is linear, so a step multiplies tangential and normal coordinates by
    constants and adds noise. The constants are read off the integrator's own step, applied to the point (1, 1):
    methods with more than one evaluation included.
    """
    steps = integrator.coefficients(schedule)
    levels = steps.levels.tolist()

    def denoise(y: torch.Tensor, i: int) -> torch.Tensor:
        return y * torch.tensor([s**2 / (s**2 + levels[i] ** 2), 0.0], dtype=torch.float64)

    one = torch.ones(1, 2, dtype=torch.float64)
    variance = torch.tensor([s**2 + levels[0] ** 2, levels[0] ** 2], dtype=torch.float64)
    for i in range(steps.steps):
        factor = integrator.mean(one, denoise(one, i), i, steps, denoise)[0]
        variance = factor**2 * variance + steps.noise_variance[i]
    return float(variance[0]), float(variance[1])


def farthest(estimates: list[Estimate], centre: float = 0.0) -> tuple[float, float, float]:
    """The value farthest from `centre`, with the range that covers every interval."""
    value = max((e.value for e in estimates), key=lambda v: abs(v - centre))
    return value, min(e.low for e in estimates), max(e.high for e in estimates)
