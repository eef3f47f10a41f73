"""Where the noise posterior lives: a per-point window found by zooming, and panels of Gauss-Legendre nodes on it.

Used when the Gamma rule does not apply: peaks cut by the prior's ends, few normal coordinates, several peaks.
"""

from __future__ import annotations

import math

import torch

from manifolds.denoisers.likelihood import NoiseLikelihood
from manifolds.special.quadrature import legendre

__all__ = ["PANEL", "equal_count", "equal_nodes", "find_window", "panel_count", "panel_nodes", "peak"]

# a node whose log weight is this far below the largest cannot change the 16th digit of an average
DROP = 40.0
SCAN = 33
MAX_ZOOM = 24
PANEL = 16
MAX_PANELS = 128


def _scan(
    mu: NoiseLikelihood, lo: torch.Tensor, hi: torch.Tensor, points: int = SCAN
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sorted offsets over [lo, hi] (n, 1), with the hinted ones among them, and log mu there."""
    grid = lo + (hi - lo) * torch.linspace(0.0, 1.0, points, dtype=torch.float64, device=lo.device)
    hints = torch.minimum(torch.maximum(mu.hints(), lo), hi)
    t = torch.cat([grid, hints], dim=1).sort(dim=1).values
    return t, mu(t)[0]


def find_window(mu: NoiseLikelihood, drop: float = DROP, enough: int = SCAN) -> tuple[torch.Tensor, torch.Tensor]:
    """Offsets (n, 1), (n, 1) outside which log mu is more than `drop` below its maximum.

    Zooms in, for each point, on the span of the scanned points that matter until it stops shrinking or more than
    `enough` of them are inside. All peaks that the scan or the law's hints see stay inside.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=101, reduced=True)
    >>> mu = NoiseLikelihood(law, *law.statistics(torch.tensor([[1.0, 5.0]], dtype=torch.float64)), -4.0, 4.0, None)
    >>> lo, hi = find_window(mu)
    >>> bool(lo < -0.4 and 0.6 < hi < 2.0)  # of a peak of width .07
    True
    """
    lo, hi = mu.lo - mu.centre, mu.hi - mu.centre
    pending = torch.arange(len(mu), device=lo.device)
    # a point every 1.5 standard deviations of the narrowest peak, where that is not too many
    points = min(max(int((mu.hi - mu.lo) / (1.5 * mu.narrowest())) + 2, 17), SCAN)
    for _ in range(MAX_ZOOM):
        some = mu if len(pending) == len(mu) else mu.rows(pending)
        t, log_mu = _scan(some, lo[pending], hi[pending], points)
        keep = log_mu >= log_mu.max(dim=1, keepdim=True).values - drop
        index = torch.arange(t.shape[1], device=t.device)
        first = torch.where(keep, index, t.shape[1]).min(dim=1).values
        last = torch.where(keep, index, -1).max(dim=1).values
        new_lo = t.gather(1, (first - 1).clamp(min=0)[:, None])
        new_hi = t.gather(1, (last + 1).clamp(max=t.shape[1] - 1)[:, None])
        unsettled = ((new_hi - new_lo) < 0.6 * (hi[pending] - lo[pending]))[:, 0] & (last - first < enough)
        lo[pending], hi[pending] = new_lo, new_hi
        pending = pending[unsettled]
        if not len(pending):
            break
    return lo, hi


def panel_count(mu: NoiseLikelihood, lo: torch.Tensor, hi: torch.Tensor, widths: float = 5.0) -> torch.Tensor:
    """(n,) number of panels (few different ones).

    One a `widths` times the width of the narrowest peak, and two a knot of a tabulated prior, at which its density has
    a kink.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=50, reduced=True)
    >>> mu = NoiseLikelihood(law, *law.statistics(torch.tensor([[1.0, 5.0]], dtype=torch.float64)), -4.0, 4.0, None)
    >>> panel_count(mu, torch.tensor([[-0.5]]), torch.tensor([[0.5]]))  # the narrowest peak has the width .1
    tensor([2])
    """
    need = (hi - lo)[:, 0] / (widths * mu.narrowest())
    if mu.prior is not None and len(mu.prior.knots) > 2:
        knots = mu.prior.knots.to(lo.device)
        inside = torch.searchsorted(knots, mu.centre + hi) - torch.searchsorted(knots, mu.centre + lo)
        need = torch.maximum(need, 2.0 * inside[:, 0])
    count = torch.where(need <= 6.0, torch.ceil(need.clamp(min=1.0)), torch.exp2(torch.ceil(torch.log2(need))))
    return count.clamp(max=MAX_PANELS).to(torch.int64)


def panel_nodes(lo: torch.Tensor, hi: torch.Tensor, panels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Composite Gauss-Legendre offsets (n, panels * PANEL) on [lo, hi], and the log of their weights.

    >>> t, log_w = panel_nodes(torch.zeros(1, 1, dtype=torch.float64), torch.full((1, 1), 2.0, dtype=torch.float64), 3)
    >>> (t**3 * log_w.exp()).sum(dim=1)
    tensor([4.0000], dtype=torch.float64)
    """
    x, w = legendre(PANEL)
    edges = torch.arange(panels, dtype=torch.float64)[:, None] / panels
    unit = (edges + x / panels).reshape(-1).to(lo.device)
    log_w = torch.log(w / panels).repeat(panels).to(lo.device)
    width = hi - lo
    return lo + width * unit, torch.log(width) + log_w


