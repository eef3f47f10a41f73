"""The true noise level along a run: what an estimator reads, and what coefficients and a denoiser's error make of it.

The posterior mean f satisfies E<f - x, g(y)> = 0 for every function g, so that for any denoiser

    tau(sigma) = E<f(y) - x, y - f(y)> / (d sigma^2),    y = x + sigma z,

is 0 if it is optimal, and is the part of its error along the residual if it is not. In Y+ = f + c (Y - f) + eta Z an
error e of f moves |Y+ - x|^2 by 2 c (1 - c) <e, Y - f> to first order (e is orthogonal to the rest in the mean), hence

    v+ = c^2 v + eta^2 + 2 c (1 - c) tau(sigma) sigma^2                                             [derived here].

VE-DDPM forgets (constant tau: log(true/scheduled) -> tau), DDIM adds up (-> the sum of tau dlog sigma).
"""

from __future__ import annotations

import math

import numpy as np
import torch

from analysis.images.data import Images
from analysis.images.quality import difference, left_out
from analysis.images.runs import Setting
from analysis.learning import LevelReader
from analysis.learning.risk import DenoiserLike, call
from analysis.samplers import SampleRun
from analysis.training.fit import Row, row
from manifolds.streams import Stream

__all__ = ["compared", "radial_error", "radial_rows", "reading_rows", "recursion"]

BELOW, ABOVE = 0.9, 1.04  # planted levels over the scheduled one: what readings of a known shift look like


def recursion(schedule_levels: np.ndarray, c: np.ndarray, noise: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """log(true/scheduled level) after 0, 1, .. steps, from levels (N+1,), c, eta^2 and tau (N,).

    NaN where an error is so large that the first order makes a variance negative: it says nothing there.

    >>> recursion(np.array([2.0, 1.0]), np.array([0.5]), np.array([0.0]), np.array([0.0])).tolist()
    [0.0, 0.0]
    """
    variance = [schedule_levels[0] ** 2]
    for sigma, contraction, injected, radial in zip(schedule_levels[:-1], c, noise, tau, strict=True):
        moved = 2.0 * contraction * (1.0 - contraction) * radial * sigma**2
        variance.append(contraction**2 * variance[-1] + injected + moved)
    known = np.asarray(variance)
    return 0.5 * np.log(np.where(known > 0.0, known, np.nan)) - np.log(schedule_levels)


def radial_error(x: torch.Tensor, y: torch.Tensor, fy: torch.Tensor, sigma: float) -> torch.Tensor:
    """<f(y) - x, y - f(y)>/(d sigma^2) of points (n, d): its mean is tau.

    >>> x, y = torch.zeros(1, 4), torch.full((1, 4), 2.0)
    >>> radial_error(x, y, 0.25 * y, sigma=2.0).tolist()  # f = y/4: (1/4) (3/4)
    [0.1875]
    """
    return ((fy - x) * (y - fy)).mean(dim=1) / sigma**2


def reading_rows(reader: LevelReader, setting: Setting, run: SampleRun, draws: Stream) -> list[Row]:
    """What the estimator reads along a recorded run, and what the coefficients alone say; a row a level.

    shift    mean of log(level of Y_i read/level read of the run's output with noise of the scheduled level), image by
             image: an image that a network has drawn need not be read like one that was photographed
    reading  mean of log(level of Y_i read/scheduled), by an estimator whose bias was measured on held-out images
    """
    assert run.path is not None
    steps = setting.method.coefficients(setting.schedule)
    levels, c, noise = (v.numpy() for v in (steps.levels, steps.contraction, steps.noise_variance))
    alone = recursion(levels, c, noise, np.zeros(len(c)))
    rows = []
    for y, sigma, shift in zip(run.path, levels.tolist(), alone.tolist(), strict=True):
        known = run.x + sigma * draws.child("own", sigma).normal(*run.x.shape)
        rows.append(row("shift", *compared(reader, y, known), sigma, setting.name))
        rows.append(row("reading", *reader.shift(y, sigma), sigma, setting.name))
        rows.append(row("coefficients", shift, 0.0, sigma, setting.name))
    return rows


def compared(reader: LevelReader, y: torch.Tensor, other: torch.Tensor) -> tuple[float, float]:
    """Mean of log(level of y read/level of other read), row by row, and its standard error."""
    log = torch.log(reader(y) / reader(other))
    return float(log.mean()), float(log.std()) / math.sqrt(len(log))


def radial_rows(
    f: DenoiserLike, images: Images, settings: list[Setting], reader: LevelReader, draws: Stream
) -> list[Row]:
    """tau at the levels of the grid that all settings share, what the formula then says, and readings of known levels.

    tau is measured on held-out images, its error by leaving out blocks of them; the reader is tried on the same images
    with noise of the level, 10 % below it and 4 % above.
    """
    if not settings:
        return []
    held, rows = images.held, []
    levels = settings[0].schedule.sigma.numpy()
    radial = []
    for sigma in levels[:-1].tolist():
        y = held + sigma * draws.child("radial", sigma).normal(*held.shape)
        fy = call(f, y, sigma)
        radial.append(radial_error(held, y, fy, sigma))
    each = torch.stack(radial, dim=1)  # (images, levels)
    parts = [part.mean(dim=0).numpy() for part in left_out(each)]
    for i, sigma in enumerate(levels[:-1].tolist()):
        rows.append(row("tau", *difference(float(each[:, i].mean()), [part[i] for part in parts]), sigma))
    for setting in settings:
        steps = setting.method.coefficients(setting.schedule)
        grid, c, noise = (v.numpy() for v in (steps.levels, steps.contraction, steps.noise_variance))
        whole = recursion(grid, c, noise, each.mean(dim=0).numpy())
        without = [recursion(grid, c, noise, part) for part in parts]
        for i, sigma in enumerate(grid.tolist()):
            rows.append(row("formula", *difference(whole[i], [w[i] for w in without]), sigma, setting.name))
    for sigma in levels.tolist():
        z, other = (draws.child("known", sigma, half).normal(*held.shape) for half in range(2))
        for name, factor in (("known", 1.0), ("known below", BELOW), ("known above", ABOVE)):
            rows.append(row(name, *compared(reader, held + factor * sigma * z, held + sigma * other), sigma))
    return rows
