"""Blind over conditional denoisers, in dense and reduced form, and over ambient dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import torch

import manifolds
from analysis.benchmark.clock import interleaved, ratio_row
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior

__all__ = ["LAWS", "PRIOR", "blind_over_conditional", "over_ambient_dimensions"]

PRIOR = (-1.0, 0.01, 10.0)
# k = 8; a law of each kind of posterior: closed, with responsibilities, Bessel functions, cut normals, quadrature on atoms
LAWS = ("gaussian", "mixture", "sphere", "torus", "cube", "ball")
DIM, DENSE = 8, 1024
# targets: dense, any law; reduced, closed forms; reduced, special functions
DENSE_MOST, REDUCED_MOST = 1.5, {"gaussian": 3.0, "mixture": 3.0}
SPECIAL_MOST = 6.0


def _case(name: str, ambient: int, reduced: bool, points: int, where: str, seed: int):
    """(blind, conditional) as functions of nothing, on the same points."""
    law = manifolds.make(name, dim=DIM, ambient=ambient, reduced=reduced)
    source = manifolds.stream(seed, "benchmark", name, ambient)
    _, low, high = PRIOR
    if where == "inside":  # log-uniform, away from the ends
        sigma = 5.0 * low * (high / low / 25.0) ** source.uniform(points)
    else:
        sigma = torch.where(source.uniform(points) < 0.5, low, high).to(torch.float64)
    y = law.add_noise(law.sample(points, source), sigma, source)
    blind, conditional = BlindDenoiser(law, NoisePrior.power(*PRIOR)), ConditionalDenoiser(law)
    return lambda: blind(y), lambda: conditional(y, sigma)


def blind_over_conditional(laws: Sequence[str], points: int, repeats: int, seed: int) -> list[dict]:
    """Ratios of CPU time for every law, with the noise posterior inside the prior and cut by its ends."""
    rows = []
    for name in laws:
        for ambient, reduced in ((DENSE, False), (1000, True), (10**9, True)):
            most = REDUCED_MOST.get(name, SPECIAL_MOST) if reduced else DENSE_MOST
            for where in ("inside", "ends"):
                times = interleaved(_case(name, ambient, reduced, points, where, seed), repeats)
                form = (
                    f"{'reduced' if reduced else 'dense'} d={ambient:.0e}"
                    if ambient > 9999
                    else f"{'reduced' if reduced else 'dense'} d={ambient}"
                )
                ratios = [b / c for b, c in times]
                rows.append(
                    ratio_row(
                        "blind / conditional",
                        f"{name}, {form}, {where}",
                        "ratio of CPU time",
                        ratios,
                        most=most,
                        milliseconds=1e3 * min(c for _, c in times),
                    )
                )
    return rows


def over_ambient_dimensions(laws: Sequence[str], points: int, repeats: int, seed: int) -> list[dict]:
    """CPU time of the blind denoiser in reduced coordinates, d = 10^9 over d = 10^3."""
    rows = []
    for name in laws:
        far, _ = _case(name, 10**9, True, points, "inside", seed)
        near, _ = _case(name, 1000, True, points, "inside", seed)
        ratios = [a / b for a, b in interleaved((far, near), repeats)]
        rows.append(ratio_row("d = 1e9 / d = 1e3", f"blind {name}, reduced", "ratio of CPU time", ratios, most=1.1))
    return rows
