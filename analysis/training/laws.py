"""The laws that networks are trained on, from flat parameters."""

from __future__ import annotations

import manifolds
from analysis.learning import DataMoments, balanced_prior
from manifolds.denoisers import NoisePrior
from manifolds.law import Law
from manifolds.laws.gaussian import AxisGaussian
from manifolds.laws.mixture import Component, Mixture
from manifolds.special.flats import random_frames
from manifolds.streams import stream

__all__ = ["law_of", "prior_of"]

ROTATION = 1  # seed of the orientation in R^d: networks get no help from axes


class _PlaneGaussian(AxisGaussian):
    """N(0, Sigma) of figure 3, k = 2; it may fill its whole space (d = 2, the case that must fail)."""

    needs_normal = False


class _PlaneMixture(Mixture):
    """The random two-component mixture of figure 11, k = 2; it may fill its whole space."""

    needs_normal = False


def _plane(kind: str) -> AxisGaussian | Mixture:
    if kind == "figure3":
        return _PlaneGaussian((1.0, 0.5))
    draws = stream(0, "figure 11")
    scales = 0.3 + 0.4 * draws.child("scales").uniform(2, 2)
    direction = draws.child("direction").normal(2)
    direction = 1.5 * direction / direction.norm()
    parts = []
    for j, shift in enumerate((direction, -direction)):
        axes = random_frames(1, 2, 2, draws.child("axes", j))[0]
        parts.append(Component(AxisGaussian(scales[j].tolist()), axes, shift))
    return _PlaneMixture(parts, name="figure11")


def law_of(params: dict) -> Law:
    """The dense law of `law`, `dim`, `ambient`: a registered one, or the planes of the paper's figures 3 and 11."""
    name, ambient = params["law"], params["ambient"]
    if name not in ("figure3", "figure11"):
        return manifolds.make(name, dim=params["dim"], ambient=ambient, rotation=ROTATION)
    frame = random_frames(1, ambient, 2, stream(ROTATION, "plane"))[0] if ambient > 2 else None
    return Law(_plane(name), ambient, frame=frame)


def prior_of(params: dict, law: Law) -> NoisePrior:
    """The training prior on [low, high]: `balanced`, or the exponent of a power law."""
    low, high = params["low"], params["high"]
    if params["prior"] != "balanced":
        return NoisePrior.power(float(params["prior"]), low, high)
    return balanced_prior(low, high, DataMoments.of(law.sample(10_000, stream(0, "moments", law.name))).variance)
