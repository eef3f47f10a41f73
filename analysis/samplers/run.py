"""The loop of a run, with everything that is not the step itself: calling the denoiser, stopping, what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from analysis.samplers.evaluate import Evaluator
from analysis.samplers.step import Coefficients, Integrator
from manifolds.space import Draw, Space
from manifolds.streams import Stream

__all__ = ["Estimator", "Noise", "Run", "SampleRun"]

Estimator = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # (y, f(y)) -> noise standard deviations (n,)


class Noise(Protocol):
    """A source of injected noise."""

    def draw(self, space: Space, i: int, n: int) -> Draw: ...

    def in_blocks(self, space: Space, i: int, n: int) -> Callable[[int], torch.Tensor]: ...


@dataclass(frozen=True)
class SampleRun:
    """Record of a run of n samples; width is that of the space (d dense, m + 1 reduced), d the ambient dimension.

    Attributes:
        y (n, width): Y_N, where the dynamics stopped (noise of about the last level is left in it).
        x (n, width): f(Y_N), the clean output.
        sigma_hat (steps + 1, n): residual estimates sqrt(|f(Y_i) - Y_i|^2 / d). A stopped sample keeps its last one.
        levels (steps + 1,): noise levels told to a conditional denoiser.
        steps: steps taken by the longest-lived sample.
        calls: denoiser evaluations on the path of that sample, the last one (for x) included.
        status: "done"; "step_cap" if an adaptive run hit the cap before every sample stopped; "diverged" if any did.
        stopped_at (n,): steps taken by each sample, int64.
        diverged (n,): samples that left the finite numbers, or whose denoiser output did; their x is NaN.
        path (steps + 1, n, width): every Y_i, with record="path"; else None.
        normal_variance (steps + 1, n): |normal part of Y_i|^2 / (d - m), the true noise variance in the directions
            normal to the data, with record="levels" or "path"; else None.

    >>> from analysis.samplers import Schedule, sample; from manifolds import stream
    >>> run = sample(lambda y: 0 * y, Space(3, 1), Schedule.proportional(2.0, 0.1, steps=4), 5, stream(0))
    >>> run.status, run.steps, run.calls, tuple(run.x.shape), tuple(run.sigma_hat.shape)
    ('done', 4, 5, (5, 3), (5, 5))
    """

    y: torch.Tensor
    x: torch.Tensor
    sigma_hat: torch.Tensor
    levels: torch.Tensor
    steps: int
    calls: int
    status: str
    stopped_at: torch.Tensor
    diverged: torch.Tensor
    path: torch.Tensor | None = None
    normal_variance: torch.Tensor | None = None


class Run:
    """One run: the loop, and what it records. `stop` is None for a scheduled run."""

    def __init__(
        self,
        evaluator: Evaluator,
        integrator: Integrator,
        steps: Coefficients,
        stop: float | None,
        estimator: Estimator | None,
        noise: Noise,
        own: Stream,
        record: str,
        callback: Callable[[int], None] | None,
    ):
        self.evaluator, self.integrator, self.steps, self.stop = evaluator, integrator, steps, stop
        self.noise, self.own, self.record, self.callback = noise, own, record, callback
        self.space, self.estimator = evaluator.space, estimator
        kind = type(integrator)
        plain = kind.mean is Integrator.mean and kind.advance is Integrator.advance
        self.in_blocks = plain and estimator is None and not self.space.reduced

    def go(self, y: torch.Tensor) -> SampleRun:
        """Run from points y (n, width), which become the run's own."""
        n = len(y)
        x, sigma_hat = torch.full_like(y, torch.nan), torch.full((n,), torch.nan, dtype=y.dtype)
        active, diverged = torch.ones(n, dtype=torch.bool), torch.zeros(n, dtype=torch.bool)
        stopped_at = torch.zeros(n, dtype=torch.int64)
        history: dict[str, list] = {"sigma_hat": [], "path": [], "normal_variance": []}
        i, cap, previous = 0, self.steps.steps, None
        while True:
            rows = _rows(active)
            y = self._churned(y, rows, i, n)
            points = y[rows]
            fy = self.evaluator.at_step(points, i)
            moved, finite = None, None
            if self.in_blocks and i < cap:
                sigma_hat[rows], moved, finite = self._blockwise(points, fy, rows, i, n)
            else:
                sigma_hat[rows] = self._seen(points, fy)
            lost = active & ~torch.isfinite(sigma_hat)
            if self.estimator is not None:
                lost[rows] |= ~_finite(fy)
            x = fy if isinstance(rows, slice) else x.index_copy(0, rows, fy)
            sigma_hat[lost] = torch.nan
            diverged |= lost
            active &= ~lost
            if self.stop is not None:
                active &= ~(sigma_hat <= self.stop)
            self._note(history, y, sigma_hat)
            if i == cap or not bool(active.any()):
                break
            if moved is None or finite is None:
                tools = _Tools(self, points, rows, sigma_hat[rows], i, n, previous)
                moved = self.integrator.advance(points, fy, tools)
                previous = _turned(fy, moved, self.space) if self.integrator.memory else None
                finite = _finite(moved)
                moved = tools.folded(moved)
            still = active[rows]
            if previous is not None and not bool((still & finite).all()):
                previous = previous[still & finite]
            if isinstance(rows, slice) and bool(still.all()):
                y = moved
            else:
                rows, finite = torch.arange(n)[rows][still], finite[still]
                y = y.index_copy(0, rows, moved[still])
            i += 1
            stopped_at[rows] = i
            lost = torch.zeros_like(active)
            lost[rows] = ~finite
            if bool(lost.any()):
                diverged |= lost
                active &= ~lost
                sigma_hat[lost], x = torch.nan, x.masked_fill(lost[:, None], torch.nan)
            if self.callback is not None:
                self.callback(i - 1)
            if not bool(active.any()):
                self._note(history, y, sigma_hat)
                break
        capped = self.stop is not None and bool(active.any())
        return SampleRun(
            y=y,
            x=x.masked_fill(diverged[:, None], torch.nan),  # a copy: f may own what it returned
            sigma_hat=torch.stack(history["sigma_hat"]),
            levels=torch.tensor(self.evaluator.levels[: i + 1], dtype=torch.float64),
            steps=i,
            calls=i * self.integrator.evaluations + 1,
            status="diverged" if bool(diverged.any()) else "step_cap" if capped else "done",
            stopped_at=stopped_at,
            diverged=diverged,
            path=torch.stack(history["path"]) if history["path"] else None,
            normal_variance=torch.stack(history["normal_variance"]) if history["normal_variance"] else None,
        )

    def scale(self, i: int, sigma_hat: torch.Tensor) -> torch.Tensor:
        """Standard deviation of the noise injected in step i: a number, or one per sample."""
        return (
            self.steps.noise_variance[i].sqrt() if self.stop is None else self.steps.noise_ratio[i].sqrt() * sigma_hat
        )

    def _churned(self, y: torch.Tensor, rows: torch.Tensor | slice, i: int, n: int) -> torch.Tensor:
        """Points at the level at which f is called."""
        if self.steps.churn_variance is None or float(self.steps.churn_variance[i]) == 0:
            return y
        draw = self.space.draw(n, self.own.child("step", i, "churn"))
        raised = self.space.perturb(y[rows], self.steps.churn_variance[i].sqrt(), _of(draw, rows))
        return raised if isinstance(rows, slice) else y.index_copy(0, rows, raised)

    def _seen(self, y: torch.Tensor, fy: torch.Tensor) -> torch.Tensor:
        """Estimates (n,) of the noise level; an estimator of the caller's gets memory of its own."""
        if self.estimator is not None:
            return self.estimator(y.clone(), fy.clone())
        return (self.space.sqnorm(fy - y) / self.space.ambient_dim).sqrt()

    def _blockwise(self, y: torch.Tensor, fy: torch.Tensor, rows: torch.Tensor | slice, i: int, n: int):
        """(estimates (n,), points after step i, which rows are finite): fy + c (y - fy) + eta Z, in dense form.

        The same operations in the same order as `Integrator.mean` and `Space.perturb`, on blocks of rows that stay in
        the processor's cache: a third of the time of passes over the whole arrays at n = 1000, d = 1024.
        """
        moved, seen, ends = torch.empty_like(y), torch.empty(len(y), dtype=y.dtype), torch.empty(len(y), dtype=y.dtype)
        c, noisy = self.steps.contraction[i], float(self.steps.noise_variance[i]) > 0
        take = None
        if noisy and isinstance(rows, slice):
            take = self.noise.in_blocks(self.space, i, n)
        elif noisy:
            take = _iterated(self.noise.draw(self.space, i, n).normal[rows].split(_block(y)))
        for at in range(0, len(y), _block(y)):
            part = slice(at, at + _block(y))
            here, clean, out = y[part], fy[part], moved[part]
            gap = here - clean
            seen[part] = ((gap * gap).sum(dim=1) / self.space.ambient_dim).sqrt()
            torch.add(clean, gap.mul_(c), out=out)
            if take is not None:
                out.add_(take(len(here)).mul_(self.scale(i, seen[part]).reshape(-1, 1)))
            ends[part] = out.sum(dim=1)
        return seen, moved, torch.isfinite(ends)

    def _note(self, history: dict[str, list], y: torch.Tensor, sigma_hat: torch.Tensor) -> None:
        history["sigma_hat"].append(sigma_hat.clone())
        if self.record == "path":
            history["path"].append(y.clone())
        if self.record != "none":
            history["normal_variance"].append(self.space.split(y)[1] / max(self.space.normal_dim, 1))


