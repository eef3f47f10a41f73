"""The image laws that convolutional networks are trained on: in pixel order, with the exact posterior at every level.

blobs, discs, bars  the catalogue's manifolds, k = 2 (`manifolds.laws.images`): k_eff stays near 2, k_eff^2/d is small
field               smooth random images, a Gaussian on the k lowest cosine modes with amplitudes 1/frequency, as in
                    photographs: k_eff = mmse/sigma^2 grows from 1 to k as sigma falls; k_eff^2/d passes 1 on the way
"""

from __future__ import annotations

import math

import torch

import manifolds
from manifolds.law import Law
from manifolds.laws.gaussian import AxisGaussian

__all__ = ["image_law", "smooth_field"]

CONTRAST = 0.25  # root mean square of a pixel of the field; the manifolds' pixels lie in [0, 1]


def smooth_field(dim: int, ambient: int) -> Law:
    """N(0, sum_i s_i^2 v_i v_i^T) on sqrt(ambient) x sqrt(ambient) pixels, row by row.

    v_i are the `dim` orthonormal cosine modes (DCT-II) of lowest frequency |f_i|, s_i is proportional to 1/(1 + |f_i|).
    """
    side = math.isqrt(ambient)
    if side * side != ambient:
        raise ValueError(f"ambient must be a square N^2 for field, got {ambient}")
    n = torch.arange(side, dtype=torch.float64)
    modes = torch.cos(math.pi * (n[:, None] + 0.5) * n / side)
    modes = modes / modes.norm(dim=0)
    pairs = torch.cartesian_prod(n, n)
    frequency = pairs.norm(dim=1)
    lowest = torch.argsort(frequency, stable=True)[:dim]
    scales = 1.0 / (1.0 + frequency[lowest])
    scales = scales * (CONTRAST * side / scales.norm())
    frame = torch.stack([torch.outer(modes[:, int(i)], modes[:, int(j)]).reshape(-1) for i, j in pairs[lowest]], dim=1)
    return Law(AxisGaussian(scales.tolist()), ambient, frame=frame)


def image_law(params: dict) -> Law:
    """The dense law of `law`, `dim`, `ambient`; quadratures resolve levels down to `low`."""
    if params["law"] == "field":
        return smooth_field(params["dim"], params["ambient"])
    return manifolds.make(params["law"], dim=params["dim"], ambient=params["ambient"], finest=params["low"])
