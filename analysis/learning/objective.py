"""What training minimises, stated exactly.

For a prior Theta and levels drawn from a proposal q, the loss of a batch is

    mean_i  (Theta/q)(sigma_i) |f(x_i + sigma_i z_i) - x_i|^2 / scale,

an unbiased estimate of the risk under Theta whatever q is. A weight that depends on sigma changes the optimum of a
BLIND denoiser (it is the posterior average under the prior weight * q), so the only weight there is, is Theta/q: the
optimum is always the blind denoiser of Theta (arXiv 2602.09639, Prop 3.1). A different emphasis is a different prior,
see `balanced_prior`. `scale` is a constant that makes the loss of order k. An estimator of the noise level minimises
mean_i (Theta/q)(sigma_i) (log s(y_i) - log sigma_i)^2.
"""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

import torch

from manifolds.denoisers.prior import DiscretePrior, NoisePrior
from manifolds.streams import Stream

__all__ = ["Batch", "Objective", "balanced_prior"]

_REFERENCE_LEVELS = 512
_BALANCED_KNOTS = 33


def balanced_prior(low: float, high: float, variance: float) -> NoisePrior:
    """Theta proportional to (1/sigma) (1/sigma^2 + 1/variance): equal emphasis on the RELATIVE risk at every level.

    1 / (1/sigma^2 + 1/variance) is the Bayes risk per direction of Gaussian data; the weighting is that of Karras et
    al. (arXiv 2206.00364) read as a prior. It follows sigma^-3 below the scale of the data and sigma^-1 above it; it
    is a power law between 33 levels, at which it has these values.

    >>> round(balanced_prior(0.1, 3.0, variance=1.0).low, 9)
    0.1
    """
    s = torch.linspace(math.log(low), math.log(high), _BALANCED_KNOTS, dtype=torch.float64)
    log_density = -s + torch.logaddexp(-2 * s, torch.full_like(s, -math.log(variance)))
    return NoisePrior.tabulated(torch.exp(s).tolist(), log_density.tolist())


class Batch(NamedTuple):
    """Clean points (n, d), their noisy versions, noise levels (n,) and weights (n,)."""

    x: torch.Tensor
    y: torch.Tensor
    sigma: torch.Tensor
    weight: torch.Tensor


class Objective:
    """The loss above.

    >>> objective = Objective(NoisePrior.power(-3.0, 0.1, 3.0), None, variance=1.0)
    >>> objective.stratified(2, torch.tensor([0.5, 0.5], dtype=torch.float64)).round(decimals=3).tolist()
    [0.234, 1.282]

    Args:
        prior: Theta.
        proposal: q; None is log-uniform on the same range (for a discrete prior: the prior itself).
        variance: variance per occupied direction of the data, for the constant `scale`.
        target: "clean" or "log_sigma".

    Raises:
        ValueError: a proposal that does not cover the prior, or that is given for a discrete prior.
    """

    def __init__(self, prior: NoisePrior, proposal: NoisePrior | None, variance: float, target: str = "clean"):
        if proposal is None:
            discrete = isinstance(prior, DiscretePrior)
            proposal = prior if discrete else NoisePrior.power(-1.0, prior.low, prior.high)
        if proposal is not prior and isinstance(prior, DiscretePrior) != isinstance(proposal, DiscretePrior):
            raise ValueError("proposal must be None for a discrete prior")
        if proposal.low > prior.low * (1 + 1e-9) or proposal.high < prior.high * (1 - 1e-9):
            raise ValueError(
                f"proposal must cover the prior's range [{prior.low:.6g}, {prior.high:.6g}], "
                f"got [{proposal.low:.6g}, {proposal.high:.6g}]"
            )
        self.prior, self.proposal, self.target = prior, proposal, target
        levels = self.stratified(_REFERENCE_LEVELS, torch.full((_REFERENCE_LEVELS,), 0.5, dtype=torch.float64))
        reference = 1.0 / (1.0 / levels**2 + 1.0 / variance) if target == "clean" else torch.ones_like(levels)
        self.scale = float((self.weights(levels) * reference).mean())

    @property
    def fingerprint(self) -> str:
        """Of prior and proposal, through their quantiles and weights at fixed places."""
        levels = self.stratified(_REFERENCE_LEVELS, torch.full((_REFERENCE_LEVELS,), 0.5, dtype=torch.float64))
        table = torch.stack([levels, self.weights(levels)])
        return hashlib.sha256(self.target.encode() + table.numpy().tobytes()).hexdigest()[:16]

    def weights(self, sigma: torch.Tensor) -> torch.Tensor:
        """Theta/q at levels drawn from q."""
        if self.proposal is self.prior:
            return torch.ones_like(sigma)
        return torch.exp(self.prior.log_density(sigma) - self.proposal.log_density(sigma))

    def stratified(self, n: int, uniform: torch.Tensor) -> torch.Tensor:
        """n levels, one in each n-th of the proposal's mass: they follow q with far less spread than n draws."""
        return self.proposal.quantile((torch.arange(n, dtype=torch.float64) + uniform) / n)

    def noisy(self, x: torch.Tensor, uniform: torch.Tensor, z: torch.Tensor) -> Batch:
        """A batch from clean points (n, d), uniforms (n,) and standard normals (n, d)."""
        sigma = self.stratified(x.shape[0], uniform)
        return Batch(x, x + sigma[:, None] * z, sigma, self.weights(sigma) / self.scale)

    def draw(self, x: torch.Tensor, draws: Stream) -> Batch:
        return self.noisy(x, draws.child("level").uniform(x.shape[0]), draws.child("noise").normal(*x.shape))

    def loss(self, output: torch.Tensor, batch: Batch) -> torch.Tensor:
        if self.target == "log_sigma":
            error = (output - batch.sigma.log()).square()
        else:
            error = (output - batch.x).square().sum(dim=1)
        return (batch.weight * error).mean()
