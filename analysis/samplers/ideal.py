"""The ideal process: the dynamics driven by the exact conditional denoiser, whose law at time t is p_{sigma_t}.

At a_t = sigma_t^2 / 2 it is the exact time reversal of y = x + Brownian motion, hence simulated from data without
error: X_{t_i} = X_t + N(0, (sigma_{t_i}^2 - sigma_t^2) I) for t > t_i. At any other a_t only the start of a stretch is
exact, and the rest is simulated on a fine grid by a method of weak order 2.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from analysis.samplers.schedule import Schedule
from manifolds.denoisers import ConditionalDenoiser
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["is_brownian_reversal", "earlier_point", "simulate", "ideal_path"]


def is_brownian_reversal(schedule: Schedule) -> bool:
    """Whether a_t = sigma_t^2 / 2 throughout, so that the joint law of two times is known.

    >>> [is_brownian_reversal(Schedule.proportional(2.0, 0.1, a=a)) for a in (0.25, 0.5)]
    [False, True]
    """
    return schedule.proportion == 0.5


def earlier_point(law: Law, later: torch.Tensor, sigma_later, sigma_earlier, stream: Stream) -> torch.Tensor:
    """X (n, width) at the earlier (larger) level given X at the later one, at a = 1/2; levels are numbers or (n,).

    >>> import manifolds
    >>> law, stream = manifolds.make("gaussian", dim=1, ambient=10**6, reduced=True), Stream(0)
    >>> y = earlier_point(law, law.sample(1, stream.child("x")), 0.0, 2.0, stream.child("z"))
    >>> round(float(y[0, 1]) / 10**3, 2)  # norm of the normal coordinates over sqrt(d)
    2.0
    """
    late, early = (torch.as_tensor(s, dtype=torch.float64) for s in (sigma_later, sigma_earlier))
    return law.space.add_noise(later, ((early - late) * (early + late)).clamp(min=0).sqrt(), stream)


def simulate(
    law: Law, y: torch.Tensor, schedule: Schedule, stream: Stream
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The ideal process from y at t = 0 along the steps of a schedule: yields (Y_i, f_{sigma_i}(Y_i)) for i = 0 .. N.

    One step is Y' = f + c (Y - f) + eta Z, then Y+ = c Y + (1 - c) (f + f_{next}(Y')) / 2 + eta Z with the same Z:
    stochastic Heun with the linear part exact, weak order 2. A law that absorbs its normal coordinates has, in reduced
    form, no common frame for f and f_next, and gets the first-order step Y'.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=3)
    >>> path = simulate(law, torch.ones(2, 3).double(), Schedule.proportional(1.0, 0.1, a=0.0, steps=4), Stream(0))
    >>> [tuple(y.shape) for y, fy in path]
    [(2, 3), (2, 3), (2, 3), (2, 3), (2, 3)]
    """
    space, f, sigma = law.space, ConditionalDenoiser(law), schedule.sigma.tolist()
    contraction, eta = torch.exp(-schedule.h).tolist(), schedule.ou_variance.sqrt().tolist()
    second_order = not (law.core.absorbs_normal and law.reduced)
    fy = f(y, sigma[0])
    yield y, fy
    for i, c in enumerate(contraction):
        draw = space.draw(len(y), stream.child("step", i))
        y_next = space.perturb(fy + c * (y - fy), eta[i], draw)
        if second_order:
            average = (fy + f(y_next, sigma[i + 1])) / 2
            y_next = space.perturb(average + c * (y - average), eta[i], draw)
        y, fy = y_next, f(y_next, sigma[i + 1])
        yield y, fy


def ideal_path(law: Law, schedule: Schedule, n: int, stream: Stream, substeps: int = 8) -> torch.Tensor:
    """n paths of the ideal process at the times of the schedule, (N + 1, n, width), from X_0 ~ p_{sigma_0}.

    Exact at a = 1/2. Otherwise `substeps` steps of `simulate` per step of the schedule (the default of 8 leaves an
    error of order (h/8)^2).

    >>> import manifolds
    >>> law = manifolds.make("sphere", dim=2, ambient=10)
    >>> tuple(ideal_path(law, Schedule.proportional(2.0, 0.1, steps=4), 6, Stream(0)).shape)
    (5, 6, 10)
    """
    sigma = schedule.sigma
    x = law.sample(n, stream.child("data"))
    if is_brownian_reversal(schedule):
        points = [law.space.add_noise(x, float(sigma[-1]), stream.child("last"))]
        for i in range(schedule.steps - 1, -1, -1):
            points.append(earlier_point(law, points[-1], sigma[i + 1], sigma[i], stream.child("back", i)))
        return torch.stack(points[::-1])
    start = law.space.add_noise(x, float(sigma[0]), stream.child("first"))
    fine = schedule.refine(substeps)
    return torch.stack([y for i, (y, _) in enumerate(simulate(law, start, fine, stream)) if i % substeps == 0])
