"""One step of every sampler here, Y+ = f + c (Y - f) + eta Z, and the choices of (c, eta) that give it its names.

f = f(Y) if the denoiser is blind, f(Y, sigma) if it is told the level; sigma, sigma_+ are the levels before and after
the step, h its length in time, a_t the injection of dY = (f - Y) dt + sqrt(2 a_t) dB (arXiv 2602.09639, section 3):

    sampler                 c                              eta^2
    exponential Euler       e^{-h}                         sigma_+^2 - c^2 sigma^2 = 2 int a_s e^{-2(t_+ - s)} ds
    DDIM                    sigma_+ / sigma                0: exponential Euler at a = 0
    ancestral (VE-DDPM)     sigma_+^2 / sigma^2            sigma_+^2 (1 - c): exponential Euler at a_t = sigma_t^2 / 2
    plain Euler             1 - h                          2 int a_s ds
    Euler-Maruyama          1 - h                          2 a_t h, a_t at the start of the step
    score freezing          1 - int sigma_s^2 ds/sigma^2   2 int a_s ds
    Kadkhodaie-Simoncelli   1 - h_i                        ((1 - beta h_i)^2 - (1 - h_i)^2) sigma^2
    ancestral, large        sigma_+^2 / sigma^2            sigma^2 - sigma_+^2
    DDPM (VP)               sigma_+^2 / sigma^2            (1 + sigma_+^2) (sigma^2 - sigma_+^2) / (1 + sigma^2)
    Heun (EDM)              as DDIM, then corrected by a second f at sigma_+; with churn, noise is added before f
    DPM-Solver++ 2M         as DDIM, with f extrapolated from this step's and the last one's
    randomised midpoint     as exponential Euler, with f taken at a random time of the step

Scheduled noise takes eta as it stands; adaptive noise takes eta / sigma times the sample's own residual estimate of
sigma. The normal directions of the data see f = 0, hence a variance recursion v+ = c^2 v + eta^2 free of the data
(derived here). A choice with eta^2 = sigma_+^2 - c^2 sigma^2 keeps v = sigma^2: it is normal-consistent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch

from analysis.samplers.schedule import Schedule
from manifolds.space import Draw, Space
from manifolds.streams import Stream

__all__ = ["Coefficients", "Integrator", "Tools", "walk"]


def walk(f: Callable, y: torch.Tensor, steps: Coefficients, space: Space, stream: Stream) -> torch.Tensor:
    """The whole algorithm and nothing else: what `sample` computes for a method of one evaluation a step.

    Args:
        f: clean estimate f(y, sigma); a blind denoiser ignores sigma.
        y: (n, width) points at the first level.
        stream: step i draws from its child ("step", i), as in `sample`.

    Returns:
        f(Y_N), (n, width).

    >>> space, y = Space(3, 1), torch.ones(2, 3, dtype=torch.float64)
    >>> walk(lambda y, sigma: 0 * y, y, Coefficients.of([1.0, 0.5], [0.5], [0.0]), space, Stream(0)).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    sigma, eta = steps.levels.tolist(), steps.noise_variance.sqrt().tolist()
    for i, c in enumerate(steps.contraction.tolist()):
        fy = f(y, sigma[i])
        y = space.perturb(fy + c * (y - fy), eta[i], space.draw(len(y), stream.child("step", i)))
    return f(y, sigma[-1])


@dataclass(frozen=True)
class Coefficients:
    """Steps of a run as data, float64.

    Attributes:
        levels (N+1,): nominal noise levels, told to a conditional denoiser.
        contraction (N,): c_i.
        noise_variance (N,): eta_i^2, for injection that follows the nominal levels (scheduled).
        churn_variance (N+1,): variance added to the points before f is called at level index i, or None.
        arrival (N+1,): levels at which steps end, where churn raises them before f is called; None: `levels`.

    >>> steps = Coefficients.of(levels=[2.0, 1.0], contraction=[0.25], noise_variance=[0.75])  # ancestral
    >>> steps.steps, steps.normal_consistent, steps.normal_variance().tolist()
    (1, True, [4.0, 1.0])
    """

    levels: torch.Tensor
    contraction: torch.Tensor
    noise_variance: torch.Tensor
    churn_variance: torch.Tensor | None = None
    arrival: torch.Tensor | None = None

    @classmethod
    def of(cls, levels: list[float], contraction: list[float], noise_variance: list[float]) -> Coefficients:
        """From lists of numbers."""
        return cls(*(torch.tensor(v, dtype=torch.float64) for v in (levels, contraction, noise_variance)))

    @property
    def steps(self) -> int:
        return len(self.contraction)

    @property
    def grid(self) -> torch.Tensor:
        """Levels (N+1,) at which steps end; the first is that of the start."""
        return self.levels if self.arrival is None else self.arrival

    @property
    def noise_ratio(self) -> torch.Tensor:
        """eta_i^2 / sigma_i^2 (N,): adaptive injection multiplies it by the residual estimate of sigma^2."""
        return self.noise_variance / self.levels[:-1] ** 2

    @property
    def normal_consistent(self) -> bool:
        """Whether eta_i^2 = sigma_{i+1}^2 - c_i^2 sigma_i^2 at every step, churn included, to rounding."""
        kept, churn = self.contraction**2 * self.levels[:-1] ** 2 + self.noise_variance, self.churn_variance
        steps = bool(torch.allclose(kept, self.grid[1:] ** 2, rtol=1e-11, atol=0))
        return steps and (
            churn is None or bool(torch.allclose(self.grid**2 + churn, self.levels**2, rtol=1e-11, atol=0))
        )

    def normal_variance(self, start: float | None = None) -> torch.Tensor:
        """True noise variance in the normal directions, (N+1,): v_{i+1} = c_i^2 v_i + eta_i^2 from v_0 = start.

        With churn, v_i is that of the points at which f is called.

        Args:
            start: v_0 before any churn; None is grid[0]^2.
        """
        churn = [0.0] * (self.steps + 1) if self.churn_variance is None else self.churn_variance.tolist()
        values = [(float(self.grid[0]) ** 2 if start is None else float(start)) + churn[0]]
        for c, noise, more in zip(self.contraction.tolist(), self.noise_variance.tolist(), churn[1:]):
            values.append(c * c * values[-1] + noise + more)
        return torch.tensor(values, dtype=torch.float64)

    def extended(self, steps: int) -> Coefficients:
        """Continued to `steps` steps by repeating the last one at a constant ratio of levels, or cut to `steps`."""
        if steps <= self.steps:
            return Coefficients(self.levels[: steps + 1], self.contraction[:steps], self.noise_variance[:steps])
        more = torch.arange(1, steps - self.steps + 1, dtype=torch.float64)
        ratio = self.levels[-1] / self.levels[-2]
        levels = torch.cat([self.levels, self.levels[-1] * ratio**more])
        contraction = torch.cat([self.contraction, self.contraction[-1:].expand(len(more))])
        noise = torch.cat([self.noise_variance, self.noise_ratio[-1] * levels[self.steps : -1] ** 2])
        return Coefficients(levels, contraction, noise)


