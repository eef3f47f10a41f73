"""Functions of one process in turn: blind over conditional denoisers, and ours against what one would write first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import torch

import manifolds
from analysis.benchmark.clock import interleaved, ratio_row
from analysis.metrics.sliced import sliced_wasserstein
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior
from manifolds.laws.atoms import Atoms
from manifolds.streams import Stream

__all__ = [
    "LAWS",
    "PRIOR",
    "atoms_rows",
    "blind_over_conditional",
    "denoisers",
    "grid_mean",
    "over_ambient_dimensions",
    "sliced_rows",
    "softmax_mean",
]

PRIOR = (-1.0, 0.01, 10.0)
# k = 8; a law of each kind of posterior: closed, responsibilities, Bessel functions, cut normals, quadrature on atoms
LAWS = ("gaussian", "mixture", "sphere", "torus", "cube", "ball")
DIM, DENSE = 8, 1024


def denoisers(name: str, ambient: int, reduced: bool, points: int, where: str, seed: int):
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
            for where in ("inside", "ends"):
                times = interleaved(denoisers(name, ambient, reduced, points, where, seed), repeats)
                size = f"{ambient:.0e}" if ambient > 9999 else str(ambient)
                case = f"{name}, {'reduced' if reduced else 'dense'} d={size}, {where}"
                ratios, own = [b / c for b, c in times], 1e3 * min(c for _, c in times)
                unit = "ratio of CPU time"
                rows.append(ratio_row("blind / conditional", case, unit, ratios, milliseconds=own))
    return rows


def over_ambient_dimensions(laws: Sequence[str], points: int, repeats: int, seed: int) -> list[dict]:
    """CPU time of the blind denoiser in reduced coordinates, d = 10^9 over d = 10^3."""
    rows = []
    for name in laws:
        far, _ = denoisers(name, 10**9, True, points, "inside", seed)
        near, _ = denoisers(name, 1000, True, points, "inside", seed)
        ratios = [a / b for a, b in interleaved((far, near), repeats)]
        rows.append(ratio_row("d = 1e9 / d = 1e3", f"blind {name}, reduced", "ratio of CPU time", ratios, most=1.1))
    return rows


# -- finite data sets ------------------------------------------------------------------------------------------

ATOMS_DIM = 64
GRID = 1000  # noise levels of the approach without a quadrature rule


def softmax_mean(y: torch.Tensor, sigma: torch.Tensor, atoms: torch.Tensor) -> torch.Tensor:
    """E[X | y, sigma] of uniform atoms in one line each, in the precision of its arguments."""
    square = (y * y).sum(dim=1, keepdim=True) + (atoms * atoms).sum(dim=1) - 2.0 * (y @ atoms.T)
    return torch.softmax(-square / (2.0 * sigma[:, None] ** 2), dim=1) @ atoms


def grid_mean(y: torch.Tensor, atoms: torch.Tensor, prior: tuple[float, float, float], count: int) -> torch.Tensor:
    """The blind mean by the rectangle rule on `count` levels, equispaced in log sigma: without a quadrature rule."""
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
        rows += _data_set_rows(count, points, repeats, grid_points if count == min(counts) else 0, seed)
    return rows


def _data_set_rows(count: int, points: int, repeats: int, grid_points: int, seed: int) -> list[dict]:
    source = manifolds.stream(seed, "benchmark atoms", count)
    core = Atoms(source.normal(count, ATOMS_DIM))
    law, atoms = manifolds.Law(core, ATOMS_DIM), core.points
    _, low, high = PRIOR
    sigma = low * (high / low) ** source.uniform(points)
    y = law.add_noise(law.sample(points, source), sigma, source)
    single = y.to(torch.float32), sigma.to(torch.float32), atoms.to(torch.float32)
    blind, conditional = BlindDenoiser(law, NoisePrior.power(*PRIOR)), ConditionalDenoiser(law)
    competitors = (
        lambda: blind(y),
        lambda: conditional(y, sigma),
        lambda: softmax_mean(y, sigma, atoms),
        lambda: softmax_mean(*single),
    )
    times, unit = interleaved(competitors, repeats), "ratio of CPU time"
    own, plain = 1e3 * min(t[1] for t in times), "conditional / plain softmax"
    both = [t[0] / t[1] for t in times]
    double, halved = ([t[1] / t[place] for t in times] for place in (2, 3))
    rows = [
        ratio_row("blind / conditional", f"{count} atoms", unit, both, milliseconds=own),
        ratio_row(plain, f"{count} atoms, float64", unit, double, milliseconds=own),
        ratio_row(plain, f"{count} atoms, float32", unit, halved, milliseconds=own),
    ]
    if grid_points:
        few = y[:grid_points]
        times = interleaved((lambda: grid_mean(few, atoms, PRIOR, GRID), lambda: blind(few)), max(repeats // 3, 2))
        case, ratios = f"{count} atoms, {grid_points} points", [a / b for a, b in times]
        rows.append(ratio_row("1000-level grid / blind", case, unit, ratios, least=100.0))
    return rows


# -- distances -------------------------------------------------------------------------------------------------

DIRECTIONS = 128


def sliced_rows(points: int, repeats: int, seed: int) -> list[dict]:
    """POT's CPU time over ours on the same samples; no row without POT."""
    if find_spec("ot") is None:
        return []
    source = manifolds.stream(seed, "benchmark sliced")
    return [_sliced_row(dim, points, repeats, seed, source) for dim in (8, 256)]


def _sliced_row(dim: int, points: int, repeats: int, seed: int, source: Stream) -> dict:
    import ot

    x, y = source.normal(points, dim).numpy(), 1.1 * source.normal(points, dim).numpy()
    theta = np.random.default_rng(seed)
    times = interleaved(
        (
            lambda: ot.sliced_wasserstein_distance(x, y, n_projections=DIRECTIONS, seed=seed),
            lambda: sliced_wasserstein(x, y, theta, count=DIRECTIONS),
        ),
        repeats,
    )
    ratios, own = [a / b for a, b in times], 1e3 * min(b for _, b in times)
    case = f"{points} points, d={dim}"
    return ratio_row("POT / sliced distance", case, "ratio of CPU time", ratios, least=1.0, milliseconds=own)
