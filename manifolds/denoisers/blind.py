"""The optimal blind denoiser f*(y) = int f_sigma(y) mu(d sigma | y) (arXiv 2602.09639, Proposition 3.1), by quadrature."""

from __future__ import annotations

import math
from typing import Any

import torch

from manifolds.core import take
from manifolds.denoisers.likelihood import NoiseLikelihood
from manifolds.denoisers.noise_posterior import NoisePosterior
from manifolds.denoisers.noise_quadrature import first_nodes, on_one_panel, search
from manifolds.denoisers.prior import DiscretePrior, NoisePrior, PiecewisePowerPrior
from manifolds.law import Law

__all__ = ["BlindDenoiser"]

_ELEMENTS = 1 << 18  # of a chunk's working arrays: they stay in cache
_MOST_NODES = 12


class BlindDenoiser:
    """f*(y) for a law and a noise prior; called without a noise level.

    The average is a quadrature whose error is estimated at every point, and refined until it is below `tol`
    (`manifolds.denoisers.noise_quadrature`). A discrete prior is summed exactly.

    Args:
        law: the data law.
        prior: Theta.
        tol: relative error of f*(y) in norm, between 1e-12 and 1e-3; rounding limits it to about 100 d eps.

    Attributes:
        blind: True.
    """

    blind = True

    def __init__(self, law: Law, prior: NoisePrior, tol: float = 1e-9):
        if not 1e-12 <= tol <= 1e-3:
            raise ValueError(f"tol must be between 1e-12 and 1e-3, got {tol!r}")
        self.law, self.prior, self.tol = law, prior, tol
        self.space = law.space
        self._slope = 0.0 if prior.exponent is None else prior.exponent + 1.0  # of the density of log sigma
        self._nodes = None
        if prior.exponent is not None and not law.core.absorbs_normal:
            self._nodes = first_nodes(law.core_dim, law.space.normal_dim - self._slope, tol, _MOST_NODES)

    def __repr__(self) -> str:
        return f"BlindDenoiser({self.law!r}, sigma in [{self.prior.low:.4g}, {self.prior.high:.4g}])"

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        """f*(y), of the shape of y.

        Raises:
            ValueError: y is not a finite float64 tensor of shape (n, width), or so far from the law that its density is not a
                number in float64.
            QuadratureError: a ValueError; the tolerance cannot be met.
        """
        self.space.check(y)
        whole = getattr(self.law.core, "blind_mean", None)
        if whole is not None and isinstance(self.prior, PiecewisePowerPrior):
            u, rho2 = self.space.split(y)
            return self.law.place(whole(u, rho2, self.prior, self.space.normal_dim), y)
        stats, rho2 = self.law.statistics(y)
        width = max(self.law.core.coef_width(stats), 4)
        rows = max(_ELEMENTS // (8 * width), 64)
        if len(y) <= rows:
            return self.law.place(self._mean(stats, rho2), y)
        means = [self._mean(take(stats, slice(i, i + rows)), rho2[i : i + rows]) for i in range(0, len(y), rows)]
        return self.law.place(torch.cat(means), y)

    def noise_posterior(self, y: torch.Tensor) -> NoisePosterior:
        """The posterior mu(sigma | y) of the noise level, one for each point."""
        self.space.check(y)
        mu = self._likelihood(*self.law.statistics(y))
        if isinstance(self.prior, DiscretePrior):
            log_w, _ = self._discrete(mu, 0)
            return NoisePosterior.of_atoms(self.prior.levels.log() - mu.centre, log_w, mu)
        return NoisePosterior.of_density(mu, self.tol)

    def _likelihood(self, stats: Any, rho2: torch.Tensor) -> NoiseLikelihood:
        prior = self.prior if isinstance(self.prior, PiecewisePowerPrior) else None
        ends = math.log(self.prior.low), math.log(self.prior.high)
        return NoiseLikelihood(self.law, stats, rho2, ends, prior, self._slope)

    def _mean(self, stats: Any, rho2: torch.Tensor) -> torch.Tensor:
        """Posterior mean in core coordinates for a chunk of points."""
        mu = self._likelihood(stats, rho2)
        if mu.prior is None:
            log_w, coef = self._discrete(mu, 1)
            return self.law.core.assemble(stats, torch.einsum("nq,nqb->nb", torch.softmax(log_w, dim=1), coef))
        coef = rest = None
        if self._nodes is not None:
            coef, served = on_one_panel(mu, self._nodes, self.tol)
            if bool(served.all()):
                return self.law.core.assemble(stats, coef)
            rest = (~served).nonzero()[:, 0]
        found = self._search(mu if rest is None else mu.rows(rest))
        if rest is None:
            coef = found
        else:
            coef[rest] = found
        return self.law.core.assemble(stats, coef)

    def _search(self, mu: NoiseLikelihood) -> torch.Tensor:
        some = max(_ELEMENTS // (256 * self.law.core.coef_width(mu.stats)), 16)
        parts = torch.arange(len(mu)).split(some)
        return torch.cat([search(mu.rows(rows), self.tol).mean(len(rows)) for rows in parts])

    def _discrete(self, mu: NoiseLikelihood, order: int) -> tuple[torch.Tensor, Any]:
        """(log weights (n, L), coefficients (n, L, B) or None) at the atoms of a discrete prior."""
        t = self.prior.levels.log().to(mu.rho2.device) - mu.centre
        post = mu.core(t, order)
        coef = post.coef.expand(*post.log_p.shape, -1) if order else None
        return mu.known(t).add_(post.log_p).add_(self.prior.weights.to(t.device).log()), coef
