"""The default network: a denoiser that is linear in y with gains chosen by a residual body, on its own noise scale.

Exact denoisers have this form: f(y) = mean + sum_i gain_i(y) v_i (<u_i, y - mean> + b_i) (a subspace, a union of affine
subspaces, a sphere). Everything is expressed on a noise scale s that a blind network reads off y itself, from the root
mean squares of learned linear maps of y (a map that annihilates the data measures the noise), and that a conditional
network is given; the body is the same. With variance v of the data and c = v / (v + s^2),

    f(y) = mean + V [c (gain_1 + s gain_2 / sqrt(v + s^2)) * (U (y - mean) + b)] + s sqrt(c) residual,

so that gains and residual of order one are right at every noise level (the scaling of Karras et al., arXiv 2206.00364,
with the noise level estimated inside). An estimator of the noise level is the noise scale alone.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from analysis.learning.specification import DataMoments, given, register, require_blind

__all__ = ["GatedBlock", "LocallyLinear", "NoiseScale", "ScaleEstimator"]


class NoiseScale(nn.Module):
    """log of a noise scale, (n, 1), from log root mean squares (n, groups) of linear maps of y.

    A learned weighted mean of the logs plus a correction that depends on their differences alone: multiplying y by c
    adds log c exactly, as it should far from the data.
    """

    def __init__(self, groups: int, hidden: int = 32):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(groups))
        self.correction = nn.Sequential(nn.Linear(groups, hidden), nn.SiLU(), nn.Linear(hidden, 1))
        for parameter in self.correction[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, log_rms: torch.Tensor) -> torch.Tensor:
        mean = (log_rms * torch.softmax(self.weights, dim=0)).sum(dim=1, keepdim=True)
        return mean + self.correction(log_rms - mean)


class GatedBlock(nn.Module):
    """h + B (silu(A_1 n(h)) * A_2 n(h)), n a layer normalisation; the identity at the start of training."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * width)
        self.contract = nn.Linear(width, width)
        nn.init.zeros_(self.contract.weight)
        nn.init.zeros_(self.contract.bias)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        gate, value = self.expand(self.norm(h)).chunk(2, dim=1)
        return h + self.contract(functional.silu(gate) * value)


@register("locally_linear")
class LocallyLinear(nn.Module):
    """See the module.

    Args:
        moments: of the data: mean and variance v per occupied direction.
        blind: without or with the noise level.
        width: of the body.
        blocks: residual blocks of the body.
        gates: number of gains; the first d of them start as the coordinates.
        groups: linear maps whose root mean square is measured.
        rank: outputs of each of these maps.
        fine: linear features of y seen at the scale of the noise.
    """

    center: torch.Tensor
    variance: torch.Tensor

    def __init__(
        self,
        moments: DataMoments,
        blind: bool,
        width: int = 192,
        blocks: int = 2,
        gates: int = 128,
        groups: int = 16,
        rank: int = 16,
        fine: int = 64,
    ):
        super().__init__()
        dim = moments.center.shape[0]
        self.blind, self.groups, self.rank = blind, groups, rank
        self.register_buffer("center", moments.center.to(torch.float32))
        self.register_buffer("variance", torch.tensor(moments.variance, dtype=torch.float32))
        self.maps = nn.Parameter(torch.randn(dim, groups * rank) / dim**0.5)
        self.offsets = nn.Parameter(torch.zeros(groups))
        self.scale = NoiseScale(groups) if blind else None
        self.fine = nn.Linear(dim, fine)
        self.enter = nn.Linear(dim + groups + fine + 1, width)
        self.body = nn.Sequential(*[GatedBlock(width) for _ in range(blocks)], nn.LayerNorm(width))
        eye = torch.eye(max(gates, dim))
        self.read = nn.Parameter(
            eye[:gates, :dim] + torch.randn(gates, dim) / dim**0.5 * (torch.arange(gates) >= dim)[:, None]
        )
        self.read_offset = nn.Parameter(torch.zeros(gates))
        self.write = nn.Parameter(eye[:dim, :gates].clone())
        self.heads = nn.Linear(width, 2 * gates + dim)
        self.split = [gates, gates, dim]
        nn.init.zeros_(self.heads.weight)
        nn.init.zeros_(self.heads.bias)
        with torch.no_grad():
            self.heads.bias[:gates] = 1.0

    def forward(self, y: torch.Tensor, sigma: torch.Tensor | None = None) -> torch.Tensor:
        y = y - self.center
        # The added 1e-12 keeps the gradient of the square root finite at y = center.
        rms = ((y @ self.maps).view(-1, self.groups, self.rank).square().mean(dim=2) + 1e-12).sqrt()
        log_s = given(sigma).log()[:, None] if self.scale is None else self.scale(rms.log())
        s = log_s.clamp(-12.0, 12.0).exp()
        total = self.variance + s * s
        shrink, coarse = self.variance / total, total.rsqrt()
        features = [y * coarse, torch.asinh((rms - self.offsets) / s), torch.asinh(self.fine(y) / s), log_s / 3.0]
        h = self.body(self.enter(torch.cat(features, dim=1)))
        gain, correction, residual = self.heads(h).split(self.split, dim=1)
        linear = ((y @ self.read.T + self.read_offset) * (shrink * (gain + s * coarse * correction))) @ self.write.T
        return self.center + linear + s * shrink.sqrt() * residual


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
    center: torch.Tensor

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