class _Tools:
    """What `Run` hands an integrator for one step (`analysis.samplers.step.Tools`); `rows` of n are still moving."""

    def __init__(self, run: Run, y: torch.Tensor, rows, sigma_hat: torch.Tensor, i: int, n: int, previous):
        self.run, self.rows, self.sigma_hat, self.n = run, rows, sigma_hat, n
        self.i, self.steps, self.space, self.previous = i, run.steps, run.space, previous
        self.evaluate = run.evaluator.at_combination

    def inject(self, moved: torch.Tensor) -> torch.Tensor:
        if float(self.steps.noise_variance[self.i]) == 0:
            return moved
        draw = self.run.noise.draw(self.space, self.i, self.n)
        return self.space.perturb(moved, self.run.scale(self.i, self.sigma_hat), _of(draw, self.rows))

    def draw(self, label: str) -> Draw:
        return _of(self.space.draw(self.n, self.run.own.child("step", self.i, label)), self.rows)

    def uniform(self, label: str) -> torch.Tensor:
        return self.run.own.child("step", self.i, label).uniform(self.n)[self.rows]

    def folded(self, moved: torch.Tensor) -> torch.Tensor:
        """Without noise too, the last coordinate of the reduced form is a norm again."""
        if not self.space.reduced:
            return moved
        return torch.cat([moved[:, :-1], moved[:, -1:].abs()], dim=1)


