"""The plain network of arXiv 2602.09639, figures 3 and 11: six linear layers of width 512 with ReLU between them."""

from __future__ import annotations

import torch
from torch import nn

from analysis.learning.specification import DataMoments, given, register

__all__ = ["MLP"]


@register("mlp")
class MLP(nn.Module):
    """y -> clean estimate, with no normalisation; the conditional form takes log sigma as one more input.

    Args:
        moments: of the data; only the dimension is used.
        blind: without or with the noise level.
        layers: number of linear layers.
        width: of the hidden layers.
    """

    def __init__(self, moments: DataMoments, blind: bool, layers: int = 6, width: int = 512):
        super().__init__()
        self.blind = blind
        dim = moments.center.shape[0]
        sizes = [dim + (0 if blind else 1), *[width] * (layers - 1), dim]
        stack: list[nn.Module] = []
        for inputs, outputs in zip(sizes[:-1], sizes[1:]):
            stack += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.stack = nn.Sequential(*stack[:-1])

    def forward(self, y: torch.Tensor, sigma: torch.Tensor | None = None) -> torch.Tensor:
        return self.stack(y if self.blind else torch.cat([y, given(sigma).log()[:, None]], dim=1))