def equal_count(mu: NoiseLikelihood, lo: torch.Tensor, hi: torch.Tensor) -> torch.Tensor:
    """(n,) number of equispaced nodes, a multiple of 8.

    At least one for .8 widths of the narrowest peak, at which spacing the rectangle rule errs by e^-30 on a normal
    density, and by 1e-10 on the skew one of log sigma in 20 dimensions.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=50, reduced=True)
    >>> mu = NoiseLikelihood(law, *law.statistics(torch.tensor([[1.0, 5.0]], dtype=torch.float64)), -4.0, 4.0, None)
    >>> equal_count(mu, torch.tensor([[-0.5]]), torch.tensor([[0.5]]))  # 12.5 for peaks of width .1
    tensor([16])
    """
    need = (hi - lo)[:, 0] / (0.8 * mu.narrowest())
    return (8.0 * torch.ceil(need / 8.0)).clamp(8, MAX_PANELS * PANEL).to(torch.int64)


def equal_nodes(lo: torch.Tensor, hi: torch.Tensor, count: int) -> tuple[torch.Tensor, float]:
    """Offsets (n, count) at the middles of equal parts of [lo, hi], and the log of their weights up to a constant.

    >>> equal_nodes(torch.zeros(1, 1), torch.ones(1, 1), 2)
    (tensor([[0.2500, 0.7500]], dtype=torch.float64), 0.0)
    """
    unit = (torch.arange(count, dtype=torch.float64, device=lo.device) + 0.5) / count
    return lo + (hi - lo) * unit, 0.0


def peak(mu: NoiseLikelihood, iterations: int = 60) -> torch.Tensor:
    """The offset (n, 1) of the highest peak of log mu, to 1e-13: zoom on values, then bisect its slope by secants.

    Where the maximum is at an end of the range, that end.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=101, reduced=True, scale=1e9)
    >>> mu = NoiseLikelihood(law, *law.statistics(torch.tensor([[1.0, 5.0]], dtype=torch.float64)), -4.0, 4.0, None)
    >>> mu.sigma(peak(mu))  # rho/sqrt(d - m)
    tensor([[0.5000]], dtype=torch.float64)
    """
    lo, hi = mu.lo - mu.centre, mu.hi - mu.centre
    for _ in range(6):
        t, log_mu = _scan(mu, lo, hi)
        best = log_mu.argmax(dim=1)
        lo = t.gather(1, (best - 2).clamp(min=0)[:, None])
        hi = t.gather(1, (best + 2).clamp(max=t.shape[1] - 1)[:, None])
        # a bracket of the slope's sign change is all that is needed from the values
        if bool(((hi - lo) < 0.5 * mu.narrowest()).all()):
            break
    slope_lo, slope_hi = mu.slope(lo), mu.slope(hi)
    at_lo, at_hi = slope_lo <= 0, slope_hi >= 0
    a, b, fa, fb = lo.clone(), hi.clone(), slope_lo, slope_hi
    side = torch.zeros_like(a)
    for _ in range(iterations):
        # Illinois: false position, with the value kept at a stale end halved
        t = torch.where(
            fa == fb, 0.5 * (a + b), (a * fb - b * fa) / torch.where(fa == fb, torch.ones_like(fa), fb - fa)
        )
        t = torch.minimum(torch.maximum(t, a), b)
        f = mu.slope(t)
        left = f > 0
        fb = torch.where(left & (side > 0), 0.5 * fb, fb)
        fa = torch.where(~left & (side < 0), 0.5 * fa, fa)
        a, fa = torch.where(left, t, a), torch.where(left, f, fa)
        b, fb = torch.where(left, b, t), torch.where(left, fb, f)
        side = torch.where(left, torch.ones_like(side), -torch.ones_like(side))
        done = at_lo | at_hi | (b - a < 1e-14 * (1 + a.abs())) | (f == 0)
        if bool(done.all()) or math.isclose(float((b - a).max()), 0.0, abs_tol=1e-16):
            break
    return torch.where(at_lo, lo, torch.where(at_hi, hi, t))
