"""A ball's noisy density and mean at noise levels close to one where they are known, without a radial integral.

Let p = P(|u + sigma Z| <= R)/V be the density of u = X + sigma Z, X uniform on the k-ball of volume V, and q the same with
two more degrees of freedom, so that E[X | u] = (q/p) u. By the heat equation, their slopes in log sigma are fluxes
through the border, that is Bessel functions of kappa = R |u|/sigma^2: with S the noisy density of the uniform law on the
border, r = I_{k/2}(kappa)/I_{k/2-1}(kappa) and w = r/kappa,

    dp / d log sigma = -k S (1 - |u| r/R),        dq / d log sigma = -k S (R^2 w/sigma^2 - 1 + k w).
"""

from __future__ import annotations

import torch

from manifolds.laws.sphere import sphere_posterior
from manifolds.special.quadrature import legendre

__all__ = ["close_levels", "nearby_levels"]

_NODES = 4  # between neighbours; relative to p the error is below 1e-10, largest where S is small but changes by a large factor
_MOST_CHANGE = 0.35
_MOST_GAP = (
    0.5  # (k + 2) times the gap in log sigma, by which q falls far outside the ball: beyond, few rows can be trusted
)
_MOST_RANGE = (
    100.0  # of p, and of q, within a row: sums from the known level lose digits where it is the largest by far
)
_MOST_NOISE = 30.0  # sigma/R beyond which the slope of q, of size k R^2/sigma^2, is a difference of larger terms


def close_levels(core_dim: int, radius: float, sigma: torch.Tensor) -> torch.Tensor:
    """Which rows (n,) of levels (n, q) are worth a try."""
    if sigma.shape[1] < 2:
        return torch.zeros(len(sigma), dtype=torch.bool, device=sigma.device)
    gap = (sigma[:, 1:] / sigma[:, :-1]).log_().abs_().amax(dim=1)
    return (gap * (core_dim + 2) <= _MOST_GAP) & (sigma.amax(dim=1) <= _MOST_NOISE * radius)


def nearby_levels(
    core_dim: int,
    radius: float,
    norm: torch.Tensor,
    sigma: torch.Tensor,
    at: int,
    log_p: torch.Tensor,
    coef: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(log p (n, q), q/p (n, q), which rows (n,) can be trusted) from log p (n,) and q/p (n,) in column `at` of sigma (n, q)."""
    x, weight = legendre(_NODES)
    step = (sigma[:, 1:] / sigma[:, :-1]).log_()[..., None]
    level = sigma[:, :-1, None] * torch.exp(step * x)
    norm = norm[:, None, None]
    border = sphere_posterior(core_dim, radius, norm, level, 1)
    flux = torch.exp(border.log_p - log_p[:, None, None]).mul_(step * (-core_dim * weight))
    change = torch.stack(
        [
            (flux * (1.0 - border.coef * (norm / radius) ** 2)).sum(dim=2),
            (flux * (border.coef * (1.0 + core_dim * (level / radius) ** 2) - 1.0)).sum(dim=2),
        ]
    )
    total = torch.nn.functional.pad(change.cumsum(dim=2), (1, 0))
    total = total - total[:, :, at : at + 1] + torch.stack([torch.ones_like(coef), coef])[:, :, None]
    least = torch.minimum(total[..., 1:], total[..., :-1])
    gradual = (change.abs() <= _MOST_CHANGE * least).all(dim=2)
    trusted = (gradual & (total.amax(dim=2) <= _MOST_RANGE * total.amin(dim=2))).all(dim=0)
    p, q = total
    return log_p[:, None] + torch.log(p), q / p, trusted
