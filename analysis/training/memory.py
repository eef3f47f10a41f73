"""Finite data: where a trained network sits between the optimum on its training set and that of the law, as n grows."""

from __future__ import annotations

import math

import torch

from analysis.training.excess_risk import NULL_SHIFT, Shifted
from analysis.training.fit import fit, row
from analysis.training.laws import law_of, prior_of
from manifolds import stream
from manifolds.denoisers import BlindDenoiser
from manifolds.law import Law
from manifolds.laws.atoms import Atoms
from manifolds.streams import Stream

__all__ = ["cell_memory", "memory_rows"]


def memory_rows(
    f,
    law: Law,
    population: BlindDenoiser,
    memory: BlindDenoiser,
    x: torch.Tensor,
    sigma: float,
    draws: Stream,
    series: str,
) -> list[dict]:
    """Rows at noisy versions of points x.

    With f* the blind optimum of the law and f_n that of the training set (uniform atoms), position is
    E<f - f*, f_n - f*> / E|f_n - f*|^2: 0 for f*, 1 for f_n. excess and memory_excess: E|f - f*|^2 and E|f_n - f*|^2
    over the Bayes risk of the law; residual: E|f - f*|^2 that is not along f_n - f*, over the Bayes risk.
    """
    y = law.add_noise(x, sigma, draws)
    base, bayes = population(y), law.posterior_trace(y, sigma)
    own, learned_by_heart = f(y) - base, memory(y) - base
    along, size = (own * learned_by_heart).sum(dim=1), law.space.sqnorm(learned_by_heart)
    position = float(along.mean() / size.mean())
    se = float((along - position * size).std() / math.sqrt(len(y)) / size.mean())
    rest = law.space.sqnorm(own - position * learned_by_heart)
    rows = [row("position", position, se, sigma, series)]
    for name, values in (("excess", law.space.sqnorm(own)), ("memory_excess", size), ("residual", rest)):
        rows.append(
            row(name, values.mean() / bayes.mean(), values.std() / math.sqrt(len(y)) / bayes.mean(), sigma, series)
        )
    return rows


def cell_memory(params: dict, seed: int) -> list[dict]:
    """Train on the first n of one sequence of points; measure at noisy training points and at noisy fresh points.

    Controls at the fresh points: the law's optimum with an unrelated error of about 1 % (null), the training set's (power).
    """
    law = law_of(params)
    prior = prior_of(params, law)
    draws = stream(seed, "memory")
    data = law.sample(params["n"], draws.child("data"))
    f = fit(params, law, draws.child("training"), data)
    core_points = law.space.split(data)[0]
    memory = BlindDenoiser(Law(Atoms(core_points), law.ambient_dim, frame=law.space.frame), prior)
    population = BlindDenoiser(law, prior)
    count = params["points"]
    places = {
        "training": data[draws.child("rows").integers(len(data), count)],
        "fresh": law.sample(count, draws.child("fresh")),
    }
    rows = []
    for sigma in params["at"].split():
        for name, x in places.items():
            rows += memory_rows(f, law, population, memory, x, float(sigma), draws.child(name, sigma), name)
        shifted = Shifted(population, NULL_SHIFT * math.sqrt(float(law.posterior_trace(x, float(sigma)).mean())))
        for name, known in (("null", shifted), ("power", memory)):
            rows += memory_rows(known, law, population, memory, x, float(sigma), draws.child("fresh", sigma), name)
    return rows
