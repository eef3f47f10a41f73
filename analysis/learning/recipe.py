"""How to train: AdamW, warm-up and cosine decay, gradient clipping, an exponential average of the weights."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from manifolds.checks import positive_int, positive_number

__all__ = ["Averaged", "Recipe", "learning_rate"]


@dataclass(frozen=True)
class Recipe:
    """How to train: plain data, part of what a checkpoint is checked against.

    >>> Recipe(steps=100, decay="constant").record["lr"]
    0.003

    Attributes:
        steps, batch: optimiser steps and points a step.
        lr: peak learning rate.
        decay: "cosine" (to zero at the last step) or "constant".
        warmup: steps of linear warm-up.
        betas: AdamW's.
        weight_decay: AdamW's decoupled decay, >= 0; on matrices only.
        clip: largest norm of the gradient of the (order k) loss.
        average: decay of the exponential average of the weights that becomes the denoiser; 0 keeps the last weights.
    """

    steps: int = 3000
    batch: int = 512
    lr: float = 3e-3
    decay: str = "cosine"
    warmup: int = 100
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    clip: float = 4.0
    average: float = 0.999

    def __post_init__(self):
        for name in ("steps", "batch"):
            positive_int(getattr(self, name), name)
        positive_number(self.lr, "lr")
        positive_number(self.clip, "clip")
        if self.decay not in ("cosine", "constant"):
            raise ValueError(f"decay must be cosine or constant, got {self.decay!r}")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must be >= 0, got {self.weight_decay!r}")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must satisfy 0 <= average < 1, got {self.average!r}")
        if isinstance(self.warmup, bool) or not isinstance(self.warmup, int) or self.warmup < 0:
            raise ValueError(f"warmup must be an integer >= 0, got {self.warmup!r}")

    @property
    def record(self) -> dict[str, Any]:
        return {**asdict(self), "betas": list(self.betas)}

    def optimiser(self, network: nn.Module) -> torch.optim.AdamW:
        matrices = [p for p in network.parameters() if p.ndim > 1]
        others = [p for p in network.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=self.lr, betas=self.betas, fused=True)


def learning_rate(recipe: Recipe, step: int) -> float:
    """The rate of step 0, 1, .., steps - 1."""
    rate = recipe.lr * min(1.0, (step + 1) / max(recipe.warmup, 1))
    if recipe.decay == "cosine":
        rate *= 0.5 * (1.0 + math.cos(math.pi * step / recipe.steps))
    return rate


class Averaged:
    """An exponential average of a network's parameters; a short memory at first, `decay` in the long run."""

    def __init__(self, network: nn.Module, decay: float):
        self.decay = decay
        self.names = [name for name, _ in network.named_parameters()]
        self.source = [p.detach() for p in network.parameters()]
        self.values = [p.clone() for p in self.source]

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self.decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(self.values, self.source, 1.0 - decay)

    def state(self) -> dict[str, torch.Tensor]:
        return {name: value.clone() for name, value in zip(self.names, self.values)}

    @torch.no_grad()
    def load(self, state: dict[str, torch.Tensor]) -> None:
        for name, value in zip(self.names, self.values):
            value.copy_(state[name])
