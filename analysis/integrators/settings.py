"""What several questions about integrators share: options, pairs with a, exact variances of a Gaussian run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from analysis.integrators.catalogue import cases
from analysis.metrics.intervals import Estimate
from analysis.runs import Argument, whole
from analysis.samplers import Integrator, KadkhodaieSimoncelli, Schedule, get_integrator
from manifolds.registry import law_name
from manifolds.space import Draw, Space

__all__ = ["ALL_A", "AMBIENT", "DIM", "LAW", "PAPER", "farthest", "final_variances", "laws", "named", "pairs", "size"]

PAPER = "arXiv 2602.09639"
AMBIENT = 1024  # a square: image laws have 32 x 32 pixels
ALL_A = (0.0, 0.25, 0.5, 0.75)

DIM = Argument(
    # four times k must leave AMBIENT
    "--dim",
    type=whole(1, AMBIENT // 4),
    default=2,
    help="intrinsic dimension k (laws that do not have it take 2 or 1)",
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
    """(integrator, a) that make sense: those that read levels alone at a = 0 (deterministic, EDM) or 1/2."""
    fixed = dict.fromkeys(("ddim", "heun", "edm", "dpm_solver_2m"), (0.0,))
    fixed |= dict.fromkeys(("ancestral", "ancestral_large", "ddpm"), (0.5,))
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
    methods with more than one evaluation included, and those with noise or memory of their own by probes.
    """
    steps = integrator.coefficients(schedule)
    levels, start = steps.levels.tolist(), float(steps.grid[0])
    churn = [0.0] * len(levels) if steps.churn_variance is None else steps.churn_variance.tolist()

    def denoise(y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
        if isinstance(sigma, float):
            return y * y.new_tensor([s * s / (s * s + sigma * sigma), 0.0])
        keep = s**2 / (s**2 + sigma.reshape(-1) ** 2)
        return y * torch.stack([keep, 0 * keep], dim=1)

    one = torch.ones(1, 2, dtype=torch.float64)
    variance = torch.tensor([s**2 + start**2, start**2], dtype=torch.float64)
    if integrator.own_noise:
        return _with_own_noise(integrator, steps, denoise, variance)
    if integrator.memory:  # deterministic and linear: the factor of the whole run
        y, previous = one, None
        for i in range(steps.steps):
            fy = denoise(y, levels[i])
            y, previous = integrator.advance(y, fy, _Probe(i, steps, denoise, previous=previous)), fy
        return tuple((y[0] ** 2 * variance).tolist())
    along, across = variance.tolist()
    for i, noise in enumerate(steps.noise_variance.tolist()):
        t, n = integrator.mean(one, denoise(one, levels[i]), i, steps, denoise)[0].tolist()
        along, across = t * t * (along + churn[i]) + noise, n * n * (across + churn[i]) + noise
    return along, across


_PLACES, _WEIGHTS = (
    torch.from_numpy(v) for v in np.polynomial.legendre.leggauss(16)
)  # smooth in the place: to rounding


class _Probe:
    """Tools of a step whose noise is chosen: blocks of rows at the quadrature nodes of every uniform number.

    The first block answers to the point, with no noise; block j to the draw of the label `kicks[j - 1]` alone.
    """

    space = Space(2, 2)

    def __init__(self, i, steps, denoise, previous=None, kicks: Sequence[str] = ()):
        self.i, self.steps, self.evaluate, self.previous = i, steps, denoise, previous
        self.kicks = kicks
        self.asked: list[str] = []

    def inject(self, moved: torch.Tensor) -> torch.Tensor:
        return moved

    def draw(self, label: str) -> Draw:
        self.asked.append(label)
        kicked = torch.tensor([False, *(label == kick for kick in self.kicks)]).repeat_interleave(len(_PLACES))
        return Draw(kicked.double()[:, None].expand(-1, 2), torch.zeros(len(kicked)).double())

    def uniform(self, label: str) -> torch.Tensor:
        return ((_PLACES + 1) / 2).repeat(1 + len(self.kicks))


def _with_own_noise(integrator: Integrator, steps, denoise, variance: torch.Tensor) -> tuple[float, float]:
    """v+ = E[A^2] v + sum over draws of E[B^2]: the responses A, B to the point and to each draw, at every place."""
    places, levels = len(_PLACES), steps.levels.tolist()
    one = torch.ones(places, 2, dtype=torch.float64)
    first = _Probe(0, steps, denoise)
    integrator.advance(one, denoise(one, levels[0]), first)  # to learn which draws it makes
    kicks = tuple(dict.fromkeys(first.asked))
    y = torch.cat([one, torch.zeros(len(kicks) * places, 2, dtype=torch.float64)])
    weights = (_WEIGHTS / 2).repeat(1 + len(kicks))
    for i in range(steps.steps):
        grown = integrator.advance(y, denoise(y, levels[i]), _Probe(i, steps, denoise, kicks=kicks)) ** 2
        grown[:places] *= variance
        variance = weights @ grown
    return float(variance[0]), float(variance[1])


def farthest(estimates: list[Estimate], centre: float = 0.0) -> tuple[float, float, float]:
    """The value farthest from `centre`, with the range that covers every interval."""
    value = max((e.value for e in estimates), key=lambda v: abs(v - centre))
    return value, min(e.low for e in estimates), max(e.high for e in estimates)
