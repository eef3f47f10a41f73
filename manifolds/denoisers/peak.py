"""The highest peak of the noise level's likelihood or posterior, wherever it is in the range."""

from __future__ import annotations

import math

import torch

from manifolds.denoisers.likelihood import NoiseLikelihood

__all__ = ["peak"]

_SCAN = 33


def peak(mu: NoiseLikelihood) -> torch.Tensor:
    """The offset (n, 1) of the highest peak of log mu, to 1e-13; where it is at an end of the range, that end.

    Zoom on values, with the law's hints among them, then false position on the slope.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=101, reduced=True, scale=1e9)
    >>> y = torch.tensor([[1.0, 5.0]], dtype=torch.float64)
    >>> mu = NoiseLikelihood(law, *law.statistics(y), (-4.0, 4.0), None)
    >>> mu.sigma(peak(mu))  # rho/sqrt(d - m)
    tensor([[0.5000]], dtype=torch.float64)
    """
    lo, hi = mu.lo, mu.hi
    grid = torch.linspace(0.0, 1.0, _SCAN, dtype=torch.float64, device=lo.device)
    guess = mu.law.core.level_hints(mu.stats, mu.rho2, mu.law.space.normal_dim)
    hints = 0.5 * torch.log(guess.clamp(min=1e-300)) - mu.centre
    narrowest = 1.0 / math.sqrt(2.0 * mu.law.ambient_dim)
    for _ in range(6):
        t = torch.cat([lo + (hi - lo) * grid, torch.minimum(torch.maximum(hints, lo), hi)], dim=1).sort(dim=1).values
        best = mu.known(t).add_(mu.core(t, 0).log_p).argmax(dim=1)
        highest, step = t.gather(1, best[:, None]), (hi - lo) / (_SCAN - 1)
        below = t.gather(1, (best - 2).clamp(min=0)[:, None])
        above = t.gather(1, (best + 2).clamp(max=t.shape[1] - 1)[:, None])
        # hints may coincide, those beyond an end do at that end: neighbours are at least a step of the grid away
        lo = torch.minimum(below, torch.maximum(highest - step, lo))
        hi = torch.maximum(above, torch.minimum(highest + step, hi))
        if bool(((hi - lo) < 0.5 * narrowest).all()):
            break
    return _root(mu, lo, hi)


def _root(mu: NoiseLikelihood, a: torch.Tensor, b: torch.Tensor, iterations: int = 60) -> torch.Tensor:
    """Where the slope of log mu falls through zero in [a, b], (n, 1): false position, a stale end's value halved
    (Illinois)."""

    def slope(t: torch.Tensor) -> torch.Tensor:
        own = mu.slope(t)
        return own if mu.prior is None else own + mu.prior.slope(mu.centre + t)

    lo, hi = a, b
    fa, fb = slope(a), slope(b)
    at_lo, at_hi = fa <= 0, fb >= 0
    side = torch.zeros_like(a)
    for _ in range(iterations):
        flat = fa == fb
        t = torch.where(flat, 0.5 * (a + b), (a * fb - b * fa) / torch.where(flat, 1.0, fb - fa))
        t = torch.minimum(torch.maximum(t, a), b)
        f = slope(t)
        left = f > 0
        fb = torch.where(left & (side > 0), 0.5 * fb, fb)
        fa = torch.where(~left & (side < 0), 0.5 * fa, fa)
        a, fa = torch.where(left, t, a), torch.where(left, f, fa)
        b, fb = torch.where(left, b, t), torch.where(left, fb, f)
        side = torch.where(left, 1.0, -1.0).to(torch.float64)
        if bool((at_lo | at_hi | (b - a < 1e-14 * (1 + a.abs())) | (f == 0)).all()):
            break
    return torch.where(at_lo, lo, torch.where(at_hi, hi, t))
