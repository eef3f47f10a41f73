"""Image manifolds: smooth families of N x N images with 2 to 4 parameters, as exact laws in pixel space, d = N^2.

blobs  Gaussian bumps: centre (2), width, amplitude
discs  discs with a soft edge: centre (2), radius, amplitude
bars   soft bars: angle and offset, width, amplitude

Parameters are uniform. Pixel values lie in [0, 1]; lengths are given as fractions of N. A smooth family spans, to any
accuracy, far fewer than N^2 dimensions: the core R^m is its span to 1e-6 (singular values). The law is that of the
images projected onto this span. This moves no pixel by more than 1e-4, a fortieth of an 8-bit grey level (checked when
the law is built), and leaves samples and posterior consistent with each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from manifolds.checks import positive_int
from manifolds.laws.surfaces import Surface
from manifolds.special.box import Axis, grid
from manifolds.streams import stream

__all__ = ["ImageManifold", "bars", "blobs", "discs"]

_SPAN_TOLERANCE = 1e-6  # of the largest singular value
_PIXEL_TOLERANCE = 1e-4
_SPAN_SAMPLES = 1000
_SKETCH = {2: 300, 3: 500, 4: 500}  # above the rank found
_SPACING = 0.5  # of the finest sigma: images bend sharply, see manifolds.laws.surfaces
_LEAST_NODES = 12
_TARGET_NODES = {2: 3000, 3: 16_000, 4: 60_000}

Render = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class ImageManifold(Surface):
    """Images render(parameters) on an N x N grid.

    Args:
        render: parameters (n, k), pixel columns (d,) and rows (d,) in (-1/2, 1/2) to images (n, d).
        axes: k ranges.
        side: N.
        finest: smallest noise level that will be asked; None is what a few thousand nodes resolve.
        name: the registry's name.

    Attributes:
        natural_frame: (d, m) orthonormal columns: core coordinates to pixels, row by row.

    Raises:
        ValueError: finest needs too many nodes.

    >>> law = blobs(2, ambient=64, finest=0.5)
    >>> law.images(torch.zeros(1, 2, dtype=torch.float64)).shape
    torch.Size([1, 8, 8])
    """

    @torch.inference_mode(False)
    def __init__(self, render: Render, axes: list[Axis], side: int, finest: float | None, name: str):
        grid = (torch.arange(side, dtype=torch.float64) + 0.5) / side - 0.5
        rows, columns = (v.reshape(-1) for v in torch.meshgrid(grid, grid, indexing="ij"))
        self.side = side
        self._render = lambda t: render(t, columns, rows)
        self.rows_at_once = max((1 << 22) // side**2, 16)
        self.axes = tuple(axes)
        self.natural_frame = self._span(name)
        basis = self.natural_frame

        def chart(t: torch.Tensor) -> torch.Tensor:
            return self._render(t) @ basis

        target = _TARGET_NODES[len(axes)]
        super().__init__(chart, axes, finest, math.inf, name, False, target, _LEAST_NODES, _SPACING)
        norms = torch.cat([chart(part).norm(dim=1) for part in self._grid().split(self.rows_at_once)])
        # the largest norm moves between grid points by far less than this
        self.radius = 1.001 * max(float(norms.max()), float(self.points.norm(dim=1).max()))

    def images(self, t: torch.Tensor) -> torch.Tensor:
        """Parameters (n, k) to images (n, N, N)."""
        return self._render(t).reshape(-1, self.side, self.side)

    def _grid(self) -> torch.Tensor:
        return grid(self.axes, {2: 17, 3: 9, 4: 5}[len(self.axes)])

    def _span(self, name: str) -> torch.Tensor:
        """Orthonormal basis of the family's numerical span, by a random sketch of the range and its singular values."""
        source = stream(0, "image span", name, self.side, len(self.axes))
        low = torch.tensor([a.low for a in self.axes], dtype=torch.float64)
        length = torch.tensor([a.length for a in self.axes], dtype=torch.float64)
        # corners and ends are the hardest to reproduce: arcsine-distributed parameters crowd there
        uniform = source.uniform(_SPAN_SAMPLES, len(self.axes))
        t = low + length * 0.5 * (1.0 - torch.cos(math.pi * uniform))
        images = torch.cat([self._render(part) for part in t.split(self.rows_at_once)])
        sketch = (
            images.T @ source.normal(_SPAN_SAMPLES, min(self.side**2, _SKETCH[len(self.axes)])) / _SPAN_SAMPLES**0.5
        )
        basis, _ = torch.linalg.qr(sketch)
        _, values, directions = torch.linalg.svd(images @ basis, full_matrices=False)
        kept = int((values > _SPAN_TOLERANCE * values[0]).sum())
        frame = torch.linalg.qr(basis @ directions[:kept].T)[0]
        fresh = self._render(low + length * source.uniform(64, len(self.axes)))
        miss = float((fresh - fresh @ frame @ frame.T).abs().max())
        if miss > _PIXEL_TOLERANCE:
            raise ValueError(
                f"{name} at side {self.side} must span fewer dimensions: {kept} leave a pixel error of {miss:.1e}"
            )
        return frame.contiguous()


