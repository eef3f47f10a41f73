"""The contract that a data law implements: a law on R^m (its core), with an exact Gaussian-channel posterior.

The posterior mean is written as a linear combination of sigma-free vectors,

    E[X | u, sigma] = sum_b coef_b(sigma; statistics(u)) v_b(u),

so that an average of means over noise levels costs an average of B coefficients, never an array (points, levels, m).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch

from manifolds.streams import Stream

__all__ = ["Core", "Posterior", "take"]


def take(stats: Any, rows: torch.Tensor | slice) -> Any:
    """Rows of a tensor or of a (named, nested) tuple of tensors."""
    if isinstance(stats, torch.Tensor):
        return stats[rows]
    if isinstance(stats, tuple):
        parts = [take(item, rows) for item in stats]
        return type(stats)(*parts) if hasattr(stats, "_fields") else tuple(parts)
    return stats


@dataclass
class Posterior:
    """Moments of X given u = X + sigma z in R^m, for n points and q noise levels each.

    `order` says up to which field they were computed: 0 log_p, 1 coef, 2 sqdist and trace, 3 third, 4 var_sqdist.

    Attributes:
        log_p: (n, q) log density of u, with respect to Lebesgue measure on R^m.
        coef: (n, q, B) coefficients of E[X | u].
        sqdist: (n, q) E[|X - u|^2 | u].
        trace: (n, q) tr Cov[X | u].
        third: (n, q, B) coefficients, in the same vectors, of W = Cov(X, |X - u|^2 | u).
        var_sqdist: (n, q) Var(|X - u|^2 | u).
        offset: a sigma-free (n, 1) constant (or 0) still to be added to log_p: laws whose log densities are of size d
            keep it apart, so that differences between noise levels stay exact at d = 10^9.
    """

    log_p: torch.Tensor
    coef: torch.Tensor | None = None
    sqdist: torch.Tensor | None = None
    trace: torch.Tensor | None = None
    third: torch.Tensor | None = None
    var_sqdist: torch.Tensor | None = None
    offset: torch.Tensor | float = 0.0


class Core(ABC):
    """A law on R^m. Subclasses set `name`, `intrinsic_dim`, `core_dim`, `radius` and implement the methods below.

    Attributes:
        intrinsic_dim: k, the dimension of the support (a mixture: the largest of its components).
        core_dim: m, the dimension of the smallest linear space that holds the support.
        radius: R = sup |x| over the support; math.inf where unbounded.
        absorbs_normal: True if the law is not concentrated on R^m but depends on the normal coordinates through their
            norm alone (m = 0 and u is replaced by the norm): see `statistics`.
        closed_form: True if the log density is affine in one statistic of the point, see `affine`.
        needs_normal: True if the law makes no sense without at least one normal coordinate (ambient > core).
    """

    name: str = ""
    intrinsic_dim: int
    core_dim: int
    radius: float = math.inf
    absorbs_normal: bool = False
    needs_normal: bool = True
    closed_form: bool = False

    @abstractmethod
    def sample(self, n: int, stream: Stream) -> torch.Tensor:
        """n independent draws (n, m). Each piece is drawn from a child of its own, so that row i does not depend on n."""

    @abstractmethod
    def statistics(self, u: torch.Tensor) -> Any:
        """What the posterior needs of u (n, m) and does not depend on sigma; tensors with n rows, in a tuple.

        A law that absorbs the normal coordinates is given (n, 1) norms rho instead of u.
        """

    @abstractmethod
    def posterior(self, stats: Any, sigma: torch.Tensor, order: int) -> Posterior:
        """The posterior at standard deviations sigma, (n, q) or (1, q), up to moment `order` (see Posterior)."""

    @abstractmethod
    def assemble(self, stats: Any, coef: torch.Tensor) -> torch.Tensor:
        """sum_b coef_b v_b(u): coefficients (n, B) to points (n, m)."""

    def coef_width(self, stats: Any) -> int:
        """B, the number of coefficients of the posterior mean; 1 unless overridden."""
        return 1

    @abstractmethod
    def project(self, u: torch.Tensor) -> torch.Tensor:
        """The nearest point (n, m) of the support."""

    @property
    @abstractmethod
    def second_moment(self) -> float:
        """E |X|^2."""

    @property
    def mean(self) -> torch.Tensor:
        """E X, (m,); the origin unless overridden."""
        return torch.zeros(self.core_dim, dtype=torch.float64)

    def log_covering_number(self, eps: float) -> tuple[float, float]:
        """Lower and upper bounds on the log of the number of eps-balls that cover the support (inf if unbounded)."""
        return (math.inf, math.inf)

    def mmse(self, sigma: torch.Tensor) -> torch.Tensor | None:
        """E tr Cov[X | Y] at levels sigma (q,), where a closed form or a one-dimensional integral gives it, else None."""
        return None

    def affine(self, sigma2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(a, b, c) at variances sigma^2: the log density of u is a + b t, and E[X | u] = c v(u), t being the statistics' `norm2`.

        For laws that say `closed_form` only.
        """
        raise NotImplementedError

    def level_hints(self, stats: Any, rho2: torch.Tensor, normal_dim: int) -> torch.Tensor:
        """(n, P) guesses of sigma^2 at which the noise posterior may peak, one a competing explanation of y."""
        return rho2[:, None] / max(normal_dim, 1)
