"""Ways to sample that differ in one thing each: who denoises, how steps are taken, how much noise is injected."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from analysis.metrics.intervals import Estimate, from_standard_error
from analysis.mismatch.compare import build_arm
from analysis.mismatch.settings import A_VALUES, integrator_of
from analysis.samplers import Coefficients, Integrator, Schedule, sample
from analysis.theory import coefficients as theory
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["OURS", "RUNS", "SAME", "STEPS", "Injecting", "Run", "gaussian_excess", "jackknife", "names_in", "output"]

STEPS = 25


@dataclass(frozen=True)
class Run:
    """One way to sample: who denoises, how steps are taken, how much noise is injected; `reads` and `injects` spoil it.

    reads    the level that the denoiser works at over the one that it should (blind ones read the true level to
             1/sqrt(2d), so that a blind run that misreads it is a conditional one told so)
    injects  variance of the injected noise over that of the coefficients
    """

    denoiser: str
    integrator: str
    a: float
    reads: float = 1.0
    injects: float = 1.0


_KEPT = Run("conditional", "exponential_euler", 0.2)
RUNS: dict[str, Run] = {
    f"{denoiser} {integrator} {a:g}": Run(denoiser, integrator, a)
    for integrator in ("exponential_euler", "euler")
    for a in A_VALUES
    for denoiser in ("blind", "conditional")
} | {
    "VE-DDPM": Run("conditional", "ancestral", 0.5),
    "VE-DDPM, injection x 1.025": Run("conditional", "ancestral", 0.5, injects=1.025),
    **{f"reads x {factor:g}": replace(_KEPT, reads=factor) for factor in (1.0006, 1.01, 1.015, 1.05, 1.1)},
}
OURS, SAME = "blind exponential_euler 0.2", "conditional exponential_euler 0.2"


class Injecting(Integrator):
    """Another integrator with its injected variance multiplied: a sabotage of the amount of noise alone."""

    name = "injecting"

    def __init__(self, inner: Integrator, factor: float):
        self.inner, self.factor = inner, factor

    def coefficients(self, schedule: Schedule) -> Coefficients:
        steps = self.inner.coefficients(schedule)
        return replace(steps, noise_variance=self.factor * steps.noise_variance)


def names_in(pairs: dict[str, tuple[str, str]]) -> list[str]:
    """The runs that take part, each once."""
    return list(dict.fromkeys(name for pair in pairs.values() for name in pair))


def output(run: Run, law: Law, schedule: Schedule, n: int, source: Stream) -> torch.Tensor:
    """The n points of a run (n, width); start and injected noise are those of the source, whatever the run."""
    integrator = integrator_of(run.integrator)
    if run.injects != 1:
        integrator = Injecting(integrator, run.injects)
    coefficients = integrator.coefficients(schedule)
    f = build_arm(run.denoiser, law, schedule, coefficients).f
    told = None if run.denoiser == "blind" else run.reads * coefficients.levels
    return sample(f, law, schedule, n, source.child("run"), integrator, False, assumed_sigma=told).x


def jackknife(function: Callable[..., float], *replicates: np.ndarray) -> Estimate:
    """A smooth function of the means of arrays (n,), paired by replicate: 95 % t-interval of the jackknife."""
    n = len(replicates[0])
    value = function(*(float(x.mean()) for x in replicates))
    left_out = np.array([function(*(float(np.delete(x, i).mean()) for x in replicates)) for i in range(n)])
    error = math.sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum()))
    return from_standard_error(value, error, n - 1)


def gaussian_excess(run: Run, scale: float, levels: np.ndarray) -> float:
    """(s - sd of the output)^2 of a run on N(0, s^2 I_k), d -> inf, from a recursion of two numbers.

    A blind denoiser then knows the true level. Shares no code with the samplers.
    """
    formulas = {"exponential_euler": theory.exponential_euler, "euler": theory.plain_euler}
    c, eta = theory.ancestral(levels) if run.integrator == "ancestral" else formulas[run.integrator](levels, run.a)
    eta = math.sqrt(run.injects) * eta
    true = theory.noise_variance(c, eta, levels[0] ** 2)
    gain = scale**2 / (scale**2 + (true if run.denoiser == "blind" else (run.reads * levels) ** 2))
    u = levels[0] ** 2
    for i in range(len(c)):
        u = (gain[i] + c[i] * (1 - gain[i])) ** 2 * u + eta[i] ** 2
    return float((scale - gain[-1] * math.sqrt(u)) ** 2)
