"""Affine subspaces of R^m side by side in one matrix, so that coordinates in all of them, and their sums, are one
product each."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from manifolds.streams import Stream

__all__ = ["Flats", "check_frame", "random_frames"]

_CLOSE = 1e-2  # |.|^2 - |.|^2 has then lost two digits; closer points are done by differences of vectors
_ROUNDING = 4e-16  # of a difference of squares, relative to them
_ROWS = 1 << 9  # the working set of so many rows and their points stays in cache


def check_frame(frame: torch.Tensor, rows: int, columns: int) -> None:
    """Raise ValueError unless a frame has this shape and orthonormal columns.

    >>> check_frame(torch.ones(2, 1), 2, 1)
    Traceback (most recent call last):
    ValueError: frame must have orthonormal columns
    """
    if frame.shape != (rows, columns):
        raise ValueError(f"frame must have shape ({rows}, {columns}), got {tuple(frame.shape)}")
    if not torch.allclose(frame.T @ frame, torch.eye(columns, dtype=frame.dtype), atol=1e-10):
        raise ValueError("frame must have orthonormal columns")


class Flats:
    """c_j + span Q_j, j = 1 .. J.

    Args:
        frames: (m, m_j) orthonormal columns each; None is the whole space, m_j = m.
        shifts: (m,) each, c_j.

    >>> line = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    >>> flats = Flats([line], [torch.tensor([0.0, 1.0], dtype=torch.float64)])
    >>> flats.coordinates(torch.tensor([[5.0, 3.0]], dtype=torch.float64))
    ((tensor([[5.]], dtype=torch.float64),), tensor([[4.]], dtype=torch.float64))
    """

    def __init__(self, frames: Sequence[torch.Tensor | None], shifts: Sequence[torch.Tensor]):
        self.shifts = torch.stack(list(shifts))
        m = self.shifts.shape[1]
        whole = torch.eye(m, dtype=torch.float64)
        spans = [whole if frame is None else frame for frame in frames]
        self.sizes = [frame.shape[1] for frame in spans]
        self.total = sum(self.sizes)
        self._starts = [sum(self.sizes[:j]) for j in range(len(spans))]
        self._matrix = torch.cat([*spans, self.shifts.T], dim=1)  # (m, sum m_j + J)
        self._gram = self._matrix.T @ self._matrix
        self._along = torch.cat([shift @ frame for shift, frame in zip(self.shifts, spans)])
        self._shift2 = self.shifts.square().sum(dim=1)
        self._proper = [j for j, size in enumerate(self.sizes) if size < m]

    def frame(self, j: int, device: torch.device | None = None) -> torch.Tensor:
        """Q_j, (m, m_j)."""
        start = self._starts[j]
        return self._matrix[:, start : start + self.sizes[j]].to(device)

    def coordinates(self, u: torch.Tensor) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
        """(Q_j'(u - c_j), (n, m_j) each; squared distances (n, J) of u (n, m) to the flats)."""
        found = u @ self._matrix.to(u.device)
        own = (found[:, : self.total] - self._along.to(u.device)).split(self.sizes, dim=1)
        normal2 = torch.zeros(len(u), len(self.sizes), dtype=u.dtype, device=u.device)
        if self._proper:
            reach2 = (u * u).sum(dim=1, keepdim=True) + self._shift2.to(u.device)
            inside = torch.stack([(block * block).sum(dim=1) for block in own], dim=1)
            gap2 = reach2 - 2.0 * found[:, self.total :] - inside
            normal2[:, self._proper] = gap2[:, self._proper]
            self._refine(u, own, normal2, reach2)
        return own, normal2

    def _refine(
        self, u: torch.Tensor, own: tuple[torch.Tensor, ...], normal2: torch.Tensor, reach2: torch.Tensor
    ) -> None:
        """Squared distances that have lost digits, again by differences of vectors."""
        close = normal2 < _CLOSE * reach2
        counts = close.sum(dim=0).tolist()
        for j in self._proper:
            if counts[j]:
                rows = close[:, j].nonzero()[:, 0]
                rest = u[rows] - self.shifts[j].to(u.device) - own[j][rows] @ self.frame(j, u.device).T
                normal2[rows, j] = (rest * rest).sum(dim=1)

    def combine(self, own: Sequence[torch.Tensor], shift_coef: torch.Tensor) -> torch.Tensor:
        """sum_j Q_j own_j + shift_coef_j c_j, (n, m), for own (n, m_j) each and shift_coef (n, J)."""
        return torch.cat([*own, shift_coef], dim=1) @ self._matrix.T.to(shift_coef.device)

    def lift(self, j: int, own: torch.Tensor, shift_coef: torch.Tensor) -> torch.Tensor:
        """Q_j own + shift_coef c_j, (n, m), for own (n, m_j) and shift_coef (n, 1)."""
        return torch.addmm(shift_coef * self.shifts[j].to(own.device), own, self.frame(j, own.device).T)

    def spread(self, own: Sequence[torch.Tensor], share: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
        """sum_j share_j |x_j - x|^2 (n,), x_j = c_j + Q_j own_j and x = sum_j share_j x_j.

        Args:
            own: (n, m_j) each.
            share: (n, J), summing to one.
            error: (n,) absolute error allowed; where squares would lose more, differences of vectors are taken.
        """
        square = torch.stack([(block * block).sum(dim=1) for block in own], dim=1)
        out, far = self._by_squares(own, share, square)
        poor = (_ROUNDING * far > error).nonzero()[:, 0]
        for rows in poor.split(_ROWS):
            out[rows] = self._by_differences([block[rows] for block in own], share[rows])
        return out

    def _by_squares(
        self, own: Sequence[torch.Tensor], share: torch.Tensor, square: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """sum_j share_j |x_j|^2 - |x|^2 by Gram matrices of the flats' directions and shifts; and the size of what is
        subtracted."""
        gram, along, all_ = self._gram.to(share.device), self._along.to(share.device), self.total
        parts = [share[:, j, None] * block for j, block in enumerate(own)]
        whole = torch.cat([*parts, share], dim=1)
        # pairs of different directions, and of directions and shifts, each once
        pairs = ((whole[:, :all_] @ gram[:all_, all_:]) * share).sum(dim=1)
        for part, start, size in zip(parts[1:], self._starts[1:], self.sizes[1:]):
            pairs += ((whole[:, :start] @ gram[:start, start : start + size]) * part).sum(dim=1)
        same = (share * (share * square + share @ gram[all_:, all_:])).sum(dim=1)
        total = (share * (square + self._shift2.to(share.device))).sum(dim=1)
        return total + 2.0 * (whole[:, :all_] @ along - pairs) - same, total

    def _by_differences(self, own: Sequence[torch.Tensor], share: torch.Tensor) -> torch.Tensor:
        one = torch.ones_like(share[:, :1])
        points = torch.stack([self.lift(j, block, one) for j, block in enumerate(own)])
        weight = share.T[..., None]
        gap = points - (weight * points).sum(dim=0)
        return (weight[..., 0] * gap.square_().sum(dim=-1)).sum(dim=0)


def random_frames(count: int, core_dim: int, dim: int, source: Stream) -> list[torch.Tensor]:
    """`count` uniformly random orthonormal frames (core_dim, dim).

    >>> from manifolds.streams import stream
    >>> frame = random_frames(1, 5, 2, stream(0))[0]
    >>> torch.allclose(frame.T @ frame, torch.eye(2, dtype=torch.float64))
    True
    """
    frames = []
    for j in range(count):
        q, r = torch.linalg.qr(source.child("frame", j).normal(core_dim, dim))
        frames.append(q * torch.sign(torch.diagonal(r)))
    return frames
