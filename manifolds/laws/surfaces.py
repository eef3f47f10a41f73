"""Laws on parametric surfaces: the posterior by a quadrature rule whose nodes are atoms, samples from the surface
itself.

Along a periodic parameter the rule is the trapezoid rule, along the others Gauss-Legendre. Against a Gaussian of width
sigma both have relative error about 2 exp(-2 pi^2 sigma^2/h^2), h being the largest spacing of nodes (in the middle,
for Gauss-Legendre): at h = 0.8 sigma that is 1e-13, and the finest noise level of a rule is defined by this. Where the
surface bends within a few sigma the posterior is narrower than sigma, and a closer spacing is asked for (images). A
level finer than the rule's is refused, with the number of nodes that it would need.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch

from manifolds.checks import positive_int, positive_number
from manifolds.laws.atoms import Atoms
from manifolds.shapes import Bounds, CorePoints
from manifolds.special.box import Axis, grid, product_rule
from manifolds.special.nearest import nearest_point
from manifolds.streams import Stream

__all__ = ["Axis", "Surface", "ellipse", "moebius", "swiss_roll", "trefoil"]

_SPACING = 0.8  # largest node spacing, of the finest sigma
_LEAST_NODES = 24  # along an axis: the area element must be resolved
_MAX_NODES = 1 << 17
_PROPOSALS = 48  # a row; at acceptance 1/2 or more all fail with probability 4e-15
_ROWS = 1 << 12

Chart = Callable[[torch.Tensor], torch.Tensor]


class Surface(Atoms):
    """The image of a box of parameters under a chart, with the area measure or uniform in the parameters.

    Args:
        chart: parameters (n, k) to points (n, m); torch operations, so that it can be differentiated.
        axes: k ranges.
        finest: the smallest noise standard deviation that will be asked; None is what target_nodes resolve.
        radius: sup |x|, or an upper bound.
        name: the registry's name.
        uniform_in_area: True for the area (arc length) measure, False for uniform parameters.
        target_nodes: number of nodes, about, if finest is None.
        least_nodes: along each axis.
        spacing: largest distance between nodes, in units of finest.

    Attributes:
        finest_sigma: the smallest noise level that the nodes resolve.
        parameters: (N, k) of the nodes.

    Raises:
        ValueError: finest is not > 0, or needs more than 2^17 nodes.

    >>> def parabola(t): return torch.cat([t, t * t], dim=1)
    >>> law = Surface(parabola, [Axis(-1.0, 1.0)], finest=0.1, radius=2.0**0.5, name="parabola")
    >>> law.project(torch.tensor([[0.0, -3.0]], dtype=torch.float64)).abs() < 1e-6
    tensor([[True, True]])
    """

    @torch.inference_mode(False)
    def __init__(
        self,
        chart: Chart,
        axes: Sequence[Axis],
        finest: float | None,
        radius: float,
        name: str,
        uniform_in_area: bool = True,
        target_nodes: int = 4096,
        least_nodes: int = _LEAST_NODES,
        spacing: float = _SPACING,
    ):
        self.chart, self.axes = chart, tuple(axes)
        self.name, self._uniform_in_area, self._least_nodes = name, uniform_in_area, least_nodes
        self._spacing = spacing
        self._speed = self._largest_speeds()
        finest = self._affordable(target_nodes) if finest is None else positive_number(finest, "finest")
        self.finest_sigma = finest
        counts = self._counts(finest)
        if math.prod(counts) > _MAX_NODES:
            coarser = finest * (math.prod(counts) / _MAX_NODES) ** (1.0 / len(axes))
            raise ValueError(
                f"finest must be at least about {coarser:.2g} for {name} with {_MAX_NODES} nodes; "
                f"{finest:g} needs {math.prod(counts)} nodes"
            )
        self.parameters, weights = product_rule(self.axes, counts)
        points = self._chart_in_parts(self.parameters)
        if uniform_in_area:
            area = self._area_element(self.parameters)
            weights = weights * area
            self._largest_area = 1.02 * float(max(area.max(), self._area_element(self._grid()).max()))
        super().__init__(points, weights / weights.sum(), len(axes), name)
        self.radius = radius

    finite = False  # the nodes stand for a surface
    rows_at_once = _ROWS  # of the chart; images, with their many pixels, take fewer

    # -- nodes --------------------------------------------------------------------------------------------------

    def _grid(self) -> torch.Tensor:
        """A coarse grid of parameters, ends included."""
        return grid(self.axes, {1: 257, 2: 33, 3: 13}.get(len(self.axes), 7))

    @torch.inference_mode(False)  # tangents are derivatives, whoever asks for them
    @torch.enable_grad()
    def _tangents(self, t: torch.Tensor) -> torch.Tensor:
        """(n, k, m) derivatives of the chart."""
        columns = []
        t = t.clone() if t.is_inference() else t
        for axis in torch.eye(len(self.axes), dtype=torch.float64):
            # not torch.func.jvp: its first call loads torch's compiler, in every process
            columns.append(torch.autograd.functional.jvp(self.chart, t, axis.expand_as(t).contiguous())[1])
        return torch.stack(columns, dim=1)

    def _area_element(self, t: torch.Tensor) -> torch.Tensor:
        tangents = self._tangents(t)
        return torch.linalg.det(tangents @ tangents.transpose(1, 2)).clamp(min=0.0).sqrt()

    def _largest_speeds(self) -> list[float]:
        speed = torch.stack([self._tangents(part).norm(dim=2).max(dim=0).values for part in self._grid().split(256)])
        return speed.max(dim=0).values.tolist()

    def _counts(self, finest: float) -> list[int]:
        """Nodes along each axis."""
        counts = []
        for axis, speed in zip(self.axes, self._speed):
            spread = 1.0 if axis.periodic else 0.5 * math.pi  # Gauss-Legendre is sparser in the middle
            counts.append(max(math.ceil(spread * speed * axis.length / (self._spacing * finest)), self._least_nodes))
        return counts

    def _affordable(self, target: int) -> float:
        """The finest level, rounded up to two digits, that the target number of nodes resolves."""
        finest = 1e-4 * max(self._speed)
        while math.prod(self._counts(finest)) > target:
            finest *= 1.02
        places = 1 - math.floor(math.log10(finest))
        return round(finest + 0.5 * 10.0**-places, places)

    def check_level(self, finest: float) -> None:
        if finest < self.finest_sigma * (1.0 - 1e-9):
            raise ValueError(
                f"sigma must be >= {self.finest_sigma:g} for {self.name} with {len(self.points)} quadrature nodes; "
                f"{finest:.3g} needs {math.prod(self._counts(finest))} nodes (option finest={finest:.3g})"
            )

    # -- the surface itself -------------------------------------------------------------------------------------

    def sample_parameters(self, n: int, stream: Stream) -> torch.Tensor:
        """(n, k) parameters of independent draws; by rejection for the area measure, a fixed number of proposals a
        row."""
        k = len(self.axes)
        low = torch.tensor([a.low for a in self.axes], dtype=torch.float64)
        length = torch.tensor([a.length for a in self.axes], dtype=torch.float64)
        if not self._uniform_in_area:
            return low + length * stream.uniform(n, k)
        found = []
        for start in range(0, n, _ROWS):
            u = stream.uniform(min(_ROWS, n - start), _PROPOSALS, k + 1)
            t = low + length * u[..., :k]
            area = self._area_element(t.reshape(-1, k)).reshape(u.shape[:2])
            first = (u[..., k] * self._largest_area <= area).to(torch.int8).argmax(dim=1)
            found.append(t[torch.arange(len(t)), first])
        return torch.cat(found)

    def sample(self, n: int, stream: Stream) -> CorePoints:
        return self._chart_in_parts(self.sample_parameters(n, stream))

    def _chart_in_parts(self, t: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.chart(part) for part in t.split(self.rows_at_once)])

    def project(self, u: CorePoints) -> CorePoints:
        """From the nearest node, by damped Newton steps in the parameters (kept in their ranges)."""
        low = torch.tensor([-math.inf if a.periodic else a.low for a in self.axes], dtype=torch.float64)
        high = torch.tensor([math.inf if a.periodic else a.high for a in self.axes], dtype=torch.float64)
        step = self._spacing * self.finest_sigma * math.sqrt(len(self.axes))
        find = partial(nearest_point, self.chart, self._tangents, self._atlas, self.parameters, step, low, high)
        return torch.cat([find(rows) for rows in u.split(256)])

    def log_covering_number(self, eps: float) -> Bounds:
        """Of the nodes, widened by their distance to the rest of the surface; finer than that, cells are divided."""
        if eps >= self.radius:
            return 0.0, 0.0
        k, reach = len(self.axes), self._spacing * self.finest_sigma * math.sqrt(len(self.axes))
        lower = super().log_covering_number(eps)[0]
        divided = math.log(len(self.points)) + k * math.log(math.ceil(reach / eps))
        return lower, min(divided, super().log_covering_number(eps - reach)[1]) if eps > reach else divided


# -- curves and surfaces of textbooks

_TURN = 2.0 * math.pi


def _fixed_dim(dim: int, allowed: int, name: str) -> None:
    if positive_int(dim, "dim") != allowed:
        raise ValueError(f"dim must be {allowed} for {name}, got {dim}")


def ellipse(dim: int = 1, semi_axes: Sequence[float] = (2.0, 0.5), finest: float = 0.02) -> Surface:
    """(a cos t, b sin t) with the arc-length measure; m = 2, R = max(a, b). Figure 10 of arXiv 2602.09639 has (2,
    .5).

    >>> ellipse(semi_axes=(3.0, 1.0)).radius
    3.0
    """
    _fixed_dim(dim, 1, "ellipse")
    if len(semi_axes) != 2:
        raise ValueError(f"semi_axes must be two numbers, got {len(semi_axes)}")
    a, b = (positive_number(float(value), "semi_axes") for value in semi_axes)

    def chart(t: torch.Tensor) -> torch.Tensor:
        return torch.cat([a * torch.cos(t), b * torch.sin(t)], dim=1)

    return Surface(chart, [Axis(0.0, _TURN, True)], finest, max(a, b), "ellipse")


def trefoil(dim: int = 1, scale: float = 1.0, finest: float = 0.02) -> Surface:
    """The knot s (sin t + 2 sin 2t, cos t - 2 cos 2t, -sin 3t)/3 with the arc-length measure; m = 3, R = s.

    >>> trefoil(finest=0.1).core_dim
    3
    """
    _fixed_dim(dim, 1, "trefoil")
    size = positive_number(scale, "scale") / 3.0

    def chart(t: torch.Tensor) -> torch.Tensor:
        x, y = torch.sin(t) + 2.0 * torch.sin(2.0 * t), torch.cos(t) - 2.0 * torch.cos(2.0 * t)
        return size * torch.cat([x, y, -torch.sin(3.0 * t)], dim=1)

    # |x|^2 = size^2 (5 - 4 c + 1 - c^2), c = cos 3t, largest at c = -1
    return Surface(chart, [Axis(0.0, _TURN, True)], finest, 3.0 * size, "trefoil")


def swiss_roll(
    dim: int = 2, scale: float = 1.0, height: float = 1.5, turns: float = 1.5, finest: float = 0.1
) -> Surface:
    """A spiral s t (cos t, sin t)/t_max, t in [3 pi/2, 3 pi/2 + 2 pi turns], times an interval; area measure; m = 3.

    Args:
        dim: 2.
        scale: s, the outer radius of the spiral.
        height: length of the interval, in units of s.
        turns: turns of the spiral; its layers are apart by 2 pi s/t_max.
        finest: smallest noise level to be asked.

    >>> swiss_roll(finest=0.3).intrinsic_dim
    2
    """
    _fixed_dim(dim, 2, "swiss_roll")
    scale, height, turns = (
        positive_number(scale, "scale"),
        positive_number(height, "height"),
        positive_number(turns, "turns"),
    )
    start = 1.5 * math.pi
    stop = start + _TURN * turns
    half = 0.5 * height * scale

    def chart(p: torch.Tensor) -> torch.Tensor:
        t, h = p[:, :1], p[:, 1:]
        return torch.cat([scale / stop * t * torch.cos(t), scale / stop * t * torch.sin(t), h], dim=1)

    return Surface(chart, [Axis(start, stop), Axis(-half, half)], finest, math.hypot(scale, half), "swiss_roll")


def moebius(dim: int = 2, radius: float = 1.0, width: float = 0.8, finest: float = 0.1) -> Surface:
    """The band ((r + w cos(t/2)) cos t, (r + w cos(t/2)) sin t, w sin(t/2)), |w| <= width/2; area measure; m = 3.

    >>> moebius(finest=0.3).radius
    1.4
    """
    _fixed_dim(dim, 2, "moebius")
    radius, width = positive_number(radius, "radius"), positive_number(width, "width")
    if width >= 2.0 * radius:
        raise ValueError(f"width must be < 2 radius = {2 * radius:g} for moebius, got {width:g}")

    def chart(p: torch.Tensor) -> torch.Tensor:
        t, w = p[:, :1], p[:, 1:]
        reach = radius + w * torch.cos(0.5 * t)
        return torch.cat([reach * torch.cos(t), reach * torch.sin(t), w * torch.sin(0.5 * t)], dim=1)

    # (t + 2 pi, w) is (t, -w): with nodes symmetric in w the trapezoid rule in t closes up
    return Surface(
        chart, [Axis(0.0, _TURN, True), Axis(-0.5 * width, 0.5 * width)], finest, radius + 0.5 * width, "moebius"
    )
