"""Runs whose law is nearly as far from p_{sigma_T} as their ledger certifies: what a certificate is tried on.

Both divergences are known: the ledger's by its own integrand, the law's by the recursion of a Gaussian run.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

import manifolds
from analysis.ledger.direct import direct_total
from analysis.samplers import Schedule
from analysis.theory.coefficients import exponential_euler
from analysis.theory.discretisation import gaussian_discretisation
from analysis.theory.gaussian_run import final_divergence, gaussian_divergence
from analysis.theory.initial import gaussian_initial
from manifolds.denoisers import ConditionalDenoiser
from manifolds.streams import Stream

__all__ = ["Attained", "Misweighed", "attained_discretisation", "attained_learning"]

_NORMAL = 1.96


class Misweighed(Schedule):
    """A schedule whose weights int dt/(4 a_t) are off by a factor: a sabotage of the ledger, not of the run.

    >>> right = Schedule.proportional(4.0, 1.0, 0.5, 2)
    >>> (Misweighed(right, 0.9).kl_weights / right.kl_weights).tolist()
    [0.9, 0.9]
    """

    __slots__ = ("_factor",)
    _factor: float

    def __init__(self, schedule: Schedule, factor: float):
        super().__init__(schedule._t, schedule._sigma, schedule._injection)
        object.__setattr__(self, "_factor", factor)

    kl_weights = property(lambda self: self._factor * self._integrals.kl)


class Attained(NamedTuple):
    """KL(p_{sigma_T} || law of Y_N) and the path KL, in nats, the latter with its standard error and closed form."""

    marginal: float
    path: float
    path_se: float
    closed: float

    def row(self) -> dict[str, float]:
        """As columns of a table; over: marginal/path with its 95 % interval, over_closed: the same by the closed form.

        >>> Attained(0.9, 1.0, 0.0, 1.2).row()["over"], Attained(0.9, 1.0, 0.0, 1.2).row()["over_closed"]
        (0.9, 0.75)
        """
        low, high = self.path - _NORMAL * self.path_se, self.path + _NORMAL * self.path_se
        over = {"over": self.marginal / self.path, "over_low": self.marginal / high, "over_high": self.marginal / low}
        return {"marginal": self.marginal, "path": self.path, **over, "over_closed": self.marginal / self.closed}


def attained_learning(span: float, steps: int, error: float, weight: float = 1.0) -> Attained:
    """A point mass at 0 and f = f* + error, a = 1/2: marginal/path is 1 - span^-2 whatever the steps, without blindness
    or discretisation.

    Args:
        span: sigma_0/sigma_T; sigma_T = 1.
        error: along the core coordinate; f* = 0.
        weight: by what the ledger's weights are multiplied, a sabotage.

    >>> found = attained_learning(4.0, 16, 0.01)
    >>> round(found.marginal / found.path, 6)
    0.9375
    """
    law = manifolds.make("atoms", dim=1, ambient=2, reduced=True, points=((0.0,),))
    schedule = Schedule.proportional(span, 1.0, 0.5, steps)
    levels = schedule.sigma.numpy()
    mean, variance = 0.0, float(levels[0]) ** 2
    for q, eta in zip(*exponential_euler(levels, 0.5), strict=True):
        mean, variance = error + float(q) * (mean - error), float(q) ** 2 * variance + float(eta) ** 2
    marginal = float(gaussian_divergence(float(levels[-1]) ** 2, variance)) + mean**2 / (2 * variance)

    def off(y: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.full_like(y[:, :1], error), torch.zeros_like(y[:, 1:])], dim=1)

    # the gap is the same at every point: two are as good as many
    path = direct_total(law, off, Misweighed(schedule, weight), 2, manifolds.stream(0, "attained"))
    return Attained(marginal, path.value, path.standard_error, error**2 * (1 - span**-2) / 2)


def attained_discretisation(start: float, k: int, n: int, stream: Stream, weight: float = 1.0) -> Attained:
    """Unit Gaussian data, the exact conditional denoiser, one step from `start` to 1, a = 1/2: the law ends nearly as
    narrow as the injected noise, and marginal/path -> 1 as start grows (.94 at 10), at .15 k nats.

    Args:
        n: points of the ledger, a Monte Carlo estimate of the integrand itself.
        weight: as in `attained_learning`.

    >>> found = attained_discretisation(10.0, 2, 20000, manifolds.stream(0))
    >>> round(found.marginal / found.closed, 4), 0.91 < found.marginal / found.path < 0.97
    (0.9388, True)
    """
    law = manifolds.make("gaussian", dim=k, ambient=10**6, reduced=True)
    schedule = Schedule.proportional(start, 1.0, 0.5, 1)
    levels = schedule.sigma.numpy()
    c, eta = exponential_euler(levels, 0.5)
    marginal, _ = final_divergence(c, eta, levels, k, 10**6, 1.0, told="true")
    path = direct_total(law, ConditionalDenoiser(law), Misweighed(schedule, weight), n, stream)
    closed = gaussian_initial(k, 1.0, start) + gaussian_discretisation(levels, k, 1.0)
    return Attained(float(marginal), path.value, path.standard_error, float(closed))
