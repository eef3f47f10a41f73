"""Denoisers of finite data sets against what one would write down first: a softmax, and a grid of noise levels."""

from __future__ import annotations

import math

import torch

import manifolds
from analysis.benchmark.clock import interleaved, ratio_row
from analysis.benchmark.functions import PRIOR
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior
from manifolds.laws.atoms import Atoms

__all__ = ["atoms_rows", "grid_mean", "softmax_mean"]

DIM = 64
GRID = 1000


def softmax_mean(y: torch.Tensor, sigma: torch.Tensor, atoms: torch.Tensor) -> torch.Tensor:
    """E[X | y, sigma] of uniform atoms in one line each, in the precision of its arguments."""
    square = (y * y).sum(dim=1, keepdim=True) + (atoms * atoms).sum(dim=1) - 2.0 * (y @ atoms.T)
    return torch.softmax(-square / (2.0 * sigma[:, None] ** 2), dim=1) @ atoms


def grid_mean(y: torch.Tensor, atoms: torch.Tensor, prior: tuple[float, float, float], count: int) -> torch.Tensor:
    """The blind mean by the rectangle rule on `count` levels, equispaced in log sigma: the approach without a quadrature rule."""
    exponent, low, high = prior
    levels = torch.exp(torch.linspace(math.log(low), math.log(high), count, dtype=torch.float64))
    square = torch.cdist(y, atoms, compute_mode="donot_use_mm_for_euclid_dist") ** 2
    n, d = y.shape
    # a running sum relative to a running maximum: all levels' means at once would take count times the memory
    top, total, mean = (
        torch.full((n, 1), -math.inf, dtype=y.dtype),
        torch.zeros(n, 1, dtype=y.dtype),
        torch.zeros_like(y),
    )
    for level in levels.tolist():
        logits = -square / (2.0 * level**2)
        log_mu = torch.logsumexp(logits, dim=1, keepdim=True) + (exponent + 1.0 - d) * math.log(level)
        new = torch.maximum(top, log_mu)
        keep, weight = torch.exp(top - new), torch.exp(log_mu - new)
        mean = keep * mean + weight * (torch.softmax(logits, dim=1) @ atoms)
        total, top = keep * total + weight, new
    return mean / total


def atoms_rows(counts: tuple[int, ...], points: int, repeats: int, grid_points: int, seed: int) -> list[dict]:
    """Ratios of CPU time for 64-dimensional normal data sets; levels log-uniform over the prior."""
    rows = []
    for count in counts:
        source = manifolds.stream(seed, "benchmark atoms", count)
        law = manifolds.Law(Atoms(source.normal(count, DIM)), DIM)
        _, low, high = PRIOR
        sigma = low * (high / low) ** source.uniform(points)
        y = law.add_noise(law.sample(points, source), sigma, source)
        atoms = law.core.points
        single = y.to(torch.float32), sigma.to(torch.float32), atoms.to(torch.float32)
        blind, conditional = BlindDenoiser(law, NoisePrior.power(*PRIOR)), ConditionalDenoiser(law)
        times = interleaved(
            (
                lambda: blind(y),
                lambda: conditional(y, sigma),
                lambda: softmax_mean(y, sigma, atoms),
                lambda: softmax_mean(*single),
            ),
            repeats,
        )
        own = 1e3 * min(t[1] for t in times)
        rows.append(
            ratio_row(
                "blind / conditional",
                f"{count} atoms",
                "ratio of CPU time",
                [t[0] / t[1] for t in times],
                most=2.0,
                milliseconds=own,
            )
        )
        rows.append(
            ratio_row(
                "conditional / plain softmax",
                f"{count} atoms, float64",
                "ratio of CPU time",
                [t[1] / t[2] for t in times],
                milliseconds=own,
            )
        )
        rows.append(
            ratio_row(
                "conditional / plain softmax",
                f"{count} atoms, float32",
                "ratio of CPU time",
                [t[1] / t[3] for t in times],
                milliseconds=own,
            )
        )
        if count == min(counts):
            few = y[:grid_points]
            times = interleaved((lambda: grid_mean(few, atoms, PRIOR, GRID), lambda: blind(few)), max(repeats // 3, 2))
            rows.append(
                ratio_row(
                    "1000-level grid / blind",
                    f"{count} atoms, {grid_points} points",
                    "ratio of CPU time",
                    [a / b for a, b in times],
                    least=100.0,
                )
            )
    return rows
