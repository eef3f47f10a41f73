"""Isotropic Gaussians of several scales in all of R^d: laws that depend on |y| alone, where a noise level hides in the
data.

sum_j w_j N(0, s_j^2 I_d), s_j >= 0 (zero is an atom at the origin). No coordinate is free of data, so the noise level
is read off |y| alone: with one scale it cannot be identified (the control `full_gaussian`, k = d), and with scales 0
and sqrt(k/d) the relative error of its square is of order k^2/d^2 (`two_scale`), the worst that arXiv 2602.09639,
Proposition 3.8 allows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from manifolds.checks import positive_int, positive_number, probabilities
from manifolds.core import Core, Posterior
from manifolds.shapes import Bounds, CorePoints, Levels, RadiusStatistics, Rows
from manifolds.special.quadrature import legendre
from manifolds.streams import Stream

__all__ = ["ScaleMixture", "full_gaussian", "scale_mixture", "two_scale"]


class ScaleMixture(Core[RadiusStatistics]):
    """sum_j w_j N(0, s_j^2 I_d); core dimension 0, all d coordinates are "normal".

    Args:
        ambient: d.
        scales: standard deviations s_j >= 0.
        weights: probabilities w_j; None is uniform.
        intrinsic_dim: the k that the law is counted with; None is d (0 if all scales are 0).
        name: the registry's name.

    Raises:
        ValueError: a scale is negative or not finite, or weights that do not sum to one.

    >>> ScaleMixture(10, (0.0, 2.0), (0.5, 0.5)).second_moment
    20.0
    """

    absorbs_normal = True
    needs_normal = False
    core_dim = 0

    def __init__(
        self,
        ambient: int,
        scales: Sequence[float],
        weights: Sequence[float] | None = None,
        intrinsic_dim: int | None = None,
        name: str = "scale_mixture",
    ):
        self.ambient = positive_int(ambient, "ambient")
        count = positive_int(len(scales), "scales")
        self.scales = torch.as_tensor(scales, dtype=torch.float64)
        if not bool((torch.isfinite(self.scales) & (self.scales >= 0)).all()):
            raise ValueError(f"scales must be finite and >= 0, got {list(scales)}")
        self.weights = probabilities([1.0 / count] * count if weights is None else weights, "weights", count)
        atom = not bool((self.scales > 0).any())
        self.radius = 0.0 if atom else math.inf
        self.intrinsic_dim = (0 if atom else self.ambient) if intrinsic_dim is None else intrinsic_dim
        self.name = name

    def sample(self, n: int, stream: Stream) -> CorePoints:
        """Norms (n, 1); the law draws the directions."""
        index = stream.child("scale").categorical(self.weights, n)
        return (self.scales[index] * stream.child("chi2").chi2(self.ambient, n).sqrt())[:, None]

    def statistics(self, u: CorePoints) -> RadiusStatistics:
        return RadiusStatistics(u[:, 0])

    def posterior(self, stats: RadiusStatistics, sigma: Levels, order: int) -> Posterior:
        """Component j: mean c_j y, covariance v_j I with c_j = s_j^2/(s_j^2+sigma^2), v_j = c_j sigma^2; scales last,
        (n, q, J).

        log densities are taken relative to that of the level t0^2 = |y|^2/d, at which they are of size d
        (the offset): what remains is -(d/2) (delta - log(1+delta)), delta = t0^2/(s_j^2+sigma^2) - 1.
        """
        d = self.ambient
        post, share, keep = self._shares(stats, sigma)
        if order == 0:
            return post
        rho2, sigma2 = (stats.rho**2)[:, None, None], (sigma * sigma)[..., None]
        total = self.scales.to(rho2.device) ** 2 + sigma2
        lose = sigma2 / total
        mean = (share * keep).sum(dim=-1, keepdim=True)
        post.coef = mean
        if order >= 2:
            variance = keep * sigma2
            post.sqdist = (share * (d * variance + lose**2 * rho2)).sum(dim=-1)
            post.trace = (share * (d * variance + (keep - mean) ** 2 * rho2)).sum(dim=-1)
        if order >= 3:
            # E_j|X-y|^2 = d sigma^2 (1 + tilt_j): differences between scales keep their digits
            tilt = lose * ((rho2 / d - total) / total)
            excess = d * sigma2 * (tilt - (share * tilt).sum(dim=-1, keepdim=True))
            post.third = (share * (excess * keep - 2.0 * variance * lose)).sum(dim=-1, keepdim=True)
        if order >= 4:
            within = 2.0 * d * variance**2 + 4.0 * variance * lose**2 * rho2
            post.var_sqdist = (share * (within + excess**2)).sum(dim=-1)
        return post

    def _shares(self, stats: RadiusStatistics, sigma: Levels) -> tuple[Posterior, torch.Tensor, torch.Tensor]:
        """(the posterior of order 0; responsibilities (n, q, J); c_j)."""
        d = self.ambient
        rho2 = (stats.rho**2)[:, None, None]
        sigma2 = (sigma * sigma)[..., None]
        s2 = self.scales.to(rho2.device) ** 2
        total = s2 + sigma2
        known = rho2 > 0
        level = torch.where(known, rho2 / d, torch.ones_like(rho2))
        delta = (level - total) / total
        log_ratio = torch.where(delta > -0.5, torch.log1p(delta), torch.log(level / total))  # both keep their digits
        log_each = -0.5 * d * (torch.where(known, delta, torch.zeros_like(delta)) - log_ratio)
        log_weights = torch.log(self.weights.to(rho2.device))
        log_each = log_each + log_weights
        log_p = torch.logsumexp(log_each, dim=-1)
        post = Posterior(
            log_p=log_p, offset=-0.5 * d * (torch.log(2.0 * math.pi * level) + known.to(level.dtype))[..., 0]
        )
        share = torch.exp(log_each - log_p[..., None])
        far = delta.amin(dim=-1) > 1.0
        if bool(far.any()):
            # far beyond all scales log densities are large and alike: from the largest scale's, in differences
            total, excess = total.expand_as(delta)[far], s2.max() - s2
            widest = total.amax(dim=-1, keepdim=True)
            ratio = level.expand_as(delta)[far] / widest
            share[far] = torch.softmax(
                log_weights - 0.5 * d * (ratio * excess / total - torch.log1p(excess / total)), -1
            )
        return post, share, s2 / (s2 + sigma2)

    def across_and_along(self, stats: RadiusStatistics, sigma: torch.Tensor) -> tuple[Rows, Rows]:
        _, share, keep = self._shares(stats, sigma)
        mean = (share * keep).sum(dim=-1, keepdim=True)
        within = (share * keep).sum(dim=-1) * sigma * sigma
        between = (share * (keep - mean) ** 2).sum(dim=-1) * (stats.rho**2)[:, None]
        return within[:, 0], (within + between)[:, 0]

    def covariance(self, stats: RadiusStatistics, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        return self.across_and_along(stats, sigma)[1][:, None] * v

    def assemble(self, stats: RadiusStatistics, coef: torch.Tensor) -> CorePoints:
        return coef * stats.rho[:, None]

    def project(self, u: CorePoints) -> CorePoints:
        """The support is R^d, or the origin alone."""
        return u if self.radius > 0 else torch.zeros_like(u)

    @property
    def second_moment(self) -> float:
        return self.ambient * float((self.weights * self.scales**2).sum())

    def log_covering_number(self, eps: float) -> Bounds:
        return (math.inf, math.inf) if self.radius > 0 else (0.0, 0.0)

    def mmse(self, sigma: torch.Tensor) -> torch.Tensor:
        """By quadrature over |y| in each component, a chi variable times its scale: 10 standard deviations hold all."""
        sigma = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1)
        d = self.ambient
        x, w = legendre(256)
        mode = math.sqrt(d)
        low = max(mode - 10.0, 0.0)
        chi = low + (mode + 10.0 - low) * x
        # log of the chi density relative to its value at sqrt(d): no terms of size d
        density = torch.softmax(
            (d - 1) * torch.log1p((chi - mode) / mode) - 0.5 * (chi - mode) * (chi + mode) + torch.log(w), 0
        )
        curve = []
        for level in sigma.tolist():
            spread = torch.sqrt(self.scales**2 + level**2)
            stats = RadiusStatistics((spread[:, None] * chi).reshape(-1))
            trace = self.posterior(stats, torch.tensor([[level]], dtype=torch.float64), 2).trace.reshape(
                len(self.scales), -1
            )
            curve.append((self.weights * (trace @ density)).sum())
        return torch.stack(curve)

    def level_hints(self, stats: RadiusStatistics, rho2: Rows, normal_dim: int) -> torch.Tensor:
        """|y|^2/d - s_j^2, one for each scale."""
        return (rho2[:, None] / self.ambient - self.scales.to(rho2.device) ** 2).clamp(min=1e-300)


def scale_mixture(
    dim: int, ambient: int, scales: Sequence[float] = (0.5, 2.0), weights: Sequence[float] | None = None
) -> ScaleMixture:
    """sum_j w_j N(0, s_j^2 I_d); dim must equal ambient, the dimension of the support.

    >>> scale_mixture(5, ambient=5).scales
    tensor([0.5000, 2.0000], dtype=torch.float64)
    """
    return ScaleMixture(_whole_space(dim, ambient, "scale_mixture"), scales, weights)


def full_gaussian(dim: int, ambient: int, scale: float = 1.0) -> ScaleMixture:
    """N(0, s^2 I_d), k = d: no direction is free of data and the noise level is not identifiable (negative control).

    >>> full_gaussian(4, ambient=4).mmse(torch.tensor([1.0])).round(decimals=9)
    tensor([2.], dtype=torch.float64)
    """
    return ScaleMixture(
        _whole_space(dim, ambient, "full_gaussian"), (positive_number(scale, "scale"),), name="full_gaussian"
    )


def two_scale(dim: int, ambient: int, level: float = 1.0, weight: float = 0.5) -> ScaleMixture:
    """w N(0, (k level^2/d) I_d) + (1 - w) delta_0: at noise `level` it is as hard as k free dimensions allow (derived
    here).

    Args:
        dim: k: the data shift |y|^2 by k units of level^2, as k dimensions at that level do; the support is R^d.
        ambient: d.
        level: the noise standard deviation at which it is worst.
        weight: w, between 0 and 1.

    >>> two_scale(9, ambient=900).scales
    tensor([0.0000, 0.1000], dtype=torch.float64)
    """
    dim, ambient = positive_int(dim, "dim"), positive_int(ambient, "ambient")
    level = positive_number(level, "level")
    if not 0.0 < weight < 1.0:
        raise ValueError(f"weight must lie between 0 and 1, got {weight!r}")
    return ScaleMixture(ambient, (0.0, level * math.sqrt(dim / ambient)), (1.0 - weight, weight), dim, "two_scale")


def _whole_space(dim: int, ambient: int, name: str) -> int:
    dim, ambient = positive_int(dim, "dim"), positive_int(ambient, "ambient")
    if dim != ambient:
        raise ValueError(f"dim must equal ambient ({ambient}) for {name}, which fills its space; got {dim}")
    return ambient
