"""Blind predictions of x, eps, score and velocity, against sums over levels in R^d that share no code with them."""

import math

import numpy as np
import pytest
import torch

import manifolds
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.denoisers.parametrised import PREDICTIONS, parametrisation

LOW, HIGH = 0.05, 5.0


def by_summing(y, k, predicts, sigma, exponent, scale=1.0, levels=4001):
    """The definition on N(0, scale^2 I_k) in R^d: Simpson's rule over log w, densities in R^d, one dense point."""
    w = np.exp(np.linspace(math.log(LOW), math.log(HIGH), levels))
    point = y / (1 + sigma) if predicts == "velocity" else y
    seen = point[None, :] * (1 + w)[:, None] if predicts == "velocity" else np.repeat(point[None, :], levels, axis=0)
    variance = np.full((levels, len(y)), (w**2)[:, None])
    variance[:, :k] += scale**2
    log_p = -0.5 * (seen**2 / variance + np.log(variance)).sum(1) + (exponent + 1) * np.log(w)
    if predicts == "velocity":
        log_p += len(y) * np.log1p(w)  # density of z = y/(1 + w)
    weight = np.exp(log_p - log_p.max())
    weight[1:-1:2] *= 4
    weight[2:-1:2] *= 2
    weight /= weight.sum()
    clean = np.zeros_like(seen)
    clean[:, :k] = scale**2 / (scale**2 + w**2)[:, None] * seen[:, :k]
    if predicts == "x":
        return weight @ clean
    if predicts == "velocity":
        # v = E[eps - X | z], eps = (y - X)/w
        velocity = weight @ ((seen - clean) / w[:, None] - clean)
        return point - sigma / (1 + sigma) * velocity
    if predicts == "eps":
        return y - sigma * (weight @ ((seen - clean) / w[:, None]))
    return y + sigma**2 * (weight @ ((clean - seen) / w[:, None] ** 2))


@pytest.mark.parametrize("predicts", PREDICTIONS)
@pytest.mark.parametrize("d, k", [(12, 2), (300, 3)])
def test_the_definition_summed_in_the_whole_space(predicts, d, k):
    law = manifolds.make("gaussian", dim=k, ambient=d)
    f = parametrisation(law, predicts, NoisePrior.power(-2.0, LOW, HIGH))
    for true, told in ((0.3, 0.3), (0.3, 0.36), (0.055, 0.05), (4.9, 5.0)):  # in the middle and at both ends
        y = law.add_noise(law.sample(2, manifolds.stream(1, d)), true, manifolds.stream(2, d))
        found = f(y, told).numpy()
        for row, point in zip(found, y.numpy()):
            exact = by_summing(point, k, predicts, told, -2.0)
            assert np.abs(row - exact).max() < 1e-5 * told  # the rule's own error, at its ends


@pytest.mark.parametrize("name, d", [("sphere", 10**6), ("mixture", 2000), ("random_code", 1000), ("torus", 10**9)])
def test_a_blind_x_prediction_is_the_blind_denoiser(name, d):
    law = manifolds.make(name, dim=2, ambient=d, reduced=True)
    prior = NoisePrior.power(-3.0, LOW, HIGH)
    for sigma in (0.05, 0.4, 5.0):
        y = law.add_noise(law.sample(50, manifolds.stream(3)), sigma, manifolds.stream(4))
        gap = parametrisation(law, "x", prior)(y, 7.0) - BlindDenoiser(law, prior)(y)  # sigma is not used
        assert float(gap.abs().max()) < 1e-8


@pytest.mark.parametrize("predicts", PREDICTIONS)
def test_dense_and_reduced_points_have_the_same_estimates(predicts):
    prior = NoisePrior.power(-1.0, LOW, HIGH)
    dense, flat = (manifolds.make("sphere", dim=2, ambient=260, reduced=r) for r in (False, True))
    y = dense.add_noise(dense.sample(5, manifolds.stream(5)), 0.5, manifolds.stream(6))
    rho = y[:, 3:].norm(dim=1, keepdim=True)
    whole = parametrisation(dense, predicts, prior)(y, 0.45)
    parts = parametrisation(flat, predicts, prior)(torch.cat([y[:, :3], rho], dim=1), 0.45)
    assert torch.allclose(whole[:, :3], parts[:, :3], atol=1e-11)
    assert torch.allclose(whole[:, 3:], parts[:, 3:] * y[:, 3:] / rho, atol=1e-11)


def test_a_network_that_is_told_the_level_makes_one_estimate_of_every_prediction():
    law = manifolds.make("mixture", dim=2, ambient=40)
    y = law.add_noise(law.sample(4, manifolds.stream(7)), 0.5, manifolds.stream(8))
    for predicts in PREDICTIONS:
        assert torch.equal(parametrisation(law, predicts)(y, 0.5), law.denoise(y, 0.5))


@pytest.mark.parametrize("predicts, expected", [("eps", 0.5), ("score", 2.0), ("velocity", 0.5 / 1.3**2)])
def test_what_blindness_costs_at_one_level(predicts, expected):
    """E|x^ - f|^2/sigma^2 = 1/2, 2, 1/(2 (1 + sigma)^2), by 4000 draws, each with a spread of sqrt 2."""
    law = manifolds.make("sphere", dim=2, ambient=10**7, reduced=True)
    y = law.add_noise(law.sample(4000, manifolds.stream(9)), 0.3, manifolds.stream(10))
    gap = parametrisation(law, predicts, NoisePrior.power(-3.0, 0.02, 20.0))(y, 0.3) - law.denoise(y, 0.3)
    found = float(law.space.sqnorm(gap).mean()) / 0.3**2
    assert found == pytest.approx(expected, rel=4 * math.sqrt(2 / 4000))


def test_the_posterior_of_the_time_is_as_wide_as_the_codimension_says():
    law = manifolds.make("gaussian", dim=100, ambient=400, reduced=True)
    y = law.add_noise(law.sample(20, manifolds.stream(11)), 0.05, manifolds.stream(12))
    w, weight = parametrisation(law, "velocity", NoisePrior.power(-1.0, 0.005, 0.5)).levels(y, 0.05)
    log_t = torch.log(w / (1 + w))
    centre = (weight * log_t).sum(1, keepdim=True)
    sd = (weight * (log_t - centre) ** 2).sum(1).sqrt()
    assert float(sd.mean()) * math.sqrt(2 * 300) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(
    ("law", "predicts", "prior", "words"),
    [
        (("sphere", 2, 300), "noise", None, "predicts must be one of x, eps, score, velocity"),
        (("sphere", 2, 300), "eps", NoisePrior.discrete([1.0], [1.0]), "prior must have a density"),
        (("full_gaussian", 300, 300), "eps", NoisePrior.power(-1.0, 0.1, 1.0), "concentrated on its core"),
        (("gaussian", 900, 1000), "eps", NoisePrior.power(-1.0, 0.1, 1.0), "normal coordinates or d <= 500"),
    ],
)
def test_what_is_refused(law, predicts, prior, words):
    name, dim, ambient = law
    with pytest.raises(ValueError, match=words):
        parametrisation(manifolds.make(name, dim=dim, ambient=ambient), predicts, prior)
