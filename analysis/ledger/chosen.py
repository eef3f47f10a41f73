"""Denoisers by name, as the command line gives them: blind, conditional, plug-in, scaled:0.93, perturbed."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import torch

from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior, PlugInDenoiser
from manifolds.law import Law

__all__ = ["build", "denoiser_name", "perturbed"]

_PLAIN = ("blind", "conditional", "plug-in", "perturbed")


def denoiser_name(text: str) -> str:
    """A denoiser's name, checked; the type of the command line's option."""
    kind, _, factor = text.partition(":")
    if text in _PLAIN:
        return text
    try:
        good = kind == "scaled" and math.isfinite(float(factor))
    except ValueError:
        good = False
    if not good:
        raise argparse.ArgumentTypeError(f"must be {', '.join(_PLAIN)} or scaled:FACTOR, got {text!r}")
    return text


def perturbed(f: Callable) -> Callable:
    """.93 f + .02 sin: a smooth wrong denoiser, too small and with an error of its own in every coordinate."""
    return lambda y: 0.93 * f(y) + 0.02 * torch.sin(y)


def build(name: str, law: Law, low: float, high: float) -> tuple[Callable, BlindDenoiser | None]:
    """(f^, the f* that splits its gap into blindness and learning); None for a conditional denoiser, whose gap is 0."""
    if name == "conditional":
        return ConditionalDenoiser(law), None
    # the prior of the theory: with it the terms add up as the steps become fine
    best = BlindDenoiser(law, NoisePrior.power(-3.0, low, high), tol=1e-6)
    if name == "plug-in":
        return PlugInDenoiser(law, low, high), best
    if name == "perturbed":
        return perturbed(best), best
    if name.startswith("scaled:"):
        factor = float(name.partition(":")[2])
        return (lambda y: factor * best(y)), best
    return best, best
