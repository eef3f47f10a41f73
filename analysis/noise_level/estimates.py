"""Means of draws with standard errors, made smaller by a control whose mean is known exactly."""

from __future__ import annotations

import math

import torch

__all__ = ["controlled_mean", "controlled_ratio", "controlled_variance"]


def controlled_mean(values: torch.Tensor, control: torch.Tensor | None, known: float) -> tuple[float, float]:
    """(mean, standard error) of values (n,), regressed on a control (n,) of known mean (None: the plain mean)."""
    n = len(values)
    if control is None:
        return float(values.mean()), float(values.std()) / math.sqrt(n)
    centred = control - control.mean()
    slope = float((values * centred).mean() / centred.square().mean())
    rest = values - slope * (control - known)
    return float(rest.mean()), float(rest.std()) / math.sqrt(n)


def controlled_ratio(
    top: torch.Tensor, bottom: torch.Tensor, control: torch.Tensor | None, known: float
) -> tuple[float, float]:
    """(E top / E bottom, standard error) of paired draws: the root r of E(top - r bottom) = 0, by the delta method."""
    first = controlled_mean(top, control, known)[0] / float(bottom.mean())
    shift, error = controlled_mean(top - first * bottom, control, known)
    scale = abs(float(bottom.mean()))
    return first + shift / float(bottom.mean()), error / scale


def controlled_variance(
    values: torch.Tensor, control: torch.Tensor | None, known_variance: float
) -> tuple[float, float]:
    """(variance, standard error) of values, with a control of mean 0 and known variance that goes with them."""
    squares = (values - values.mean()).square() * (len(values) / (len(values) - 1))
    return controlled_mean(squares, None if control is None else control.square(), known_variance)