def _of(draw: Draw, rows: torch.Tensor | slice) -> Draw:
    return Draw(draw.normal[rows], draw.chi2[rows])


def _iterated(blocks: Sequence[torch.Tensor]) -> Callable[[int], torch.Tensor]:
    remaining = iter(blocks)
    return lambda rows: next(remaining)


def _turned(fy: torch.Tensor, moved: torch.Tensor, space: Space) -> torch.Tensor:
    """f(Y), kept for the next step, in the frame of the next point: its normal direction may have turned round."""
    if not space.reduced:
        return fy.clone()
    return torch.cat([fy[:, :-1], torch.where(moved[:, -1:] < 0, -fy[:, -1:], fy[:, -1:])], dim=1)


def _block(y: torch.Tensor) -> int:
    """Rows of a block of 2^15 numbers (256 KiB): three of them fit a second-level cache."""
    return max(1, (1 << 15) // y.shape[1])


def _rows(active: torch.Tensor) -> torch.Tensor | slice:
    """Indices of the active samples; a slice, which copies nothing, while all of them are."""
    return slice(None) if bool(active.all()) else torch.nonzero(active)[:, 0]


def _finite(points: torch.Tensor) -> torch.Tensor:
    """Which rows are finite: a sum is not, if one of its terms is not."""
    return torch.isfinite(points.sum(dim=1))
