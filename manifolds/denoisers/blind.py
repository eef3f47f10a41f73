"""The optimal blind denoiser f*(y) = int f_sigma(y) mu(d sigma | y) (arXiv 2602.09639, Proposition 3.1), by quadrature."""

from __future__ import annotations

import math
from typing import Any

import torch

from manifolds.denoisers.likelihood import NoiseLikelihood, take
from manifolds.denoisers.noise_posterior import NoisePosterior
from manifolds.denoisers.prior import DiscretePrior, NoisePrior, PiecewisePowerPrior
from manifolds.denoisers.rules import GammaRule, gamma_rule
from manifolds.denoisers.window import find_window, panel_count, panel_nodes
from manifolds.law import Law

__all__ = ["BlindDenoiser"]

# Gauss rules of the Gamma law that are tried in turn; each is accepted, point by point, by its estimated error
RUNGS = (4, 8, 16, 32)
# normal score beyond which the mass that a prior's end cuts off is below 1e-13
CUT_SCORE = 7.4
CHUNK_ELEMENTS = 1 << 21


class BlindDenoiser:
    """f*(y) for a law and a noise prior; called without a noise level.

    Nodes follow the peak of the noise posterior of each point. Where the prior does not cut it, a Gauss rule of the
    Gamma law that the normal coordinates induce is used, with as few nodes as its estimated error allows (4 at
    d = 10^9); elsewhere Gauss-Legendre panels on a window found by zooming. A discrete prior is summed exactly.

    Args:
        law: the data law.
        prior: Theta.
        tol: relative error aimed at (checked against mpmath in the tests); between 1e-12 and 1e-3.

    Attributes:
        blind: True.
    """

    blind = True

    def __init__(self, law: Law, prior: NoisePrior, tol: float = 1e-10):
        if not 1e-12 <= tol <= 1e-3:
            raise ValueError(f"tol must be between 1e-12 and 1e-3, got {tol!r}")
        self.law, self.prior, self.tol = law, prior, tol
        self.space = law.space

    def __repr__(self) -> str:
        return f"BlindDenoiser({self.law!r}, sigma in [{self.prior.low:.4g}, {self.prior.high:.4g}])"

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        """f*(y), of the shape of y.

        Raises:
            ValueError: y is not a finite float64 tensor of shape (n, width).
        """
        self.space.check(y)
        whole = getattr(self.law.core, "blind_mean", None)
        if whole is not None and isinstance(self.prior, PiecewisePowerPrior):
            u, rho2 = self.space.split(y)
            return self.law.place(whole(u, rho2, self.prior, self.space.normal_dim), y)
        stats, rho2 = self.law.statistics(y)
        width = max(self.law.core.coef_width(stats), 1)
        rows = max(CHUNK_ELEMENTS // (8 * width), 64)
        means = [
            self._mean(take(stats, slice(i, i + rows)), rho2[i : i + rows]) for i in range(0, y.shape[0], rows)
        ]
        return self.law.place(torch.cat(means), y)

    def noise_posterior(self, y: torch.Tensor) -> NoisePosterior:
        """The posterior mu(sigma | y) of the noise level, one for each point."""
        self.space.check(y)
        if isinstance(self.prior, DiscretePrior):
            stats, rho2 = self.law.statistics(y)
            mu, log_w, _ = self._discrete(stats, rho2, 0)
            return NoisePosterior.of_atoms(self.prior.levels.log() - mu.centre, log_w, mu)
        return NoisePosterior.of_density(self._likelihood(*self.law.statistics(y)))

    def _likelihood(self, stats: Any, rho2: torch.Tensor) -> NoiseLikelihood:
        return NoiseLikelihood(self.law, stats, rho2, math.log(self.prior.low), math.log(self.prior.high), self.prior)

    def _mean(self, stats: Any, rho2: torch.Tensor) -> torch.Tensor:
        """Posterior mean in core coordinates for a chunk of points."""
        if isinstance(self.prior, DiscretePrior):
            _, log_w, coef = self._discrete(stats, rho2, 1)
            return self.law.core.assemble(stats, _average(log_w, coef))
        total = torch.empty(rho2.shape[0], self.law.core.coef_width(stats), dtype=torch.float64, device=rho2.device)
        pending = torch.arange(rho2.shape[0], device=rho2.device)
        for q in self._rungs():
            if pending.numel() == 0:
                break
            some = pending.numel() < rho2.shape[0]
            found, accepted = self._by_gamma(take(stats, pending) if some else stats, rho2[pending] if some else rho2, q)
            total[pending[accepted]] = found[accepted]
            pending = pending[~accepted]
        if pending.numel():
            total[pending] = self._by_window(take(stats, pending), rho2[pending])
        return self.law.core.assemble(stats, total)

    # -- the Gamma rule -----------------------------------------------------------------------------------------

    @property
    def _shape(self) -> float:
        """A of the Gamma law of sigma^-2 given the normal coordinates; not positive where there is no such law."""
        if self.prior.exponent is None or self.law.core.absorbs_normal:
            return 0.0
        return 0.5 * (self.law.space.normal_dim - self.prior.exponent - 1.0)

    def _rungs(self) -> tuple[int, ...]:
        """The rules worth trying: from the first that a typical tilt of the core's density allows."""
        shape = self._shape
        if self.law.space.normal_dim < 8 or shape < 4.0:
            return ()
        tilt = 1.5 * math.sqrt(2.0 * self.law.core_dim / shape) + 0.5 / math.sqrt(shape)
        first = [q for q in RUNGS if _geometric(tilt ** (q - 1) / math.sqrt(math.factorial(q - 1)), q, q - 1) <= self.tol]
        return tuple(q for q in RUNGS if q >= first[0]) if first else RUNGS[-1:]

    def _by_gamma(self, stats: Any, rho2: torch.Tensor, q: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(coefficients (n, B), accepted (n,)) by the q-point rule."""
        shape = self._shape
        rule = gamma_rule(shape, q)
        root = math.sqrt(shape)
        x, log_weight = rule.x.to(rho2.device), rule.log_weight.to(rho2.device)
        rho2 = rho2[:, None].clamp(min=1e-300)
        inside = (self._score(0.5 * rho2 * self.prior.low**-2) > CUT_SCORE) & (
            self._score(0.5 * rho2 * self.prior.high**-2) < -CUT_SCORE
        )
        if not bool(inside.any()):
            empty = torch.zeros(rho2.shape[0], self.law.core.coef_width(stats), dtype=torch.float64, device=rho2.device)
            return empty, inside[:, 0]
        sigma = torch.sqrt(rho2 / (2.0 * (shape + root * x)))
        post = self.law.core.posterior(stats, sigma, 1)
        weight = torch.softmax(log_weight + post.log_p, dim=1)
        accepted = inside[:, 0] & (_rule_error(weight, rule) <= self.tol)
        return _weighted(weight, post.coef), accepted

    def _score(self, gamma: torch.Tensor) -> torch.Tensor:
        """Normal score of a value of the Gamma(A, 1) law (Wilson-Hilferty, good to a few per cent in the far tails)."""
        shape = self._shape
        return 3.0 * math.sqrt(shape) * ((gamma / shape) ** (1.0 / 3.0) - 1.0 + 1.0 / (9.0 * shape))

    # -- windows and atoms --------------------------------------------------------------------------------------

    def _by_window(self, stats: Any, rho2: torch.Tensor) -> torch.Tensor:
        """Coefficients (n, B) by Gauss-Legendre panels, in groups of one panel count."""
        mu = self._likelihood(stats, rho2)
        lo, hi = find_window(mu)
        counts = panel_count(mu, lo, hi)
        total = torch.empty(len(mu), self.law.core.coef_width(stats), dtype=torch.float64, device=rho2.device)
        for panels in counts.unique().tolist():
            group = (counts == panels).nonzero()[:, 0]
            size = max(CHUNK_ELEMENTS // (16 * panels * total.shape[1]), 16)
            for rows in group.split(size):
                t, log_w = panel_nodes(lo[rows], hi[rows], panels)
                log_mu, post = mu.rows(rows)(t, 1)
                total[rows] = _average(log_mu + log_w, post.coef)
        return total

    def _discrete(self, stats: Any, rho2: torch.Tensor, order: int) -> tuple[NoiseLikelihood, torch.Tensor, Any]:
        """(likelihood, log weights (n, L), coefficients (n, L, B) or None) at the atoms of a discrete prior."""
        levels = self.prior.levels.to(rho2.device)
        mu = NoiseLikelihood(self.law, stats, rho2, math.log(self.prior.low), math.log(self.prior.high), None)
        log_p, post = mu(levels.log() - mu.centre, order)
        return mu, log_p + self.prior.weights.to(rho2.device).log(), post.coef


def _weighted(weight: torch.Tensor, coef: torch.Tensor) -> torch.Tensor:
    """sum_q weight (n, q) coef (n, q, B)."""
    return torch.einsum("nq,nqb->nb", weight, coef) if coef.shape[-1] > 1 else (weight * coef[..., 0]).sum(1, keepdim=True)


def _average(log_weight: torch.Tensor, coef: torch.Tensor) -> torch.Tensor:
    return _weighted(torch.softmax(log_weight, dim=1), coef)


def _geometric(tail: float, q: int, degree: int) -> float:
    """The size at degree 2 q of an expansion whose coefficient at `degree` is `tail`, if it falls geometrically."""
    return tail ** (2.0 * q / degree)


def _rule_error(weight: torch.Tensor, rule: GammaRule) -> torch.Tensor:
    """Estimated relative error (n,) of a q-point rule, from the last coefficients of the core's density in the rule's
    orthonormal polynomials: the rule is exact to degree 2 q - 1, so its error is the expansion's size at degree 2 q."""
    q = rule.x.shape[0]
    error = torch.zeros(weight.shape[0], dtype=torch.float64, device=weight.device)
    for degree in (q - 1, q - 2):
        tail = (weight @ rule.polynomials[degree].to(weight.device)).abs()
        error = torch.maximum(error, tail ** (2.0 * q / degree))
    return error