class Tools(Protocol):
    """What a step may use besides Y and f(Y); `sample` provides it.

    Attributes:
        i, steps: step index and coefficients.
        space: where points live.
        previous: f(Y) of the step before, for integrators with `memory`; None at the first.
    """

    i: int
    steps: Coefficients
    space: Space
    previous: torch.Tensor | None

    def evaluate(self, v: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
        """f at points v (n, width) and any level: a number or one per point, between grid points too.

        In reduced form v may be a combination of a point and of denoised values in its frame (see `manifolds.space`).
        """

    def inject(self, moved: torch.Tensor) -> torch.Tensor:
        """eta_i Z added: scheduled or adaptive noise, whichever the run is asked for."""

    def draw(self, label: str) -> Draw:
        """Standard noise of the integrator's own, one row a point, from the child ("step", i, label) of the stream."""

    def uniform(self, label: str) -> torch.Tensor:
        """Uniform numbers (n,) on [0, 1) of the integrator's own."""


class Integrator(ABC):
    """A step rule: the coefficients of a run along a schedule. Subclass it to bring your own, and pass it to `sample`.

    Methods that are more than their coefficients override `mean` (further evaluations) or `advance` (anything else).

    Attributes:
        name: registry name.
        weak_order: declared order of the error of expectations at the end, in powers of 1 / steps.
        evaluations: denoiser evaluations a step.
        adaptive: whether the method is adaptive by design (noise from the residual estimate, stopping on it).
        noise_decays: whether noise injected within a step contracts until its end (sets how coupled noise is summed).
        own_noise: whether `advance` draws its noise itself: such a run is neither adaptive nor coupled.
        memory: whether `advance` wants f(Y) of the step before.

    >>> class Half(Integrator):
    ...     name = "half"
    ...
    ...     def coefficients(self, schedule):
    ...         return Coefficients(schedule.sigma, 0.5 + 0 * schedule.h, 0 * schedule.h)
    >>> Half().coefficients(Schedule.proportional(1.0, 0.1, steps=3)).contraction.tolist()
    [0.5, 0.5, 0.5]
    """

    name: ClassVar[str]
    weak_order: ClassVar[int] = 1
    evaluations: ClassVar[int] = 1
    adaptive: ClassVar[bool] = False
    noise_decays: ClassVar[bool] = True
    own_noise: ClassVar[bool] = False
    memory: ClassVar[bool] = False

    @abstractmethod
    def coefficients(self, schedule: Schedule) -> Coefficients:
        """Levels, contractions and noise variances of a run along the schedule."""

    def mean(self, y: torch.Tensor, fy: torch.Tensor, i: int, steps: Coefficients, evaluate: Callable) -> torch.Tensor:
        """The step without its noise. Methods with more than one evaluation override this.

        Args:
            y, fy: points and their denoised values (n, width).
            i: step index.
            evaluate: function (combination of y and f(y), level) -> denoised values, for further evaluations.
        """
        return fy + steps.contraction[i] * (y - fy)

    def advance(self, y: torch.Tensor, fy: torch.Tensor, tools: Tools) -> torch.Tensor:
        """The whole step, (n, width). The arguments are not to be written into."""
        return tools.inject(self.mean(y, fy, tools.i, tools.steps, tools.evaluate))

    def stop_level(self, schedule: Schedule) -> float:
        """Residual estimate at which an adaptive run stops."""
        return schedule.sigma_end

    def coupling(self, fine: Schedule, first: int, last: int) -> torch.Tensor:
        """Weights with which the fine draws first..last-1 add up to the draw of one coarse step (up to their norm)."""
        steps = self.coefficients(fine)
        eta = steps.noise_variance[first:last].sqrt()
        if not self.noise_decays:
            return eta
        later = torch.cat([steps.contraction[first + 1 : last], torch.ones(1, dtype=torch.float64)])
        return eta * later.flip(0).cumprod(0).flip(0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
