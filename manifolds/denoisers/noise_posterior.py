"""What one noisy sample says about its noise level: the posterior of s = log sigma, as nodes and weights."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.polynomial import legendre

from manifolds.core import take
from manifolds.denoisers.likelihood import NoiseLikelihood
from manifolds.denoisers.noise_quadrature import Leaves, search
from manifolds.denoisers.panels import fine_density
from manifolds.denoisers.peak import peak

__all__ = ["NoisePosterior"]

_ROWS = 1 << 10  # points that are searched at a time


class NoisePosterior:
    """The posterior of s = log sigma for each of n points. Nodes are offsets from `centre`, so widths stay exact.

    Attributes:
        centre: (n, 1) a level s near each peak.
        offset: (n, q) nodes, s = centre + offset.
        weight: (n, q) probabilities of the nodes (quadrature weights included), summing to one.

    >>> import manifolds
    >>> from manifolds.denoisers import BlindDenoiser, NoisePrior
    >>> law = manifolds.make("gaussian", dim=1, ambient=201, reduced=True)
    >>> f = BlindDenoiser(law, NoisePrior.power(-1.0, 0.01, 10.0))
    >>> post = f.noise_posterior(torch.tensor([[1.0, 0.5 * 200**0.5]], dtype=torch.float64))  # noise of .5
    >>> post.mean.exp(), post.sd  # about .5, and 1/sqrt(2 (d - m)) = .05
    (tensor([0.5012], dtype=torch.float64), tensor([0.0501], dtype=torch.float64))
    """

    def __init__(
        self,
        mu: NoiseLikelihood,
        offset: torch.Tensor,
        log_weight: torch.Tensor,
        log_density: torch.Tensor,
        width: torch.Tensor | None = None,
    ):
        self._mu = mu
        self.centre = mu.centre
        self.offset = offset.expand_as(log_weight)
        self.weight = torch.softmax(log_weight, dim=1)
        self._log_density = log_density - torch.logsumexp(log_weight, dim=1, keepdim=True)
        self._width = width

    @classmethod
    def of_density(cls, mu: NoiseLikelihood, tol: float = 1e-9) -> NoisePosterior:
        """From a prior with a density: the panels of `noise_quadrature.search`, as many for all (the last empty)."""
        if not len(mu):
            empty = mu.rho2.new_zeros(0, 1)
            return cls(mu, empty, empty, empty, empty)
        parts = []
        for rows in torch.arange(len(mu)).split(_ROWS):
            part = search(mu.rows(rows), tol, mean=False)
            parts.append(part._replace(row=part.row + rows[0]))
        leaves = Leaves.joined(parts)
        order = torch.argsort(leaves.lo[:, 0], stable=True)
        leaves = take(leaves, order[torch.argsort(leaves.row[order], stable=True)])
        return cls._packed(mu, leaves)

    @classmethod
    def _packed(cls, mu: NoiseLikelihood, leaves: Leaves) -> NoisePosterior:
        n, row = len(mu), leaves.row
        t, log_mu, log_w = fine_density(mu.rows(row), leaves.lo, leaves.hi, leaves.panels)
        count = torch.bincount(row, minlength=n)
        place = torch.arange(len(row)) - (count.cumsum(0) - count)[row]
        most = int(count.max())

        def pack(values: torch.Tensor, rest: float) -> torch.Tensor:
            out = torch.full((n, most, values.shape[1]), rest, dtype=torch.float64)
            out[row, place] = values
            return out.reshape(n, -1)

        return cls(
            mu, pack(t, 0.0), pack(log_mu + log_w, -math.inf), pack(log_mu, -math.inf), pack(leaves.hi - leaves.lo, 0.0)
        )

    @classmethod
    def of_atoms(cls, offset: torch.Tensor, log_weight: torch.Tensor, mu: NoiseLikelihood) -> NoisePosterior:
        """From a discrete prior: the nodes are its levels."""
        return cls(mu, offset, log_weight, log_weight)

    @property
    def nodes(self) -> torch.Tensor:
        """(n, q) noise standard deviations."""
        return torch.exp(self.centre + self.offset)

    def _expect(self, values: torch.Tensor) -> torch.Tensor:
        return (self.weight * values).sum(dim=1)

    @property
    def mean(self) -> torch.Tensor:
        """E[log sigma | y], (n,)."""
        return self.centre[:, 0] + self._expect(self.offset)

    @property
    def sd(self) -> torch.Tensor:
        """Posterior standard deviation of log sigma, (n,); tends to 1/sqrt(2 (d - m))."""
        return self._expect((self.offset - self._expect(self.offset)[:, None]) ** 2).sqrt()

    def squared_error(self, sigma: float | torch.Tensor) -> torch.Tensor:
        """E[|lambda - lambda_t|^2 | y] / lambda_t^2, (n,), for lambda = sigma^-2 and the true level sigma.

        The quantity of Proposition 3.8 of arXiv 2602.09639.
        """
        true = torch.log(torch.as_tensor(sigma, dtype=torch.float64)).reshape(-1, 1)
        return self._expect(torch.expm1(-2.0 * (self.centre - true + self.offset)) ** 2)

    @property
    def mode(self) -> torch.Tensor:
        """The most probable log sigma, (n,); for a discrete prior the likeliest level."""
        if self._width is None:
            return (self.centre + self.offset).gather(1, self.weight.argmax(dim=1, keepdim=True))[:, 0]
        return (self.centre + peak(self._mu))[:, 0]

    @property
    def entropy(self) -> torch.Tensor:
        """Entropy in nats, (n,): differential, of log sigma; or discrete, for a discrete prior."""
        return -self._expect(torch.where(self.weight > 0, self._log_density, torch.zeros_like(self._log_density)))

    def quantile(self, p: float | torch.Tensor) -> torch.Tensor:
        """Quantiles of log sigma, (n, len(p)).

        Raises:
            ValueError: p outside (0, 1).
        """
        p = torch.as_tensor(p, dtype=torch.float64, device=self.centre.device).reshape(-1)
        if not bool(((p > 0) & (p < 1)).all()):
            raise ValueError("p must lie in (0, 1)")
        if self._width is None or not len(self.weight):
            return self.centre + self.offset.gather(1, _first_at(self.weight.cumsum(1), p))
        return self.centre + self._density_quantile(p)

    def _density_quantile(self, p: torch.Tensor) -> torch.Tensor:
        """Invert the distribution function: the panel by its mass, the place in it by bisecting the integral of the
        polynomial through its nodes' densities."""
        assert self._width is not None
        n, panels = self._width.shape
        weight = self.weight.reshape(n, panels, -1)
        mass = weight.sum(dim=2)
        before = mass.cumsum(dim=1)
        panel = _first_at(before, p)
        some = torch.arange(n)[:, None]
        target = (p - (before - mass)[some, panel]) / mass[some, panel]
        x, w, integral = _primitive(weight.shape[2])
        values = (weight / w)[some, panel]  # (n, P, q), density times the panel's width
        coefficients = values / (values * w).sum(dim=2, keepdim=True) @ integral.T  # of P_0 .. P_q
        low, high = torch.zeros_like(target), torch.ones_like(target)
        for _ in range(52):
            middle = 0.5 * (low + high)
            below = _series(coefficients, 2.0 * middle - 1.0) < target
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        first = self.offset.reshape(n, panels, -1)[some, panel, 0]
        width = self._width[some, panel]
        return first + width * (0.5 * (low + high) - x[0])


