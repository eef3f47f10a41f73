"""Where the injected noise of a run comes from: labelled draws, independent or coupled across step counts."""

from __future__ import annotations

from collections.abc import Callable

import torch

from analysis.samplers.schedule import Schedule
from analysis.samplers.step import Integrator
from manifolds.space import Draw, Space
from manifolds.streams import Stream

__all__ = ["IndependentNoise", "BrownianNoise"]

_MEMORY = 1 << 28  # bytes of fine draws that a coupled noise keeps: 256 MiB, far below what a worker has


class IndependentNoise:
    """Step i draws from the child stream ("step", i): the same noise for any batch size and for any denoiser.

    >>> noise, space = IndependentNoise(Stream(0)), Space(3, 1)
    >>> torch.equal(noise.draw(space, 2, 5).normal[:3], noise.draw(space, 2, 3).normal)
    True
    """

    def __init__(self, stream: Stream):
        self.stream = stream

    def check(self, schedule: Schedule, integrator: Integrator) -> None:
        """Every schedule and integrator will do."""

    def draw(self, space: Space, i: int, n: int) -> Draw:
        """Standard noise of step i for n points."""
        return space.draw(n, self.stream.child("step", i))

    def in_blocks(self, space: Space, i: int, n: int) -> Callable[[int], torch.Tensor]:
        """The `normal` of `draw`, dense spaces only, in blocks of rows: each call returns the next so many.

        A block fits the processor's cache, the whole draw does not.
        """
        source = self.stream.child("step", i).spawn("noise").child("normal")  # as Space.draw has it
        return lambda rows: source.normal(rows, space.width)


class BrownianNoise:
    """Coupled noise: a coarse step's draw is the weighted sum of the draws of the fine steps that it spans.

    The weights are those with which the integrator itself would carry the noise of the fine steps to the end of the
    coarse one (for exponential Euler the exact Ornstein-Uhlenbeck weights). A run on the fine schedule gets exactly the
    draws of an uncoupled run with the same stream. In reduced coordinates see `manifolds.space.Draw.combine`.

    Args:
        fine: schedule whose times contain those of every coarse one.
        stream: its fine step j draws from the child ("step", j).

    >>> from analysis.samplers import sample
    >>> levels = torch.tensor([4.0, 2.0, 1.0, 0.5, 0.25]).double()
    >>> fine, coarse = Schedule.from_levels(levels), Schedule.from_levels(levels[::2])
    >>> noise, start = BrownianNoise(fine, Stream(0)), torch.ones(1, 2).double()
    >>> runs = [sample(lambda y: 0 * y, Space(2, 0), s, 1, Stream(0), start=start, noise=noise) for s in (fine, coarse)]
    >>> torch.allclose(runs[0].y, runs[1].y)  # f = 0: both solve the same linear equation exactly
    True
    """

    def __init__(self, fine: Schedule, stream: Stream):
        self.fine, self.stream = fine, stream
        self._edges: list[int] = []
        self._integrator: Integrator | None = None  # known from `check` on
        self._kept: dict[tuple, Draw] = {}
        self._room = _MEMORY

    def check(self, schedule: Schedule, integrator: Integrator) -> None:
        """Prepare for runs along a schedule.

        Raises:
            ValueError: a coarse time that is not a fine time, or an integrator with a step law or noise of its own.
        """
        if integrator.own_noise:
            raise ValueError(f"noise cannot be coupled for {integrator.name}, which draws its own")
        if not torch.equal(integrator.coefficients(schedule).levels, schedule.sigma):
            raise ValueError(
                f"noise cannot be coupled for {integrator.name}, whose levels are not those of the schedule"
            )
        distance = (self.fine.t[None, :] - schedule.t[:, None]).abs()
        gap, edges = distance.min(dim=1)
        if float(gap.max()) > 1e-9 * schedule.horizon or edges[0] != 0 or edges[-1] != self.fine.steps:
            raise ValueError("noise must have a fine schedule whose times contain those of the schedule")
        self._edges, self._integrator = edges.tolist(), integrator

    def draw(self, space: Space, i: int, n: int) -> Draw:
        """Standard noise of coarse step i for n points."""
        first, last = self._edges[i], self._edges[i + 1]
        draws = [self._fine_draw(space, j, n) for j in range(first, last)]
        if len(draws) == 1:
            return draws[0]
        assert self._integrator is not None
        return Draw.combine(draws, self._integrator.coupling(self.fine, first, last).tolist())

    def in_blocks(self, space: Space, i: int, n: int) -> Callable[[int], torch.Tensor]:
        """As `IndependentNoise.in_blocks`; the draw is kept as a whole all the same, and its blocks are copies."""
        normal, done = self.draw(space, i, n).normal, 0

        def take(rows: int) -> torch.Tensor:
            nonlocal done
            done += rows
            return normal[done - rows : done].clone()

        return take

    def _fine_draw(self, space: Space, j: int, n: int) -> Draw:
        """Kept while there is room: runs of other step counts ask for the same again."""
        key = (j, n, space.width, space.normal_dim)
        draw = self._kept.get(key)
        if draw is None:
            draw = space.draw(n, self.stream.child("step", j))
            size = 8 * (draw.normal.numel() + draw.chi2.numel())
            if size <= self._room:
                self._kept[key], self._room = draw, self._room - size
        return draw
