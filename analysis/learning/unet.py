"""The image denoiser of arXiv 2602.09639 (appendix G.3): a U-Net that predicts the clean image, blind or told.

Three blocks down (64, 128, 256 channels, two layers each), a middle of 512, three blocks up of six layers. A layer is a
convolution (3 x 3), a layer normalisation over channels and pixels, a ReLU. Blocks halve the image by the maximum over
2 x 2 pixels and double it by a transposed convolution; a block up also sees what its block down has seen. The network
that is told the level has the same body: Fourier features of log sigma go through a small network, whose answer scales
and shifts every normalisation. The paper states blocks, layers and channels; three layers in the middle are our reading
of its 13 million parameters.

The bias-free form has no additive constants and no normalisation, so that f(c y) = c f(y) for every c > 0: it cannot
know an absolute level. It is told one by gains alone.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from analysis.learning.specification import DataMoments, given, register, require_blind

__all__ = ["BiasFreeUNet", "PaperEstimator", "PaperUNet", "UNet", "image_shape"]

EMBEDDING = 128  # numbers that describe a level
# Slowest and fastest of the frequencies in log sigma: periods of 2 pi / .25 = 25 (levels from 1e-5 to 1e5 stay apart)
# and 2 pi / 16 = .4 (levels 50 % apart are half a period apart)
FREQUENCIES = (0.25, 16.0)


def image_shape(moments: DataMoments, colours: int, least: int = 1) -> tuple[int, int]:
    """(colours, N) for points of dimension d = colours N^2, N >= least; ValueError otherwise."""
    dim = moments.center.shape[0]
    side = math.isqrt(dim // colours)
    if colours * side * side != dim or side < least:
        raise ValueError(f"the network needs points of dimension {colours} N^2 with N >= {least}, got {dim}")
    return colours, side


def _channels_last(module: nn.Module) -> None:
    """Kernels in the layout in which convolutions are fastest; the images come in it too."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


