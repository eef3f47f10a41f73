"""The loop of a run, with everything that is not the step itself: calling the denoiser, stopping, what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from analysis.samplers.step import Coefficients, Integrator
from manifolds.denoisers import as_denoiser
from manifolds.space import Draw, Space

__all__ = ["Estimator", "Evaluator", "Noise", "Run", "SampleRun"]

Estimator = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # (y, f(y)) -> noise standard deviations (n,)


class Noise(Protocol):
    """A source of injected noise."""

    def draw(self, space: Space, i: int, n: int) -> Draw: ...


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


class Evaluator:
    """f along a run: tells a conditional denoiser the level of the step, checks shapes, splits large batches.

    Args:
        f: denoiser, or any function f(y) or f(y, sigma); clean estimate with the shape of y.
        space: where the points live.
        levels (N+1,): levels told to a conditional denoiser.
        chunk: largest number of points per call, or None.
        device: torch device on which f is called, or None for that of the points.
    """

    def __init__(self, f: Callable, space: Space, levels: torch.Tensor, chunk: int | None, device: str | None):
        self.f = as_denoiser(f, space)
        self.space, self.levels, self.chunk, self.device = space, levels.tolist(), chunk, device

    @torch.no_grad()
    def __call__(self, y: torch.Tensor, i: int) -> torch.Tensor:
        """f at points y (n, width) of level index i; ValueError if it returns another shape."""
        if not self.chunk or len(y) <= self.chunk:
            return self._call(y, i)
        return torch.cat([self._call(part, i) for part in y.split(self.chunk)])

    def at_combination(self, v: torch.Tensor, i: int) -> torch.Tensor:
        """f at a combination v of a point and its denoised value, expressed in that point's own frame.

        In reduced form v's last entry is a signed component along the point's unit normal; f is called at its absolute
        value, and the component of the answer carries the sign.
        """
        if not self.space.reduced:
            return self(v, i)
        sign = torch.where(v[:, -1:] < 0, -1.0, 1.0)
        out = self(torch.cat([v[:, :-1], v[:, -1:] * sign], dim=1), i)
        return torch.cat([out[:, :-1], out[:, -1:] * sign], dim=1)

    def _call(self, y: torch.Tensor, i: int) -> torch.Tensor:
        point = y if self.device is None else y.to(self.device)
        out = self.f(point) if self.f.blind else self.f(point, self.levels[i])
        if not isinstance(out, torch.Tensor) or out.shape != y.shape:
            shape = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
            raise ValueError(f"denoiser must return a tensor with the shape of y, {tuple(y.shape)}, got {shape}")
        return out.to(device=y.device, dtype=y.dtype)


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
        record: str,
        callback: Callable[[int], None] | None,
    ):
        self.evaluator, self.integrator, self.steps, self.stop = evaluator, integrator, steps, stop
        self.noise, self.record, self.callback = noise, record, callback
        self.space = evaluator.space
        self.estimator = self._residual if estimator is None else estimator

    def _residual(self, y: torch.Tensor, fy: torch.Tensor) -> torch.Tensor:
        return (self.space.sqnorm(fy - y) / self.space.ambient_dim).sqrt()

    def go(self, y: torch.Tensor) -> SampleRun:
        n = len(y)
        fy, sigma_hat = torch.full_like(y, torch.nan), torch.full((n,), torch.nan, dtype=y.dtype)
        active, diverged = torch.ones(n, dtype=torch.bool), torch.zeros(n, dtype=torch.bool)
        stopped_at = torch.zeros(n, dtype=torch.int64)
        history: dict[str, list] = {"sigma_hat": [], "path": [], "normal_variance": []}
        step, cap = 0, self.steps.steps
        while True:
            rows = _rows(active)
            fy[rows] = self.evaluator(y[rows], step)
            sigma_hat[rows] = self.estimator(y[rows], fy[rows])
            lost = active & ~(torch.isfinite(sigma_hat) & _finite(fy))
            sigma_hat[lost] = torch.nan
            diverged |= lost
            active &= ~lost
            if self.stop is not None:
                active &= ~(sigma_hat <= self.stop)
            self._note(history, y, sigma_hat)
            if step == cap or not bool(active.any()):
                break
            rows = _rows(active)
            y[rows] = self._advance(y[rows], fy[rows], sigma_hat[rows], rows, step, n)
            lost = active & ~_finite(y)
            diverged |= lost
            active &= ~lost
            sigma_hat[lost], fy[lost] = torch.nan, torch.nan
            step += 1
            stopped_at[rows] = step
            if self.callback is not None:
                self.callback(step - 1)
            if not bool(active.any()):
                self._note(history, y, sigma_hat)
                break
        fy[diverged] = torch.nan
        capped = self.stop is not None and bool(active.any())
        return SampleRun(
            y=y,
            x=fy,
            sigma_hat=torch.stack(history["sigma_hat"]),
            levels=torch.tensor(self.evaluator.levels[: step + 1], dtype=torch.float64),
            steps=step,
            calls=step * self.integrator.evaluations + 1,
            status="diverged" if bool(diverged.any()) else "step_cap" if capped else "done",
            stopped_at=stopped_at,
            diverged=diverged,
            path=torch.stack(history["path"]) if history["path"] else None,
            normal_variance=torch.stack(history["normal_variance"]) if history["normal_variance"] else None,
        )

    def _advance(self, y, fy, sigma_hat, rows, i, n):
        """Points after step i; `rows` of n are those still moving."""
        moved = self.integrator.mean(y, fy, i, self.steps, self.evaluator.at_combination)
        scale = self.steps.noise_variance[i].sqrt()
        if self.stop is not None:
            scale = self.steps.noise_ratio[i].sqrt() * sigma_hat
        if float(self.steps.noise_variance[i]) > 0:
            draw = self.noise.draw(self.space, i, n)
            return self.space.perturb(moved, scale, draw[rows])
        if self.space.reduced:
            moved[:, -1] = moved[:, -1].abs()  # without noise too, the last coordinate is a norm again
        return moved

    def _note(self, history, y, sigma_hat):
        history["sigma_hat"].append(sigma_hat.clone())
        if self.record == "path":
            history["path"].append(y.clone())
        if self.record != "none":
            history["normal_variance"].append(self.space.split(y)[1] / max(self.space.normal_dim, 1))


def _rows(active: torch.Tensor) -> torch.Tensor | slice:
    """Indices of the active samples; a slice, which copies nothing, while all of them are."""
    return slice(None) if bool(active.all()) else torch.nonzero(active)[:, 0]


def _finite(points: torch.Tensor) -> torch.Tensor:
    """Which rows are finite: a sum is not, if one of its terms is not."""
    return torch.isfinite(points.sum(dim=1))
