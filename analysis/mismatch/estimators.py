"""Estimates of the noise level from one evaluation of a denoiser, and their correction for what the denoiser removes of it.

The residual |f(y) - y|^2 / d is sigma^2 (1 - k_eff/d) on average, k_eff = mmse/sigma^2: the part of the noise that lies along
the data is taken for signal. Tweedie's formula gives div f_sigma(y) = tr Cov[X|y] / sigma^2, so that

    |f(y) - y|^2 / (d - div f(y))

has no such bias, with the divergence from the law (`trace`) or, for any black box, from one more evaluation (`probe`:
Hutchinson's estimate z'(f(y + eps z) - f(y))/eps, as in SURE). Derived here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from manifolds.law import Law
from manifolds.space import Space
from manifolds.streams import Stream

__all__ = ["divergence_probe", "probe_estimate", "residual_estimate", "trace_estimate"]

LEAST_SHARE = 0.05  # smallest share of the d directions that is left to noise, so that no estimate explodes
PROBE_STEP = 1e-3  # finite-difference step over the residual estimate of sigma


def residual_estimate(space: Space) -> Callable:
    """estimate(y, f(y)) -> sqrt(|f(y) - y|^2 / d), (n,): what the samplers use."""
    return lambda y, fy: (space.sqnorm(fy - y) / space.ambient_dim).sqrt()


def trace_estimate(law: Law) -> Callable:
    """The same, corrected by the law's own posterior trace at the residual level."""
    plain = residual_estimate(law.space)

    def estimate(y: torch.Tensor, fy: torch.Tensor) -> torch.Tensor:
        level = plain(y, fy)
        return _corrected(law.space, y, fy, law.posterior_trace(y, level) / level**2)

    return estimate


def probe_estimate(f: Callable, space: Space, stream: Stream) -> Callable:
    """The same, corrected by one Hutchinson probe of a black-box f(y); costs one more evaluation a step."""
    plain = residual_estimate(space)

    def estimate(y: torch.Tensor, fy: torch.Tensor) -> torch.Tensor:
        step = PROBE_STEP * plain(y, fy)[:, None]
        return _corrected(space, y, fy, divergence_probe(f, space, y, fy, step, stream.spawn("probe")))

    return estimate


def divergence_probe(
    f: Callable, space: Space, y: torch.Tensor, fy: torch.Tensor, step: torch.Tensor, stream: Stream
) -> torch.Tensor:
    """Unbiased estimate (n,) of div f(y) from f(y + step z), z of random signs.

    In reduced coordinates the signs are those of the core: exact denoisers have no component in the normal directions.
    """
    width = space.core_dim if space.reduced else space.width
    signs = torch.where(stream.uniform(len(y), width) < 0.5, -1.0, 1.0).to(y.dtype)
    z = torch.cat([signs, torch.zeros(len(y), space.width - width, dtype=y.dtype)], dim=1)
    return (z * (f(y + step * z) - fy)).sum(dim=1) / step[:, 0]


def _corrected(space: Space, y: torch.Tensor, fy: torch.Tensor, divergence: torch.Tensor) -> torch.Tensor:
    left = (space.ambient_dim - divergence).clamp(min=LEAST_SHARE * space.ambient_dim)
    return (space.sqnorm(fy - y) / left).sqrt()
