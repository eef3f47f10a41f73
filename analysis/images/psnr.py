"""PSNR of denoised images, as differences in dB between denoisers that saw the same noisy images."""

from __future__ import annotations

import math

import torch

__all__ = ["DECIBELS", "decibels", "squares"]

DECIBELS = 10.0 / math.log(10.0)


def squares(estimate: torch.Tensor, x: torch.Tensor, draws: int) -> torch.Tensor:
    """Squared error a pixel of each image (n,), over `draws` noisy copies that stand one below the other."""
    return (estimate - x).square().mean(dim=1).reshape(draws, -1).mean(dim=0)


def decibels(first: torch.Tensor, second: torch.Tensor) -> tuple[float, float]:
    """PSNR of the first less that of the second from squared errors (n,) of the same images, and its standard error."""
    ratio = second / second.mean() - first / first.mean()
    return DECIBELS * math.log(second.mean() / first.mean()), DECIBELS * float(ratio.std()) / math.sqrt(len(ratio))