class LevelFeatures(nn.Module):
    """Fourier features of log sigma (n,), through two layers."""

    frequencies: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        slow, fast = (math.log(f) for f in FREQUENCIES)
        self.register_buffer("frequencies", torch.exp(torch.linspace(slow, fast, EMBEDDING // 2)))
        self.first, self.second = nn.Linear(EMBEDDING, EMBEDDING), nn.Linear(EMBEDDING, EMBEDDING)

    def forward(self, sigma: torch.Tensor) -> torch.Tensor:
        angle = sigma.log()[:, None] * self.frequencies
        features = torch.cat([angle.sin(), angle.cos()], dim=1)
        return functional.relu(self.second(functional.relu(self.first(features))))


class Layer(nn.Module):
    """relu(gain * n(convolution) + shift), n a layer normalisation; bias-free: relu(gain * convolution)."""

    def __init__(self, inputs: int, outputs: int, blind: bool, free: bool):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = None if free else nn.GroupNorm(1, outputs)
        self.modulation = None if blind else nn.Linear(EMBEDDING, outputs if free else 2 * outputs)
        if free:  # without a normalisation the scale is kept by the weights (He et al., arXiv 1502.01852)
            nn.init.kaiming_normal_(self.convolution.weight, nonlinearity="relu")
        if self.modulation is not None:  # the blind network's map at the start
            for parameter in self.modulation.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: torch.Tensor, level: torch.Tensor | None) -> torch.Tensor:
        x = self.convolution(x)
        if self.norm is not None:
            x = self.norm(x)
        if self.modulation is not None and level is not None:
            gain, *shift = self.modulation(level)[:, :, None, None].split(x.shape[1], dim=1)
            x = x * (1.0 + gain) + (shift[0] if shift else 0.0)
        return functional.relu(x)


class Block(nn.Module):
    """Layers one after the other."""

    def __init__(self, inputs: int, outputs: int, layers: int, blind: bool, free: bool):
        super().__init__()
        widths = [inputs, *[outputs] * layers]
        self.layers = nn.ModuleList(Layer(a, b, blind, free) for a, b in zip(widths[:-1], widths[1:], strict=True))

    def forward(self, x: torch.Tensor, level: torch.Tensor | None) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x, level)
        return x


@register("unet")
class UNet(nn.Module):
    """The body in a size that a CPU trains in minutes.

    Args:
        moments: of the data; only the dimension is used.
        blind: without or with the noise level.
        colours: of the images; points are colours * N^2 numbers, one colour after the other.
        width: channels of the first block, doubled from block to block.
        depth: blocks down, and up.
        down, middle, up: layers of a block.
    """

    chunk = 256  # images a forward pass
    free = False

    def __init__(
        self,
        moments: DataMoments,
        blind: bool,
        colours: int = 1,
        width: int = 16,
        depth: int = 3,
        down: int = 2,
        middle: int = 1,
        up: int = 2,
    ):
        super().__init__()
        self.blind, self.depth = blind, depth
        self.shape = image_shape(moments, colours)
        widths = [width * 2**i for i in range(depth + 1)]
        kind = (blind, self.free)
        self.level = None if blind else LevelFeatures()
        self.down = nn.ModuleList(Block(a, b, down, *kind) for a, b in zip([colours, *widths], widths[:-1]))
        self.middle = Block(widths[-2], widths[-1], middle, *kind)
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.raise_ = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2, bias=not self.free) for a, b in pairs)
        self.up = nn.ModuleList(Block(2 * b, b, up, *kind) for _, b in pairs)
        self.leave = nn.Conv2d(width, colours, 1, bias=not self.free)
        _channels_last(self)

    def forward(self, y: torch.Tensor, sigma: torch.Tensor | None = None) -> torch.Tensor:
        level = None if self.level is None else self.level(given(sigma))
        colours, side = self.shape
        x, missing = y.view(-1, colours, side, side), -side % 2**self.depth
        # halves must be whole: the last rows and columns are repeated, and cut off again
        x = functional.pad(x, (0, missing, 0, missing), mode="replicate") if missing else x
        x, seen = x.contiguous(memory_format=torch.channels_last), []
        for block in self.down:
            x = block(x, level)
            seen.append(x)
            x = functional.max_pool2d(x, 2)
        x = self.middle(x, level)
        for raise_, block in zip(self.raise_, self.up, strict=True):
            x = block(torch.cat([raise_(x), seen.pop()], dim=1), level)
        return self.leave(x)[:, :, :side, :side].flatten(1)


@register("unet-paper")
class PaperUNet(UNet):
    """The body in the paper's size, 13 million parameters."""

    def __init__(
        self,
        moments: DataMoments,
        blind: bool,
        colours: int = 1,
        width: int = 64,
        depth: int = 3,
        down: int = 2,
        middle: int = 3,
        up: int = 6,
    ):
        super().__init__(moments, blind, colours, width, depth, down, middle, up)


@register("unet-free")
class BiasFreeUNet(UNet):
    """The bias-free form, in the small size."""

    free = True


@register("estimator-paper")
class PaperEstimator(nn.Module):
    """log sigma (n,) of images: the estimator of figure 12, four layers of 3 x 3 convolutions with 64 channels.

    Their means over the image, and a linear layer; its positive answer (softplus) is the noise level.

    Args:
        moments: of the data; only the dimension is used.
        blind: must be True, an estimator is not told what it estimates.
        colours: of the images.
        width: channels.
        layers: of convolutions.
    """

    target = "log_sigma"
    chunk = 256

    def __init__(self, moments: DataMoments, blind: bool = True, colours: int = 1, width: int = 64, layers: int = 4):
        super().__init__()
        require_blind(blind)
        self.shape = image_shape(moments, colours)
        widths = [colours, *[width] * layers]
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(widths[:-1], widths[1:]))
        self.leave = nn.Linear(width, 1)
        _channels_last(self)

    def forward(self, y: torch.Tensor, sigma: torch.Tensor | None = None) -> torch.Tensor:
        colours, side = self.shape
        x = y.view(-1, colours, side, side).contiguous(memory_format=torch.channels_last)
        for convolution in self.convolutions:
            x = functional.relu(convolution(x))
        level = functional.softplus(self.leave(x.mean(dim=(2, 3)))[:, 0])
        return (level + 1e-6).log()  # 1e-6: the gradient stays finite where the answer is far too small
