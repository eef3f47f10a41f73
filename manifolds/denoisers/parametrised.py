"""What a blind network predicts, and the clean estimate that a sampler makes of it: x, eps, score or velocity.

A sampler that is told sigma turns a prediction into a clean estimate. If the network was told the level too, all four
give f_sigma(y). A blind one gives the average of its target over the noise posterior, and the sampler's sigma meets
another level w in it:

    prediction   target at level w               point p          clean estimate of the blind prediction
    x            f_w(y)                          y                E[f_w | y]
    eps          (y - f_w)/w                     y                y - sigma E[(y - f_w)/w | y]
    score        (f_w - y)/w^2                   y                y - sigma^2 E[(y - f_w)/w^2 | y]
    velocity     (z - f_w)/t_w = E[eps - X | z]  z = y/(1+sigma)  z - t E[(z - f_w)/t_w | z],  t = sigma/(1+sigma)

that is p - s(sigma) E[(p - f_w)/s(w) | p] with s = 1, w, w^2, w/(1+w): arXiv 2502.13129 and 2602.18428 ask which of
them survive without the level. The velocity is that of the flow-matching path z = (1 - t) X + t eps.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from manifolds.denoisers.prior import NoisePrior, PiecewisePowerPrior
from manifolds.law import Law
from manifolds.shapes import Level, Points
from manifolds.special.quadrature import legendre

__all__ = ["PREDICTIONS", "Parametrised", "parametrisation"]

PREDICTIONS = ("x", "eps", "score", "velocity")
_SCALE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "x": torch.ones_like,
    "eps": lambda w: w,
    "score": lambda w: w * w,
    "velocity": lambda w: w / (1.0 + w),
}
_REACH, _NODES = 9.0, 48  # standard deviations 1/sqrt(2n) a side, nodes over both: 1e-10 of a Gaussian peak
_LEAST, _SHARE = 200, 8  # codimension, and its multiple of m, from which on the peak is near Gaussian and in the window
_MOST = 500  # ambient dimension up to which the whole prior is covered instead, at nodes a quarter of a width apart
_CHUNK = 1 << 20


def parametrisation(law: Law, predicts: str, prior: NoisePrior | None = None) -> Parametrised:
    """The clean estimate f(y, sigma) of a network that predicts x, eps, score or velocity: blind with a prior.

    Without a prior the network is told the level, and every prediction stands for f_sigma(y).

    Raises:
        ValueError: another prediction; a prior without a density; a law without normal coordinates of its own, or with
            too few of them (fewer than 200 or 8 m, unless d <= 500).

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=10**6, reduced=True)
    >>> f = parametrisation(law, "eps", NoisePrior.power(-1.0, 0.01, 10.0))
    >>> y = torch.tensor([[1.0, 0.505 * (10**6 - 1) ** 0.5]], dtype=torch.float64)  # noise of .505, and .5 is told
    >>> [round(v, 3) for v in (f(y, 0.5) / torch.tensor([1.0, 1000.0])).flatten().tolist()]  # 1 - .5/.505 stays
    [0.799, 0.005]
    """
    return Parametrised(law, predicts, prior)


class Parametrised:
    """See `parametrisation`.

    Attributes:
        blind: False: the sampler tells sigma, whatever the network knows.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=2)
    >>> Parametrised(law, "velocity", None)(torch.ones(1, 2, dtype=torch.float64), 0.5)  # told: f_sigma
    tensor([[0.8000, 0.0000]], dtype=torch.float64)
    """

    blind = False

    def __init__(self, law: Law, predicts: str, prior: NoisePrior | None):
        if predicts not in PREDICTIONS:
            raise ValueError(f"predicts must be one of {', '.join(PREDICTIONS)}, got {predicts!r}")
        if prior is not None:
            if not isinstance(prior, PiecewisePowerPrior):
                raise ValueError("prior must have a density, got a discrete one")
            n, m = law.space.normal_dim, law.core_dim
            if law.core.absorbs_normal:
                raise ValueError(f"law must be concentrated on its core, {law.name} fills the whole space")
            self._narrow = n >= max(_LEAST, _SHARE * m)
            if not self._narrow and law.ambient_dim > _MOST:
                raise ValueError(
                    f"law must have at least {max(_LEAST, _SHARE * m)} normal coordinates or d <= {_MOST}, "
                    f"got {n} in d = {law.ambient_dim}"
                )
        self.law, self.space, self.predicts, self.prior = law, law.space, predicts, prior

    def __repr__(self) -> str:
        return f"Parametrised({self.law!r}, {self.predicts!r}, {'told' if self.prior is None else 'blind'})"

    def __call__(self, y: Points, sigma: Level) -> Points:
        """The clean estimate (n, width); it has a normal part unless x is predicted or the level told."""
        if self.prior is None:
            return self.law.denoise(y, sigma)
        self.space.check(y)
        told = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, 1).expand(len(y), 1)
        size = max(_CHUNK // (self._count() * max(self.law.core_dim, 1)), 1)
        return torch.cat([self._estimate(p, s) for p, s in zip(y.split(size), told.split(size))])

    def levels(self, y: Points, sigma: Level) -> tuple[torch.Tensor, torch.Tensor]:
        """(levels w, probabilities), each (n, q): the noise posterior that the network averages over, given y or z.

        The logarithm of what is read, w or w/(1 + w), has standard deviation near 1/sqrt(2 (d - m)).
        """
        told = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, 1).expand(len(y), 1)
        w, weight, _ = self._posterior(self._point(y, told))
        return w, weight

    def _point(self, y: Points, sigma: torch.Tensor) -> Points:
        """What the network is given: y, or the point z of the flow-matching path."""
        return y / (1.0 + sigma) if self.predicts == "velocity" else y

    def _estimate(self, y: Points, sigma: torch.Tensor) -> Points:
        p, scale = self._point(y, sigma), _SCALE[self.predicts]
        w, weight, clean = self._posterior(p)
        ratio = weight * scale(sigma) / scale(w)
        core = torch.einsum("nq,nqm->nm", ratio, clean)
        return p * (weight - ratio).sum(dim=1, keepdim=True) + self.space.embed(core)

    def _count(self) -> int:
        """Nodes a point."""
        if self._narrow:
            return _NODES
        lo, hi = self._ends()
        return max(_NODES, math.ceil(4.0 * (hi - lo) * math.sqrt(2.0 * self.law.ambient_dim)))

    def _ends(self) -> tuple[float, float]:
        """The prior's ends in the coordinate tau that the point reads: log w, or log t for the velocity."""
        assert self.prior is not None
        ends = torch.tensor([self.prior.low, self.prior.high], dtype=torch.float64)
        lo, hi = (ends / (1.0 + ends) if self.predicts == "velocity" else ends).log().tolist()
        return lo, hi

    def _posterior(self, p: Points) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(levels w (n, q), probabilities (n, q), f_w (n, q, m)) given p, by Gauss-Legendre in tau around the peak."""
        assert isinstance(self.prior, PiecewisePowerPrior)
        u, rho2 = self.space.split(p)
        n, m, q = self.space.normal_dim, self.law.core_dim, self._count()
        lo, hi = self._ends()
        x, rule = legendre(q)
        centre = (0.5 * torch.log(rho2.clamp(min=1e-300) / max(n, 1)))[:, None].clamp(lo, hi)
        if self._narrow:
            reach = _REACH / math.sqrt(2.0 * n)
            first = torch.clamp(centre - reach, min=lo)
            last = torch.clamp(centre + reach, max=hi)
        else:
            first, last = torch.full_like(centre, lo), torch.full_like(centre, hi)
        offset = (first - centre) + (last - first) * x
        tau = centre + offset
        w = torch.exp(tau)
        squares = 0.5 * rho2[:, None] * torch.exp(-2.0 * centre)
        log_weight = torch.log(rule) - n * offset - squares * torch.expm1(-2.0 * offset)
        core = u[:, None, :].expand(-1, q, -1)
        if self.predicts == "velocity":
            w = w / (1.0 - w)
            core = core * (1.0 + w)[..., None]
            log_weight = log_weight + (m + 1) * torch.log1p(w)  # of the point y = (1 + w) z, and of d log w/d log t
        stats = self.law.core.statistics(core.reshape(-1, m))
        post = self.law.core.posterior(stats, w.reshape(-1, 1), 1)
        log_weight = log_weight + (post.log_p + post.offset).reshape(-1, q) + self.prior.log_density_log(torch.log(w))
        clean = self.law.core.assemble(stats, post.coef[:, 0]).reshape(-1, q, m)
        return w, torch.softmax(log_weight, dim=1), clean
