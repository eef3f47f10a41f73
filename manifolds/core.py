"""The contract that a data law implements: a law on R^m (its core), with an exact Gaussian-channel posterior.

The posterior mean is written as a linear combination of sigma-free vectors,

    E[X | u, sigma] = sum_b coef_b(sigma; statistics(u)) v_b(u),

so that an average of means over noise levels costs an average of B coefficients, never an array (points, levels, m).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar, cast

import torch

from manifolds.shapes import Bounds, Coefficients, CorePoints, Levels, Rows, Statistics, Values
from manifolds.streams import Stream

__all__ = ["Core", "Posterior", "ROUNDING", "join_rows", "round_product", "take"]

# of the size of what is added up to a mean, that float64 leaves of it where all cancels: 8 eps
ROUNDING = 8.0 * 2.0**-52

S = TypeVar("S", bound=Statistics)
T = TypeVar("T")


def take(stats: T, rows: torch.Tensor | slice) -> T:
    """Rows, by their numbers or a slice, of a tensor or of a (named, nested) tuple of tensors.

    >>> take((torch.tensor([1, 2, 3]), (torch.tensor([[4], [5], [6]]),)), slice(1, 3))
    (tensor([2, 3]), (tensor([[5],
            [6]]),))
    """
    if isinstance(stats, torch.Tensor):
        # (faster than stats[rows])
        return cast(T, stats.index_select(0, rows) if isinstance(rows, torch.Tensor) else stats[rows])
    if isinstance(stats, tuple):
        parts = [take(item, rows) for item in stats]
        return cast(T, type(stats)(*parts) if hasattr(stats, "_fields") else tuple(parts))
    return stats


def round_product(u: CorePoints, norm: Rows, across: Rows, along: Rows, v: CorePoints) -> CorePoints:
    """C v (n, m) for covariances C with variance `along` in the direction of u, of length `norm`, and `across` in
    others.

    >>> u, v, one = torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 1.0]]), torch.ones(1)
    >>> round_product(u, u.norm(dim=1), 3 * one, 5 * one, v)
    tensor([[5., 3.]])
    """
    unit = u / torch.where(norm > 0, norm, torch.ones_like(norm))[:, None]
    return across[:, None] * v + ((along - across) * (unit * v).sum(dim=1))[:, None] * unit


_FIELDS = {"coef": 1, "sqdist": 2, "trace": 2, "third": 3, "var_sqdist": 4}


class Posterior:
    """Moments of X given u = X + sigma z in R^m, for n points and q noise levels each.

    They are computed up to the order that was asked for: 0 log_p, 1 coef, 2 sqdist and trace, 3 third, 4 var_sqdist.

    Attributes:
        log_p: (n, q) log density of u, with respect to Lebesgue measure on R^m.
        coef: (n, q, B) coefficients of E[X | u].
        sqdist: (n, q) E[|X - u|^2 | u].
        trace: (n, q) tr Cov[X | u].
        third: (n, q, B) coefficients, in the same vectors, of W = Cov(X, |X - u|^2 | u).
        var_sqdist: (n, q) Var(|X - u|^2 | u).
        offset: a sigma-free (n, 1) constant (or 0) still to be added to log_p: laws whose log densities are of size d
            keep it apart, so that differences between noise levels stay exact at d = 10^9.

    Raises:
        AttributeError: a moment that was not computed is asked for.

    >>> post = Posterior(torch.zeros(1, 1))
    >>> post.trace
    Traceback (most recent call last):
    AttributeError: trace was not computed: ask for a posterior of order 2 or more
    """

    log_p: Values
    coef: Coefficients
    sqdist: Values
    trace: Values
    third: Coefficients
    var_sqdist: Values
    offset: torch.Tensor | float

    def __init__(self, log_p: Values, coef: Coefficients | None = None, offset: torch.Tensor | float = 0.0):
        self.log_p, self.offset = log_p, offset
        if coef is not None:
            self.coef = coef

    def __getattr__(self, name: str) -> torch.Tensor:
        if name in _FIELDS:
            raise AttributeError(f"{name} was not computed: ask for a posterior of order {_FIELDS[name]} or more")
        raise AttributeError(name)


def join_rows(parts: Sequence[Posterior], order: int) -> Posterior:
    """The posterior, up to moment `order`, of the points of several ones after each other.

    >>> join_rows([Posterior(torch.zeros(2, 1)), Posterior(torch.ones(1, 1))], 0).log_p.flatten()
    tensor([0., 0., 1.])
    """
    if len(parts) == 1:
        return parts[0]
    joined = Posterior(torch.cat([part.log_p for part in parts]))
    for field, least in _FIELDS.items():
        if order >= least:
            setattr(joined, field, torch.cat([getattr(part, field) for part in parts]))
    return joined


class Core(ABC, Generic[S]):
    """A law on R^m. Subclasses set `name`, `intrinsic_dim`, `core_dim`, `radius` and implement the methods below.

    Attributes:
        intrinsic_dim: k, the dimension of the support (a mixture: the largest of its components).
        core_dim: m, the dimension of the smallest linear space that holds the support.
        radius: R = sup |x| over the support; math.inf where unbounded.
        absorbs_normal: True if the law is not concentrated on R^m but depends on the normal coordinates through their
            norm alone (m = 0 and u is replaced by the norm): see `statistics`.
        closed_form: True if the log density is affine in one statistic of the point, see `affine`.
        finite: True if the support is a finite set: k is then what it is counted with, no dimension.
        rounding: absolute error of a mean that is a sum and cancels, as at a centre of symmetry: the digits of atoms or
            of components' centres allow no less. 0 for means that are products, right to relative eps.
        needs_normal: True if the law makes no sense without at least one normal coordinate (ambient > core).

    >>> from manifolds.laws.sphere import Sphere
    >>> core = Sphere(2, radius=3.0)
    >>> core.intrinsic_dim, core.core_dim, core.radius
    (2, 3, 3.0)
    """

    name: str = ""
    intrinsic_dim: int
    core_dim: int
    radius: float = math.inf
    absorbs_normal: bool = False
    needs_normal: bool = True
    closed_form: bool = False
    finite: bool = False
    rounding: float = 0.0

    @abstractmethod
    def sample(self, n: int, stream: Stream) -> CorePoints:
        """n independent draws (n, m). Each piece has a child stream of its own, so that row i does not depend on n."""

    @abstractmethod
    def statistics(self, u: CorePoints) -> S:
        """What the posterior needs of u (n, m) and does not depend on sigma; tensors with n rows, in a tuple.

        A law that absorbs the normal coordinates is given (n, 1) norms rho instead of u.
        """

    @abstractmethod
    def posterior(self, stats: S, sigma: Levels, order: int) -> Posterior:
        """The posterior at standard deviations sigma, (n, q) or (1, q), up to moment `order` (see Posterior)."""

    @abstractmethod
    def assemble(self, stats: S, coef: torch.Tensor) -> CorePoints:
        """sum_b coef_b v_b(u): coefficients (n, B) to points (n, m)."""

    def coef_width(self, stats: S) -> int:
        """B, the number of coefficients of the posterior mean; 1 unless overridden."""
        return 1

    def covariance(self, stats: S, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        """Cov[X | u] v, (n, m), at one level a point, (n, 1); of a law that absorbs the normal coordinates along u.

        Optional: laws that have it are differentiable in closed form.
        """
        raise NotImplementedError(f"{self.name} does not know its posterior covariance")

    def across_and_along(self, stats: S, sigma: torch.Tensor) -> tuple[Rows, Rows]:
        """Posterior variances (n,) in a direction normal to u and along u, of laws that are round about the origin."""
        raise NotImplementedError(f"{self.name} is not round")

    def log_tilt(self, stats: S, sigma: Levels) -> Values:
        """log E exp((<u, X> - |X|^2/2)/sigma^2), (n, q): log p without the part -|u|^2/(2 sigma^2) that all laws share.

        Optional: mixtures compare their components by it at points far from all of them.
        """
        raise NotImplementedError(f"{self.name} does not know its log_tilt")

    @abstractmethod
    def project(self, u: CorePoints) -> CorePoints:
        """The nearest point (n, m) of the support."""

    @property
    @abstractmethod
    def second_moment(self) -> float:
        """E |X|^2."""

    @property
    def mean(self) -> torch.Tensor:
        """E X, (m,); the origin unless overridden."""
        return torch.zeros(self.core_dim, dtype=torch.float64)

    def log_covering_number(self, eps: float) -> Bounds:
        """Lower and upper bounds on the log of the number of eps-balls that cover the support (inf if unbounded)."""
        return (math.inf, math.inf)

    def mmse(self, sigma: torch.Tensor) -> torch.Tensor | None:
        """E tr Cov[X | Y] at levels (q,), where a closed form or a one-dimensional integral gives it, else None."""
        return None

    def affine(self, sigma2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(a, b, c) at variances sigma^2: with t the statistics' `norm2`, log p(u) = a + b t and E[X | u] = c v(u).

        For laws that say `closed_form` only.
        """
        raise NotImplementedError

    def level_hints(self, stats: S, rho2: Rows, normal_dim: int) -> torch.Tensor:
        """(n, P) guesses of sigma^2 at which the noise posterior may peak, one a competing explanation of y."""
        return rho2[:, None] / max(normal_dim, 1)
