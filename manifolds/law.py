"""A data law in R^d: a core law on R^m, an ambient dimension, and one of two representations (dense or reduced)."""

from __future__ import annotations

import math

import torch

from manifolds.checks import LEAST_LEVEL, instance, level_rows, noise_level, positive_int
from manifolds.core import Core, Posterior, round_product
from manifolds.gradients import answer
from manifolds.shapes import Bounds, CorePoints, Level, Points, Rows, Statistics
from manifolds.space import Space
from manifolds.streams import Stream

__all__ = ["Law"]

_FARTHEST = 1e140  # the square of |y|/sigma is a number


class Law:
    """A law p_X on R^d with exact answers about Y = X + sigma Z.

    Points are float64 tensors, (n, d) dense or (n, m + 1) reduced (see `manifolds.space`). A noise level `sigma` is a
    standard deviation, a number or one per row. All answers are exact up to float64, whatever d.

    Args:
        core: the law on R^m.
        ambient: d; at least m (more than m for a law that needs a normal direction).
        reduced: quotient coordinates instead of R^d.
        frame: (d, m) orthonormal columns that span the core (dense form); None is the first m coordinates.

    Raises:
        ValueError: ambient is not an integer or too small, or the frame is not orthonormal.

    >>> from manifolds import make, stream
    >>> law = make("sphere", dim=2, ambient=10**9, reduced=True)
    >>> y = law.add_noise(law.sample(1000, stream(0)), 0.1, stream(0, "noise"))
    >>> float(law.distance(law.denoise(y, 0.1)).max()) < 0.02
    True
    """

    def __init__(self, core: Core, ambient: int, reduced: bool = False, frame: torch.Tensor | None = None):
        ambient = positive_int(ambient, "ambient")
        least = core.core_dim + 1 if core.needs_normal else max(core.core_dim, 1)
        if ambient < least:
            raise ValueError(
                f"ambient must be >= {least} for {core.name} (core dimension {core.core_dim}), got {ambient}"
            )
        self.core = core
        self.space = Space(ambient, core.core_dim, reduced, frame, core.mean)

    def __repr__(self) -> str:
        form = "reduced" if self.reduced else "dense"
        return f"Law({self.name}, k={self.intrinsic_dim}, m={self.core_dim}, d={self.ambient_dim}, {form})"

    @property
    def name(self) -> str:
        return self.core.name

    @property
    def intrinsic_dim(self) -> int:
        """k, the dimension of the support."""
        return self.core.intrinsic_dim

    @property
    def core_dim(self) -> int:
        """m, the dimension of the linear span of the support."""
        return self.core.core_dim

    @property
    def ambient_dim(self) -> int:
        """d."""
        return self.space.ambient_dim

    @property
    def radius(self) -> float:
        """R, the largest norm in the support; inf where the support is unbounded."""
        return self.core.radius

    @property
    def bounded(self) -> bool:
        """Whether assumption (A1) of arXiv 2602.09639, a bounded support, holds."""
        return math.isfinite(self.core.radius)

    @property
    def reduced(self) -> bool:
        return self.space.reduced

    @property
    def second_moment(self) -> float:
        """E |X|^2."""
        return self.core.second_moment

    def with_ambient(self, ambient: int, reduced: bool = True) -> Law:
        """The same core law in another ambient dimension.

        Raises:
            ValueError: a law that fills its whole space, and so is another law there; or ambient is too small.
        """
        if self.core.absorbs_normal and ambient != self.ambient_dim:
            raise ValueError(
                f"ambient must be {self.ambient_dim} for {self.name}, which fills its whole space, got {ambient}"
            )
        return Law(self.core, ambient, reduced)

    # -- drawing ------------------------------------------------------------------------------------------------

    def sample(self, n: int, stream: Stream) -> Points:
        """n independent draws of X, (n, width); the stream is advanced."""
        n = positive_int(n, "n")
        instance(stream, Stream, "stream")
        stream = stream.spawn("sample")
        points = self.core.sample(n, stream)
        if self.core.absorbs_normal and not self.reduced:
            direction = stream.child("direction").normal(n, self.ambient_dim)
            return points * direction / direction.norm(dim=1, keepdim=True)
        return points if self.core.absorbs_normal else self.space.embed(points)

    def add_noise(self, x: Points, sigma: Level, stream: Stream) -> Points:
        """X + sigma Z, exact in law in both representations."""
        self.space.check(x, "x")
        instance(stream, Stream, "stream")
        return self.space.add_noise(x, noise_level(sigma, x.shape[0])[:, 0], stream)

    # -- the posterior of X given Y -----------------------------------------------------------------------------

    def statistics(self, y: Points) -> tuple[Statistics, Rows]:
        """(core statistics, rho^2): all that the posterior needs of y and that does not depend on sigma."""
        u, rho2 = self.space.split(y)
        return self.core.statistics(rho2.sqrt()[:, None] if self.core.absorbs_normal else u), rho2

    def place(self, core_points: CorePoints, y: Points) -> Points:
        """What a core assembled at y, as points (n, width).

        A core that absorbs the normal coordinates gives one signed number a point: the component along y's direction.
        """
        if not self.core.absorbs_normal:
            return self.space.embed(core_points)
        if self.reduced:
            return core_points
        norm = y.norm(dim=1, keepdim=True)
        return core_points * y / torch.where(norm > 0, norm, torch.ones_like(norm))

    def posterior(self, y: Points, sigma: Level, order: int) -> tuple[Statistics, Posterior]:
        """(core statistics, core posterior at one level per row) up to moment `order` (see `manifolds.core`)."""
        size, level = self.space.check(y), noise_level(sigma, y.shape[0], y.device)
        if size > _FARTHEST * LEAST_LEVEL and size > _FARTHEST * float(level.min()):
            raise ValueError(f"y must lie within {_FARTHEST:g} sigma, got {size:.3g} in size")
        stats = self.core.statistics(self._core_part(y))
        return stats, self.core.posterior(stats, level.expand(y.shape[0], 1), order)

    def _core_part(self, y: Points) -> CorePoints:
        if self.core.absorbs_normal:
            return self.space.split(y)[1].sqrt()[:, None]
        return self.space.core_part(y)

    def plain(self, name: str, y: Points, sigma: Level) -> torch.Tensor:
        """An answer, by its name, without its gradient."""
        needed = {"log_marginal": 0, "denoise": 1, "distance_covariance": 3, "distance_variance": 4}
        stats, post = self.posterior(y, sigma, needed.get(name, 2))
        if name in ("denoise", "distance_covariance"):
            coef = post.coef if name == "denoise" else post.third
            return self.place(self.core.assemble(stats, coef[:, 0]), y)
        if name == "log_marginal":
            log_p = (post.log_p + post.offset)[:, 0]
            return log_p if self.core.absorbs_normal else log_p + self._normal_log_density(y, sigma)
        if name == "squared_distance" and not self.core.absorbs_normal:
            return post.sqdist[:, 0] + self.space.split(y)[1]
        field = {"squared_distance": "sqdist", "posterior_trace": "trace", "distance_variance": "var_sqdist"}[name]
        return getattr(post, field)[:, 0]

    def _normal_log_density(self, y: Points, sigma: Level) -> Rows:
        level, n = noise_level(sigma, y.shape[0], y.device)[:, 0], self.space.normal_dim
        _, rho2 = self.space.split(y)
        return -n * (torch.log(level) + 0.5 * math.log(2 * math.pi)) - rho2 / (2 * level * level)

    def _answer(self, name: str, y: Points, sigma: Level) -> torch.Tensor:
        """With its gradient in closed form, where the core knows its covariance."""
        self.space.check_shape(y)
        if type(self.core).covariance is Core.covariance:
            return self.plain(name, y, sigma)
        return answer(self, name, y, level_rows(sigma, y.shape[0], y.device))

    def denoise(self, y: Points, sigma: Level) -> Points:
        """E[X | Y = y, sigma], the optimal conditional denoiser; (n, width). Differentiable: Cov[X | y]/sigma^2."""
        return self._answer("denoise", y, sigma)

    def log_marginal(self, y: Points, sigma: Level) -> Rows:
        """log p_sigma(y) with respect to Lebesgue measure on R^d, in both representations; (n,). Twice
        differentiable."""
        return self._answer("log_marginal", y, sigma)

    def posterior_trace(self, y: Points, sigma: Level) -> Rows:
        """tr Cov[X | Y = y, sigma]; (n,). Differentiable."""
        return self._answer("posterior_trace", y, sigma)

    def jacobian_trace(self, y: Points, sigma: Level) -> Rows:
        """Divergence of the denoiser in R^d, tr Cov[X | Y = y]/sigma^2, exactly; (n,). Differentiable."""
        return self.posterior_trace(y, sigma) / level_rows(sigma, y.shape[0], y.device) ** 2

    def mean_and_trace(self, y: Points, sigma: Level) -> tuple[Points, Rows]:
        """(`denoise`, `posterior_trace`) at once, for less than the two; without gradients."""
        stats, post = self.posterior(y, sigma, 2)
        return self.place(self.core.assemble(stats, post.coef[:, 0]), y), post.trace[:, 0]

    def squared_distance(self, y: Points, sigma: Level) -> Rows:
        """E[|X - y|^2 | Y = y, sigma]; (n,). Differentiable."""
        return self._answer("squared_distance", y, sigma)

    def distance_covariance(self, y: Points, sigma: Level) -> Points:
        """W = Cov(X, |X - y|^2 | Y = y, sigma); (n, width). Appears in arXiv 2602.09639, appendix C."""
        return self._answer("distance_covariance", y, sigma)

    def distance_variance(self, y: Points, sigma: Level) -> Rows:
        """Var(|X - y|^2 | Y = y, sigma); (n,). Appears in arXiv 2602.09639, Lemma 3.7."""
        return self._answer("distance_variance", y, sigma)

    def covariance(self, y: Points, sigma: Level, v: Points) -> Points:
        """Cov[X | Y = y, sigma] v, row by row; (n, width). In reduced coordinates v lies along y's normal direction.

        Raises:
            NotImplementedError: a core that does not know it.
        """
        self.space.check(y)
        self.space.check(v, "v")
        level = noise_level(sigma, y.shape[0], y.device).expand(y.shape[0], 1)
        stats = self.core.statistics(self._core_part(y))
        if not self.core.absorbs_normal:
            return self.space.embed(self.core.covariance(stats, level, self.space.core_part(v)))
        if self.reduced:
            return self.core.covariance(stats, level, v)
        across, along = self.core.across_and_along(stats, level)
        return round_product(y, y.norm(dim=1), across, along, v)

    # -- the support --------------------------------------------------------------------------------------------

    def project(self, y: Points) -> Points:
        """The nearest point of the support; (n, width)."""
        self.space.check(y)
        u, rho2 = self.space.split(y)
        if self.core.absorbs_normal:
            return self.place(self.core.project(rho2.sqrt()[:, None]), y)
        return self.space.embed(self.core.project(u))

    def distance(self, y: Points) -> Rows:
        """Distance from y to the support; (n,)."""
        return self.space.sqnorm(y - self.project(y)).sqrt()

    def log_covering_number(self, eps: float) -> Bounds:
        """Lower and upper bounds on the log number of eps-balls that cover the support."""
        if not eps > 0:
            raise ValueError(f"eps must be > 0, got {eps!r}")
        return self.core.log_covering_number(eps)

    def mmse(self, sigma: torch.Tensor) -> torch.Tensor | None:
        """E tr Cov[X | Y] at levels (q,), where it has a closed form or a one-dimensional integral; else None."""
        return self.core.mmse(torch.as_tensor(sigma, dtype=torch.float64))