def _first_at(cumulative: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """The first column (n, P) whose cumulative weight reaches p (P,) of the whole."""
    target = (p * cumulative[:, -1:]).contiguous()
    return torch.searchsorted(cumulative.contiguous(), target).clamp(max=cumulative.shape[1] - 1)


@lru_cache(maxsize=4)
def _primitive(q: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gauss-Legendre nodes and weights (q,) on [0, 1]; and the map (q + 1, q) from values there to the Legendre
    coefficients, in 2 x - 1, of the interpolant's integral from 0."""
    x, w = legendre.leggauss(q)
    to_coefficients = (legendre.legvander(x, q - 1) * w[:, None]).T * (np.arange(q) + 0.5)[:, None]
    integral = 0.5 * legendre.legint(to_coefficients, lbnd=-1.0)
    nodes, weights, primitive = (torch.from_numpy(v) for v in (0.5 * (x + 1.0), 0.5 * w, integral))
    return nodes, weights, primitive


def _series(coefficients: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """sum_j c_j P_j(x) for coefficients (..., q + 1), by Clenshaw's recurrence."""
    after = later = torch.zeros_like(x)
    for j in range(coefficients.shape[-1] - 1, 0, -1):
        after, later = coefficients[..., j] + (2 * j + 1) / (j + 1) * x * after - (j + 1) / (j + 2) * later, after
    return coefficients[..., 0] + x * after - 0.5 * later