def _side(ambient: int, name: str) -> int:
    ambient = positive_int(ambient, "ambient")
    side = math.isqrt(ambient)
    if side * side != ambient or not 6 <= side <= 128:
        raise ValueError(f"ambient must be a square N^2 with 6 <= N <= 128 for {name}, got {ambient}")
    return side


def _parameters(dim: int, name: str, position: list[Axis], size: Axis) -> list[Axis]:
    """The axes in use; the size and the amplitude (at most 1) come third and fourth."""
    dim = positive_int(dim, "dim")
    if not 2 <= dim <= 4:
        raise ValueError(f"dim must be 2, 3 or 4 for {name}, got {dim}")
    return [*position, size, Axis(0.5, 1.0)][:dim]


def _column(t: torch.Tensor, index: int, default: float) -> torch.Tensor:
    return t[:, index : index + 1] if t.shape[1] > index else torch.full_like(t[:, :1], default)


_CENTRE = [Axis(-0.2, 0.2), Axis(-0.2, 0.2)]


def blobs(dim: int, ambient: int, finest: float | None = None) -> ImageManifold:
    """Gaussian bumps of width 0.18 N (0.15 to 0.22 N if k >= 3) centred in the middle 40 % of the image.

    >>> blobs(2, ambient=64, finest=0.5).intrinsic_dim
    2
    """

    def render(t: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        width = _column(t, 2, 0.18)
        r2 = (x - t[:, :1]) ** 2 + (y - t[:, 1:2]) ** 2
        return _column(t, 3, 1.0) * torch.exp(-0.5 * r2 / width**2)

    axes = _parameters(dim, "blobs", _CENTRE, Axis(0.15, 0.22))
    return ImageManifold(render, axes, _side(ambient, "blobs"), finest, "blobs")


def discs(dim: int, ambient: int, finest: float | None = None) -> ImageManifold:
    """Discs of radius 0.22 N (0.18 to 0.26 N if k >= 3) with an edge about 0.15 N wide, centred in the middle 40 %.

    >>> discs(2, ambient=64, finest=0.5).side
    8
    """

    def render(t: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        radius = _column(t, 2, 0.22)
        r2 = (x - t[:, :1]) ** 2 + (y - t[:, 1:2]) ** 2
        return _column(t, 3, 1.0) * torch.sigmoid(12.0 * (radius**2 - r2) / (2.0 * radius))

    axes = _parameters(dim, "discs", _CENTRE, Axis(0.18, 0.26))
    return ImageManifold(render, axes, _side(ambient, "discs"), finest, "discs")


def bars(dim: int, ambient: int, finest: float | None = None) -> ImageManifold:
    """Bars at any angle, of width 0.16 N (0.13 to 0.2 N if k >= 3) and offset up to 0.15 N, fading towards the border.

    (angle + pi, offset) and (angle, -offset) are one image: the family is a Moebius band.

    >>> bars(2, ambient=64, finest=0.5).finest_sigma
    0.5
    """

    def render(t: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        width = _column(t, 2, 0.16)
        across = x * torch.cos(t[:, :1]) + y * torch.sin(t[:, :1]) - t[:, 1:2]
        fade = torch.exp(-0.5 * (x * x + y * y) / 0.25**2)
        return _column(t, 3, 1.0) * fade * torch.exp(-0.5 * (across / width) ** 2)

    axes = _parameters(dim, "bars", [Axis(0.0, math.pi, True), Axis(-0.15, 0.15)], Axis(0.13, 0.2))
    return ImageManifold(render, axes, _side(ambient, "bars"), finest, "bars")
