"""The optimal blind denoiser f*(y) = int f_sigma(y) mu(d sigma | y), by quadrature (arXiv 2602.09639, Prop. 3.1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from manifolds.checks import instance, positive_number
from manifolds.core import Core, take
from manifolds.denoisers.blind_gradient import blind_mean
from manifolds.denoisers.gamma_nodes import LEAST_SHAPE, RUNGS, GammaNodes, first_rung
from manifolds.denoisers.likelihood import NoiseLikelihood
from manifolds.denoisers.noise_posterior import NoisePosterior
from manifolds.denoisers.noise_quadrature import search
from manifolds.denoisers.prior import DiscretePrior, NoisePrior, PiecewisePowerPrior
from manifolds.denoisers.rules import row_sums
from manifolds.law import Law

__all__ = ["BlindDenoiser"]

CHUNK_ELEMENTS = 1 << 21
_TABLE = 6e4  # a million steps of about .06 / sqrt(A)
# points that are searched at a time, and their coefficients: fewer, and most of the time goes into starting operations
_SEARCHED, _SEARCHED_ELEMENTS = 1 << 10, 1 << 14


class BlindDenoiser:
    """f*(y) for a law and a noise prior; called without a noise level.

    Nodes follow the peak of the noise posterior of each point: a Gauss rule of the Gamma law that the normal
    coordinates induce, whole or cut by an end of the prior, with as few nodes as its estimated error allows (2 to 20);
    with few normal coordinates Gauss-Legendre panels on a window found by scanning. A discrete prior is summed exactly.

    Args:
        law: the data law.
        prior: Theta.
        tol: relative error aimed at (checked against mpmath in the tests); between 1e-12 and 1e-3.

    Attributes:
        blind: True.

    Raises:
        ValueError: tol is out of its range.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=3, reduced=True)
    >>> f = BlindDenoiser(law, NoisePrior.discrete([1.0, 2.0], [1.0, 1.0]))
    >>> f(torch.tensor([[1.0, 2.0]], dtype=torch.float64))  # between f_2 = (0.2, 0) and f_1 = (0.5, 0)
    tensor([[0.3645, 0.0000]], dtype=torch.float64)
    """

    blind = True

    def __init__(self, law: Law, prior: NoisePrior, tol: float = 1e-9):
        instance(law, Law, "law")
        instance(prior, NoisePrior, "prior")
        if not 1e-12 <= positive_number(tol, "tol") <= 1e-3:
            raise ValueError(f"tol must be between 1e-12 and 1e-3, got {tol!r}")
        self.law, self.prior, self.tol = law, prior, tol
        self.space = law.space
        self._gamma, self._first = self._gamma_nodes()
        self._whole = None
        # (atoms' weights have a closed form in |y - x_i|, of Gamma functions of positive order)
        if isinstance(prior, PiecewisePowerPrior) and prior.steepest < law.ambient_dim:
            self._whole = getattr(law.core, "blind_mean", None)

    def __repr__(self) -> str:
        return f"BlindDenoiser({self.law!r}, sigma in [{self.prior.low:.4g}, {self.prior.high:.4g}])"

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        """f*(y), of the shape of y; differentiable once where the law knows its covariance.

        Raises:
            ValueError: y is not a finite float64 tensor of shape (n, width).
        """
        self.space.check_shape(y)
        return self.plain(y) if type(self.law.core).covariance is Core.covariance else blind_mean(self, y)

    def plain(self, y: torch.Tensor) -> torch.Tensor:
        """f*(y) without its gradient."""
        self.space.check(y)
        if not len(y):
            return y.clone()
        return self._average(y) if self._whole is None else self._by_weights(self._whole, y)

    def _by_weights(self, whole: Callable[..., tuple[torch.Tensor, torch.Tensor]], y: torch.Tensor) -> torch.Tensor:
        """By atoms' weights in closed form; rows whose table is too long, or has too few digits, by levels."""
        u, rho2 = self.space.split(y)
        near = self._short_table(u, rho2)
        rest = ~near
        if bool(near.all()):
            mean, rest = whole(u, rho2, self.prior, self.space.normal_dim, self.tol)
            out = self.law.place(mean, y)
        else:
            out = torch.empty_like(y)
            if bool(near.any()):
                mean, rest[near] = whole(u[near], rho2[near], self.prior, self.space.normal_dim, self.tol)
                out[near] = self.law.place(mean, y[near])
        if bool(rest.any()):
            out[rest] = self._average(y[rest])
        return out

    def _short_table(self, u: torch.Tensor, rho2: torch.Tensor) -> torch.Tensor:
        """For which points (n,) a table over log |y - x|^2 is not too long (`special.blind_weights`)."""
        farthest = (u.norm(dim=1) + self.law.radius) ** 2 + rho2
        per_unit = torch.sqrt((0.5 * farthest / self.prior.high**2).clamp(min=0.5 * self.law.ambient_dim))
        return torch.log(farthest / rho2.clamp(min=1e-300)) * per_unit <= _TABLE

    def _average(self, y: torch.Tensor) -> torch.Tensor:
        stats, rho2 = self.law.statistics(y)
        width = max(self.law.core.coef_width(stats), 1)
        rows = max(CHUNK_ELEMENTS // (8 * width), 64)
        if len(y) <= rows:
            return self.law.place(self._mean(stats, rho2), y)
        means = [self._mean(take(stats, slice(i, i + rows)), rho2[i : i + rows]) for i in range(0, len(y), rows)]
        return self.law.place(torch.cat(means), y)

    def noise_posterior(self, y: torch.Tensor) -> NoisePosterior:
        """The posterior mu(sigma | y) of the noise level, one for each point."""
        self.space.check(y)
        if isinstance(self.prior, DiscretePrior):
            stats, rho2 = self.law.statistics(y)
            mu, log_w, _ = self._discrete(self.prior, stats, rho2, 0)
            return NoisePosterior.of_atoms(self.prior.levels.log() - mu.centre, log_w, mu)
        return NoisePosterior.of_density(self._likelihood(*self.law.statistics(y)), self.tol)

    def _gamma_nodes(self) -> tuple[GammaNodes | None, int]:
        """Rules of the Gamma law of sigma^-2 given the normal coordinates, where there is one, and the first to try."""
        if self.prior.exponent is None or self.law.core.absorbs_normal:
            return None, 0
        shape = 0.5 * (self.law.space.normal_dim - self.prior.exponent - 1.0)
        if shape < LEAST_SHAPE:
            return None, 0
        first = first_rung(self.law.core_dim, shape, self.tol)
        if first == len(RUNGS):
            return None, 0
        nodes = GammaNodes(shape, self.prior.low, self.prior.high, self.law.core_dim, first, self.tol)
        return (nodes, first) if nodes.fits else (None, 0)

    def _likelihood(self, stats: Any, rho2: torch.Tensor) -> NoiseLikelihood:
        prior = self.prior if isinstance(self.prior, PiecewisePowerPrior) else None
        return NoiseLikelihood(self.law, stats, rho2, (math.log(self.prior.low), math.log(self.prior.high)), prior)

    def _mean(self, stats: Any, rho2: torch.Tensor) -> torch.Tensor:
        """Posterior mean in core coordinates for a chunk of points."""
        if isinstance(self.prior, DiscretePrior):
            _, log_w, coef = self._discrete(self.prior, stats, rho2, 1)
            return self.law.core.assemble(stats, _average(log_w, coef))
        if self._gamma is None:
            return self.law.core.assemble(stats, self._by_search(stats, rho2))
        groups = self._gamma.split(rho2)
        if len(groups) == 1 and isinstance(groups[0][1], slice):
            return self.law.core.assemble(stats, self._by_gamma(self._gamma, groups[0][0], stats, rho2))
        total = torch.empty(len(rho2), self.law.core.coef_width(stats), dtype=torch.float64, device=rho2.device)
        rest = torch.ones(len(rho2), dtype=torch.bool, device=rho2.device)
        for cut, rows in groups:
            total[rows] = self._by_gamma(self._gamma, cut, take(stats, rows), rho2[rows])
            rest[rows] = False
        if bool(rest.any()):
            total[rest] = self._by_search(take(stats, rest), rho2[rest])
        return self.law.core.assemble(stats, total)

    def _by_gamma(self, gamma: GammaNodes, cut: bool, stats: Any, rho2: torch.Tensor) -> torch.Tensor:
        """Coefficients (n, B) by Gauss rules, the first of small estimated error; what none can do by windows."""
        rungs = gamma.rungs(cut, self._first, self.law.core.closed_form)
        if not rungs:
            return self._by_search(stats, rho2)
        total, poor = self._by_rule(gamma, cut, stats, rho2, rungs[0])
        pending, rest = poor.nonzero()[:, 0], []
        for q in rungs[1:]:
            if not len(pending):
                break
            apart = gamma.apart(cut, rho2[pending], q)
            rest.append(pending[~apart])
            pending = pending[apart]
            total[pending], poor = self._by_rule(gamma, cut, take(stats, pending), rho2[pending], q)
            pending = pending[poor]
        pending = torch.cat([*rest, pending])
        if len(pending):
            total[pending] = self._by_search(take(stats, pending), rho2[pending])
        return total

    def _by_rule(
        self, gamma: GammaNodes, cut: bool, stats: Any, rho2: torch.Tensor, q: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(coefficients (n, B) by q-point rules, which points (n,) they do not serve)."""
        if self.law.core.closed_form:
            return gamma.affine_mean(self.law.core, cut, stats.norm2, rho2, q, self.tol)
        sigma, rule = gamma.rule(cut, rho2, q)
        post = self.law.core.posterior(stats, sigma, 1)
        weight, poor = gamma.weigh(rule, post.log_p, self.tol)
        return _weighted(weight, post.coef), poor

    def _by_search(self, stats: Any, rho2: torch.Tensor) -> torch.Tensor:
        """Coefficients (n, B) by panels, whatever the peak."""
        some = min(_SEARCHED, max(_SEARCHED_ELEMENTS // max(self.law.core.coef_width(stats), 1), 16))
        parts = [self._likelihood(take(stats, rows), rho2[rows]) for rows in _slices(len(rho2), some)]
        return torch.cat([search(mu, self.tol).mean(len(mu)) for mu in parts])

    def _discrete(
        self, prior: DiscretePrior, stats: Any, rho2: torch.Tensor, order: int
    ) -> tuple[NoiseLikelihood, torch.Tensor, Any]:
        """(likelihood, log weights (n, L), coefficients (n, L, B) or None) at the atoms of a discrete prior."""
        mu = self._likelihood(stats, rho2)
        t = prior.levels.to(rho2.device).log() - mu.centre
        post = mu.core(t, order)
        log_w = mu.known(t) + post.log_p + prior.weights.to(rho2.device).log()
        return mu, log_w, post.coef if order else None


def _slices(n: int, size: int) -> list[slice]:
    return [slice(i, i + size) for i in range(0, n, size)]


def _weighted(weight: torch.Tensor, coef: torch.Tensor) -> torch.Tensor:
    """sum_q weight (n, q) coef (n, q, B); the weights are overwritten."""
    if coef.shape[-1] > 1:
        return torch.einsum("nq,nqb->nb", weight, coef)
    return row_sums(weight.mul_(coef[..., 0]))[:, None]


def _average(log_weight: torch.Tensor, coef: torch.Tensor) -> torch.Tensor:
    return _weighted(torch.softmax(log_weight, dim=1), coef)
