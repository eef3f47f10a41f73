"""Networks that estimate the noise level of a noisy point: log sigma from y (arXiv 2602.09639, figure 12)."""

from __future__ import annotations

import torch
from torch import nn

from analysis.learning.convolutional import image_side
from analysis.learning.locally_linear import NoiseScale
from analysis.learning.specification import DataMoments, register

__all__ = ["ConvolutionalEstimator", "ScaleEstimator"]


@register("noise_level")
class ScaleEstimator(nn.Module):
    """log sigma (n,) from the root mean squares of learned linear maps of y.

    Args:
        moments: of the data; the mean is subtracted.
        blind: must be True, an estimator is not told what it estimates.
        groups: number of maps.
        rank: outputs of each.
        hidden: width of the correction.
    """

    target = "log_sigma"

    def __init__(self, moments: DataMoments, blind: bool = True, groups: int = 16, rank: int = 32, hidden: int = 64):
        super().__init__()
        require_blind(blind)
        dim = moments.center.shape[0]
        self.groups, self.rank = groups, rank
        self.register_buffer("center", moments.center.to(torch.float32))
        self.maps = nn.Parameter(torch.randn(dim, groups * rank) / dim**0.5)
        self.scale = NoiseScale(groups, hidden)

    def forward(self, y: torch.Tensor, sigma: torch.Tensor | None = None) -> torch.Tensor:
        power = ((y - self.center) @ self.maps).view(-1, self.groups, self.rank).square().mean(dim=2)
        return self.scale(0.5 * (power + 1e-12).log())[:, 0]


@register("conv_noise_level")
class ConvolutionalEstimator(nn.Module):
    """log sigma (n,) of square images from the root mean squares of learned 3 x 3 (then 5 x 5) filters.

    Args:
        moments: of the data; d must be a square.
        blind: must be True.
        filters: number of filters.
        hidden: width of the correction.
    """

    target = "log_sigma"

    def __init__(self, moments: DataMoments, blind: bool = True, filters: int = 32, hidden: int = 64):
        super().__init__()
        require_blind(blind)
        self.side = image_side(moments)
        self.register_buffer("center", moments.center.to(torch.float32))
        self.filters = nn.ModuleList(nn.Conv2d(1, filters, size, bias=False) for size in (3, 5))
        self.scale = NoiseScale(2 * filters, hidden)

    def forward(self, y: torch.Tensor, sigma: torch.Tensor | None = None) -> torch.Tensor:
        image = (y - self.center).view(-1, 1, self.side, self.side)
        power = torch.cat([layer(image).square().mean(dim=(2, 3)) for layer in self.filters], dim=1)
        return self.scale(0.5 * (power + 1e-12).log())[:, 0]


def require_blind(blind: bool) -> None:
    if not blind:
        raise ValueError("blind must be True for a noise-level estimator: it is not told the level")
