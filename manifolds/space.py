"""Where points live: R^d in full, or its quotient by the rotations that leave the data fixed.

A law whose support spans m of the d ambient dimensions is invariant under rotations of the other n = d - m. Everything
that a denoiser or a rotation-equivariant sampler does then depends on y through its core coordinates u in R^m and the
norm rho of its normal coordinates, and the quotient (u, rho) is itself Markov under scaling and Gaussian noise:

    rho' = sqrt((rho + s g)^2 + s^2 chi2_{n-1}),    g ~ N(0, 1).

The reduced form is exact in law, and its cost does not depend on d.

In the reduced form a denoiser's output is (f_u, f_rho) with f_rho its SIGNED component along the unit normal direction
of its argument y. Then y - f(y), c y + (1 - c) f(y) and |y - f(y)|^2 = (sum of squares) are computed alike in both
forms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import torch

from manifolds.shapes import CorePoints, Level, Points, Rows
from manifolds.streams import Stream

__all__ = ["Draw", "Space", "row_squares"]

_MOST = 1e140  # squares, sums of squares, and products of those with a radius are numbers
_AT_ONCE = 1 << 16  # numbers whose squares stay in cache


def row_squares(v: torch.Tensor) -> Rows:
    """Sums of squares (n,) of the rows of v (n, d), without an array of v's size.

    >>> row_squares(torch.tensor([[3.0, 4.0]]))
    tensor([25.])
    """
    if v.numel() <= _AT_ONCE:
        return (v * v).sum(dim=1)
    return torch.cat([(part * part).sum(dim=1) for part in v.split(max(_AT_ONCE // v.shape[1], 1))])


@dataclass(frozen=True)
class Draw:
    """Standard Gaussian noise for n points, before it is scaled: reusable, and summable over sub-steps.

    Attributes:
        normal: (n, width) standard normals; in the reduced form the last column points along the normal direction.
        chi2: (n,) squared norm of the remaining n - 1 normal coordinates (zeros in the dense form).

    >>> from manifolds.streams import stream
    >>> draw = Space(5, 2).draw(3, stream(0))
    >>> Draw.stack([draw, draw]).normal.shape
    torch.Size([6, 5])
    """

    normal: torch.Tensor
    chi2: torch.Tensor

    def __getitem__(self, rows: slice) -> Draw:
        return Draw(self.normal[rows], self.chi2[rows])

    @staticmethod
    def stack(draws: Sequence[Draw]) -> Draw:
        """The points of several draws as those of one."""
        return Draw(torch.cat([draw.normal for draw in draws]), torch.cat([draw.chi2 for draw in draws]))

    @staticmethod
    def combine(draws: Sequence[Draw], weights: Sequence[float]) -> Draw:
        """The standard draw proportional to sum_i weights_i draws_i: noise coupled across step counts.

        Dense: exact. Reduced: exact on the core coordinates and along the normal direction; the chi-square of the
        orthogonal coordinates is mixed linearly, which keeps its mean exact and the coupling tight.

        Raises:
            ValueError: no draw, or weights that are not as many and not all zero.
        """
        norm = math.sqrt(sum(w * w for w in weights))
        if len(draws) != len(weights) or norm == 0.0:
            raise ValueError("weights must be one per draw and not all zero")
        unit = [w / norm for w in weights]
        normal = reduce(add, [w * draw.normal for w, draw in zip(unit, draws)])
        chi2 = reduce(add, [w * w * draw.chi2 for w, draw in zip(unit, draws)])
        return Draw(normal, chi2)


class Space:
    """Dense R^d, or the quotient by rotations of the n = d - m coordinates normal to the core.

    Args:
        ambient_dim: d.
        core_dim: m <= d, the dimension of the smallest linear space that holds the support.
        reduced: True for points (u, rho) of width m + 1, False for points of width d.
        frame: (d, m) orthonormal columns spanning the core; None is the first m coordinates. Dense form only.
        center: (m,) the mean of the data in core coordinates; None is the origin.

    Raises:
        ValueError: core_dim > ambient_dim, or a frame whose columns are not orthonormal.

    >>> space = Space(10**9, 2, reduced=True)
    >>> space.width, space.normal_dim
    (3, 999999998)
    """

    def __init__(
        self,
        ambient_dim: int,
        core_dim: int,
        reduced: bool = False,
        frame: torch.Tensor | None = None,
        center: torch.Tensor | None = None,
    ):
        if core_dim > ambient_dim:
            raise ValueError(f"ambient must be at least the core dimension {core_dim}, got {ambient_dim}")
        self.ambient_dim, self.core_dim, self.reduced = ambient_dim, core_dim, reduced
        self.normal_dim = ambient_dim - core_dim
        self.width = core_dim + 1 if reduced else ambient_dim
        if frame is not None:
            if reduced:
                raise ValueError("frame must be None in reduced coordinates, which do not depend on it")
            frame = frame.to(torch.float64)
            if frame.shape != (ambient_dim, core_dim):
                raise ValueError(f"frame must have shape ({ambient_dim}, {core_dim}), got {tuple(frame.shape)}")
            if not torch.allclose(frame.T @ frame, torch.eye(core_dim, dtype=torch.float64), atol=1e-10):
                raise ValueError("frame must have orthonormal columns")
        self.frame = frame
        core_center = torch.zeros(core_dim, dtype=torch.float64) if center is None else center.to(torch.float64)
        self.center = self.embed(core_center[None])[0]

    def embed(self, u: CorePoints) -> Points:
        """Core coordinates (n, m) as points (n, width) with no normal part."""
        if self.frame is not None:
            return u @ self.frame.T.to(u.device)
        out = u.new_zeros(u.shape[0], self.width)
        out[:, : self.core_dim] = u
        return out

    def core_part(self, y: Points) -> CorePoints:
        """Core coordinates (n, m) of points (n, width)."""
        return y[:, : self.core_dim] if self.frame is None else y @ self.frame.to(y.device)

    def split(self, y: Points) -> tuple[CorePoints, Rows]:
        """Points (n, width) as core coordinates (n, m) and squared norm (n,) of the normal coordinates."""
        u = self.core_part(y)
        normal = y[:, self.core_dim :] if self.frame is None else y - u @ self.frame.T.to(y.device)
        return u, row_squares(normal)

    def normal_part(self, y: Points) -> Points:
        """The normal component of y, as a point (n, width)."""
        if self.frame is not None:
            return y - (y @ self.frame.to(y.device)) @ self.frame.T.to(y.device)
        normal = y.clone()
        normal[:, : self.core_dim] = 0.0
        return normal

    def sqnorm(self, v: Points) -> Rows:
        """|v|^2 (n,) of combinations v of a point y and of denoiser outputs at y."""
        return row_squares(v)

    def draw(self, n: int, stream: Stream) -> Draw:
        """Standard noise for n points, new at each call. Row i does not depend on n."""
        stream = stream.spawn("noise")
        normal = stream.child("normal").normal(n, self.width)
        if not self.reduced:
            return Draw(normal, torch.zeros(n, dtype=torch.float64))
        if self.normal_dim == 0:
            normal[:, -1] = 0.0
        return Draw(normal, stream.child("chi2").chi2(max(self.normal_dim - 1, 0), n))

    def perturb(self, y: Points, scale: Level, draw: Draw) -> Points:
        """y + scale Z for a given draw; scale is a standard deviation >= 0, a number or (n,)."""
        scale = torch.as_tensor(scale, dtype=y.dtype, device=y.device).reshape(-1, 1)
        moved = (scale * draw.normal.to(y.device)).add_(y)
        if self.reduced:
            chi = scale[:, 0] * draw.chi2.to(y.device).sqrt()
            moved[:, -1] = torch.hypot(moved[:, -1], chi)
        return moved

    def add_noise(self, y: Points, scale: Level, stream: Stream) -> Points:
        """The channel y -> y + scale Z, exact in law in both forms."""
        return self.perturb(y, scale, self.draw(y.shape[0], stream))

    def start(self, n: int, sigma: float, stream: Stream) -> Points:
        """n points of N(center, sigma^2 I_d): where the dynamics start (arXiv 2602.09639, section 3)."""
        return self.add_noise(self.center.expand(n, -1).clone(), sigma, stream)

    def check(self, y: torch.Tensor, name: str = "y") -> float:
        """The largest |coordinate| of y; ValueError, in one line, unless y is a float64 tensor of shape (n, width) of
        numbers not beyond 1e140."""
        self.check_shape(y, name)
        if not y.numel():
            return 0.0
        low, high = (float(end) for end in torch.aminmax(y))  # one pass, no mask
        if not -_MOST <= low <= high <= _MOST:
            if math.isfinite(low) and math.isfinite(high):
                raise ValueError(f"{name} must lie between {-_MOST:g} and {_MOST:g}, got {max(high, -low):.3g} in size")
            raise ValueError(f"{name} must be finite, got NaN or infinity")
        return max(high, -low)

    def check_shape(self, y: torch.Tensor, name: str = "y") -> None:
        """Raise ValueError unless y is a float64 tensor of shape (n, width)."""
        if not isinstance(y, torch.Tensor) or y.dtype != torch.float64:
            raise ValueError(f"{name} must be a float64 torch tensor")
        if y.ndim != 2 or y.shape[1] != self.width:
            raise ValueError(f"{name} must have shape (n, {self.width}), got {tuple(y.shape)}")
