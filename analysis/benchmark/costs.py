"""What an answer costs: in copies of the array, over the fastest plain softmax, beside the sampler's own loop."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from functools import partial

import torch

import manifolds
from analysis.benchmark.clock import interleaved, ratio_row
from analysis.benchmark.functions import ATOMS_DIM, DENSE, DIM, denoisers
from analysis.samplers import Schedule, sample
from analysis.samplers.integrators import ExponentialEuler
from analysis.samplers.step import walk
from manifolds.denoisers import ConditionalDenoiser
from manifolds.laws.atoms import Atoms
from manifolds.streams import Stream

__all__ = ["batch_rows", "broadcast_mean", "cdist_mean", "copy_rows", "loop_rows", "product_mean", "start_rows"]

COPIES = {"conditional": 6.0, "blind": 8.0}  # targets, at most
ATOMS, BATCHES, LEVELS = 1000, (100, 1000), (0.03, 0.3, 3.0)
ACCURATE = 1e-12  # of sigma: what a competitor's error may be
STEPS, SAMPLES = 64, 250


def copy_rows(laws: Sequence[str], points: int, repeats: int, seed: int) -> list[dict]:
    """CPU time of dense denoisers at d = 1024 over that of one copy of an array of that size, levels
    log-uniform."""
    return [row for name in laws for row in _copies(name, points, repeats, seed)]


def _copies(name: str, points: int, repeats: int, seed: int) -> list[dict]:
    blind, told = denoisers(name, DENSE, False, points, "inside", seed)
    y = manifolds.stream(seed, "benchmark copies").normal(points, DENSE)
    times, rows = interleaved((y.clone, told, blind), repeats), []
    for place, (kind, most) in enumerate(COPIES.items(), start=1):
        ratios, own = [t[place] / t[0] for t in times], 1e3 * min(t[place] for t in times)
        case = f"{kind} {name}, dense d={DENSE}, {points} points"
        rows.append(ratio_row("denoiser / copy", case, "copies of the array", ratios, most=most, milliseconds=own))
    return rows


# -- finite data sets ----------------------------------------------------------------------------------------------


def cdist_mean(
    y: torch.Tensor, sigma: float, atoms: torch.Tensor, mode: str = "donot_use_mm_for_euclid_dist"
) -> torch.Tensor:
    """E[X | y, sigma] of uniform atoms from the library's distances, by differences."""
    square = torch.cdist(y, atoms, compute_mode=mode) ** 2
    return torch.softmax(-square / (2.0 * sigma**2), dim=1) @ atoms


# the same from distances by one matrix product, the library's choice for many points
product_mean = partial(cdist_mean, mode="use_mm_for_euclid_dist")


def broadcast_mean(y: torch.Tensor, sigma: float, atoms: torch.Tensor) -> torch.Tensor:
    """The same from an (n, N, m) array of differences: the formula of smalldiffusion's ideal denoiser."""
    square = (y[:, None, :] - atoms).square().sum(dim=2)
    return torch.softmax(-square / (2.0 * sigma**2), dim=1) @ atoms


def batch_rows(repeats: int, seed: int) -> list[dict]:
    """The conditional denoiser of 1000 atoms of R^64 over the fastest competitor that is as accurate at that level."""
    source = manifolds.stream(seed, "benchmark batches")
    atoms = source.normal(ATOMS, ATOMS_DIM)
    return [_batch(atoms, points, sigma, repeats, source) for points in BATCHES for sigma in LEVELS]


def _batch(atoms: torch.Tensor, points: int, sigma: float, repeats: int, source: Stream) -> dict:
    law = manifolds.Law(Atoms(atoms), ATOMS_DIM)
    y = law.add_noise(law.sample(points, source), sigma, source)
    exact, rivals = broadcast_mean(y, sigma, atoms), (cdist_mean, product_mean, broadcast_mean)
    good = [f for f in rivals if float((f(y, sigma, atoms) - exact).abs().max()) <= ACCURATE * sigma]
    told = ConditionalDenoiser(law)
    times = interleaved((partial(told, y, sigma), *(partial(f, y, sigma, atoms) for f in good)), repeats)
    ratios, own = [t[0] / min(t[1:]) for t in times], 1e3 * min(t[0] for t in times)
    case = f"{ATOMS} atoms x {ATOMS_DIM}, batch {points}, sigma {sigma:g}"
    return ratio_row("conditional / fastest", case, "ratio of CPU time", ratios, most=1.0, milliseconds=own)


# -- sampling and starting -----------------------------------------------------------------------------------------


def loop_rows(laws: Sequence[str], repeats: int, seed: int) -> list[dict]:
    """The part of a dense run's CPU time that the bare algorithm does not need: 64 steps at d = 1024."""
    return [_loop(name, repeats, manifolds.stream(seed, "benchmark loop", name)) for name in laws]


def _loop(name: str, repeats: int, draws: Stream) -> dict:
    law = manifolds.make(name, dim=DIM, ambient=DENSE)
    f, schedule = ConditionalDenoiser(law), Schedule.proportional(10.0, 0.05, 0.5, STEPS)
    method, start = ExponentialEuler(), law.add_noise(law.sample(SAMPLES, draws), 10.0, draws)
    run = partial(sample, f, law, schedule, SAMPLES, draws, method, False, start=start)
    bare = partial(walk, f, start, method.coefficients(schedule), law.space, draws)
    times = interleaved((run, bare), repeats)
    shares, own = [max(1.0 - b / a, 0.0) for a, b in times], 1e3 * min(t[0] for t in times)
    case = f"{name}, dense d={DENSE}, {STEPS} steps, {SAMPLES} points"
    return ratio_row("bookkeeping / run", case, "share of CPU time", shares, most=0.3, milliseconds=own)


def start_rows(repeats: int) -> list[dict]:
    """CPU seconds of `python -m analysis list`, after a first call that fills its memory."""
    command, seconds = [sys.executable, "-m", "analysis", "list"], []
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(repeats + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return [ratio_row("program", "analysis list", "CPU s", seconds[1:], most=3.0)]
