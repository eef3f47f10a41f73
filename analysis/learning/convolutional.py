"""Small convolutional networks for square images: a denoiser, blind or conditional with the same body; an estimator."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from analysis.learning.locally_linear import NoiseScale
from analysis.learning.specification import DataMoments, given, register, require_blind

__all__ = ["Convolutional", "ConvolutionalEstimator", "image_side"]


def image_side(moments: DataMoments) -> int:
    """N for points of dimension d = N^2, N >= 5; ValueError otherwise."""
    dim = moments.center.shape[0]
    side = math.isqrt(dim)
    if side * side != dim or side < 5:
        raise ValueError(f"a convolutional network needs points of dimension N^2 with N >= 5, got {dim}")
    return side


class ModulatedBlock(nn.Module):
    """x + W_2 silu(W_1 x * (1 + gain(s)) + shift(s)): dilated 3 x 3 convolutions, modulated by the noise scale."""

    def __init__(self, channels: int, dilation: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulation = nn.Linear(3, 2 * channels)
        for parameter in (*self.second.parameters(), *self.modulation.parameters()):
            nn.init.zeros_(parameter)

    def forward(self, x: torch.Tensor, scale_features: torch.Tensor) -> torch.Tensor:
        gain, shift = self.modulation(scale_features)[:, :, None, None].chunk(2, dim=1)
        return x + self.second(functional.silu(self.first(x) * (1.0 + gain) + shift))


@register("conv")
class Convolutional(nn.Module):
    """Points are square images, row by row. The noise scale is read from learned 3 x 3 filters, or given.

    Args:
        moments: of the data: mean image and variance.
        blind: without or with the noise level.
        channels: of the body.
        blocks: residual blocks, with dilations 1, 2, 4, 1, 2, 4, ...
        filters: whose root mean square is measured for the noise scale.
    """

    center: torch.Tensor
    variance: torch.Tensor

    def __init__(self, moments: DataMoments, blind: bool, channels: int = 32, blocks: int = 3, filters: int = 16):
        super().__init__()
        self.blind, self.side = blind, image_side(moments)
        self.register_buffer("center", moments.center.to(torch.float32))
        # Per pixel, not per occupied direction: pixels are what the filters see.
        self.register_buffer("variance", torch.tensor(moments.total / self.side**2, dtype=torch.float32))
        self.filters = nn.Conv2d(1, filters, 3, bias=False)
        self.scale = NoiseScale(filters) if blind else None
        self.enter = nn.Conv2d(2, channels, 3, padding=1)
        self.body = nn.ModuleList(ModulatedBlock(channels, 2 ** (i % 3)) for i in range(blocks))
        self.leave = nn.Conv2d(channels, 1, 3, padding=1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, y: torch.Tensor, sigma: torch.Tensor | None = None) -> torch.Tensor:
        image = (y - self.center).view(-1, 1, self.side, self.side)
        if self.scale is None:
            log_s = given(sigma).log()[:, None]
        else:
            power = self.filters(image).square().mean(dim=(2, 3))
            log_s = self.scale(0.5 * (power + 1e-12).log())
        s = log_s.clamp(-12.0, 12.0).exp()
        total = self.variance + s * s
        scale_features = torch.cat([log_s / 3.0, s * total.rsqrt(), (self.variance / total).sqrt()], dim=1)
        mean_image = self.center.view(1, 1, self.side, self.side).expand_as(image)
        x = self.enter(torch.cat([image * total.rsqrt()[:, :, None, None], mean_image], dim=1))
        for block in self.body:
            x = block(x, scale_features)
        residual = self.leave(functional.silu(x)).flatten(1)
        return self.center + self.variance / total * (y - self.center) + s * (self.variance / total).sqrt() * residual


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
    center: torch.Tensor

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
