"""The factorial of sampling: coefficients, injected noise, steps, grid; every denoiser gets the same starts and noise.

A full product would repeat itself: ancestral (VE-DDPM) is exponential Euler at a = 1/2, DDIM is exponential Euler at
a = 0. All of these keep the scheduled level in the directions normal to the data; plain Euler does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from analysis.samplers import Integrator, KadkhodaieSimoncelli, SampleRun, Schedule, get_integrator, sample
from manifolds.space import Space
from manifolds.streams import Stream

__all__ = ["FEW", "KEEPING", "MANY", "RUNS", "SIGMA_END", "SIGMA_START", "Setting", "told_estimates"]

SIGMA_START, SIGMA_END = 4.0, 0.05  # the paper's, appendix G.3
# The paper's h = .2 at a = .2 sigma^2 takes log(80)/(.8 * .2) = 27.4 steps from 4 to .05: every sampler gets 28 of
# them, all on one grid, so that two differ in one thing at a time.
FEW, ALGORITHM_2, MANY = 10, 28, 100


@dataclass(frozen=True)
class Setting:
    """One sampler: integrator, a of the injection a_t = a sigma_t^2, steps, "log" or "karras" grid, adaptive or not."""

    integrator: str
    a: float
    steps: int
    grid: str = "log"
    adaptive: bool = False

    @property
    def name(self) -> str:
        more = ("" if self.grid == "log" else f" {self.grid}") + (" adaptive" if self.adaptive else "")
        return f"{self.integrator} a={self.a:g} N={self.steps}{more}"

    @property
    def schedule(self) -> Schedule:
        make = Schedule.karras if self.grid == "karras" else Schedule.proportional
        return make(SIGMA_START, SIGMA_END, self.a, self.steps)

    @property
    def method(self) -> Integrator:
        """Kadkhodaie and Simoncelli's with the first step that ends at the last level in this number of steps."""
        return (
            KadkhodaieSimoncelli(h0=None)
            if self.integrator == "kadkhodaie_simoncelli"
            else get_integrator(self.integrator)
        )

    def run(self, f, space: Space, n: int, draws: Stream, path: bool = False) -> SampleRun:
        """n samples; starts and injected noise depend on `draws` alone, not on the denoiser."""
        record = "path" if path else "none"
        return sample(f, space, self.schedule, n, draws, self.method, self.adaptive, record=record)


# (integrator, a) that keep the scheduled level: the comparison of denoisers rests on them, few and many steps
KEEPING = tuple(
    Setting(integrator, a, steps)
    for integrator, a in (("ancestral", 0.5), ("exponential_euler", 0.2), ("ddim", 0.0))
    for steps in (ALGORITHM_2, MANY)
)
RUNS = (
    *KEEPING,
    *(Setting(integrator, a, FEW) for integrator, a in (("ancestral", 0.5), ("ddim", 0.0), ("euler", 0.0))),
    *(Setting(integrator, a, ALGORITHM_2, "karras") for integrator, a in (("ancestral", 0.5), ("ddim", 0.0))),
    *(Setting("euler", a, ALGORITHM_2) for a in (0.0, 0.5)),
    Setting("exponential_euler", 0.2, ALGORITHM_2, adaptive=True),  # the paper's algorithm 2, if blind
    Setting("kadkhodaie_simoncelli", 0.2, ALGORITHM_2, adaptive=True),
)
THOUSAND = tuple(Setting(s.integrator, s.a, 1000) for s in KEEPING[::2])  # of the profile `full`


def told_estimates(f, reader):
    """The conditional denoiser f told what an independent estimator reads from the point itself: blind."""

    def blind(y: torch.Tensor) -> torch.Tensor:
        return f(y, reader(y))

    return blind
