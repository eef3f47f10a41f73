"""The loss: unbiased for the prior's risk whatever the proposal, with the blind optimum of the prior as its
minimiser."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.integrate import quad

import manifolds
from analysis.learning import Objective, Recipe, balanced_prior
from analysis.learning.recipe import Averaged, learning_rate
from manifolds.denoisers import NoisePrior

LOW, HIGH = 0.05, 8.0
PRIORS = {
    "theory": NoisePrior.power(-3.0, LOW, HIGH),
    "log-uniform": NoisePrior.power(-1.0, LOW, HIGH),
    "images": NoisePrior.power(-0.5, LOW, HIGH),
    "balanced": balanced_prior(LOW, HIGH, 2.0),
}


def moment(exponent: float, power: float) -> float:
    """E sigma^power under the prior proportional to sigma^exponent, by quadrature in log sigma."""
    ends = (math.log(LOW), math.log(HIGH))
    top = quad(lambda s: math.exp((exponent + 1 + power) * s), *ends, epsabs=0, epsrel=1e-12)[0]
    return top / quad(lambda s: math.exp((exponent + 1) * s), *ends, epsabs=0, epsrel=1e-12)[0]


@pytest.mark.parametrize(("name", "exponent"), [("theory", -3.0), ("log-uniform", -1.0), ("images", -0.5)])
@pytest.mark.parametrize("proposal", [None, NoisePrior.power(0.0, LOW, HIGH)])
def test_weighted_draws_are_unbiased_for_the_prior(name, exponent, proposal):
    objective = Objective(PRIORS[name], proposal, variance=1.0)
    n = 200_000
    sigma = objective.stratified(n, manifolds.stream(0, "levels", name).uniform(n))
    weight = objective.weights(sigma)
    assert float(weight.mean()) == pytest.approx(1.0, rel=1e-3)
    for power in (1.0, 2.0):
        assert float((weight * sigma**power).mean()) == pytest.approx(moment(exponent, power), rel=1e-3)


def test_the_minimiser_is_the_blind_optimum_of_the_prior_not_of_the_proposal():
    """Linear denoisers c y of scalar N(0, 1) data: the minimiser of the weighted loss is E x y / E y^2 under Theta."""
    prior, proposal = NoisePrior.power(-3.0, LOW, HIGH), NoisePrior.power(0.0, LOW, HIGH)
    objective, n = Objective(prior, proposal, variance=1.0), 400_000
    draws = manifolds.stream(1, "linear")
    batch = objective.draw(draws.child("x").normal(n, 1), draws)
    xy, yy = ((batch.weight[:, None] * value).mean() for value in (batch.x * batch.y, batch.y**2))
    assert float(xy / yy) == pytest.approx(1.0 / (1.0 + moment(-3.0, 2.0)), rel=0.01)
    assert abs(float(xy / yy) - 1.0 / (1.0 + moment(0.0, 2.0))) > 0.5  # what dropping the weights would give


def test_the_scale_makes_the_gaussian_risk_per_direction_one():
    for name, prior in PRIORS.items():
        objective = Objective(prior, None, variance=2.0)
        n = 50_000
        sigma = objective.stratified(n, torch.full((n,), 0.5, dtype=torch.float64))
        risk = 1.0 / (1.0 / sigma**2 + 1.0 / 2.0)
        assert float((objective.weights(sigma) / objective.scale * risk).mean()) == pytest.approx(1.0, rel=2e-3), name


def test_balanced_prior_is_one_over_sigma_times_the_gaussian_risk():
    knots = torch.exp(torch.linspace(math.log(LOW), math.log(HIGH), 33, dtype=torch.float64))
    for sigma, allowed in (
        (knots, 1e-9),
        (knots[:-1] * (knots[1] / knots[0]) ** 0.5, math.log(HIGH / LOW) ** 2 / 32**2 / 8),
    ):
        difference = PRIORS["balanced"].log_density(sigma) - torch.log(1 / sigma * (1 / sigma**2 + 1 / 2.0))
        # between knots, log(sigma^-2 + c) bends by at most one unit per squared unit of log sigma
        assert float(difference.max() - difference.min()) <= allowed


def test_stratified_levels_fall_one_in_each_slice():
    objective = Objective(PRIORS["log-uniform"], None, variance=1.0)
    sigma = objective.stratified(64, manifolds.stream(2).uniform(64))
    place = 64 * torch.log(sigma / LOW) / math.log(HIGH / LOW)
    assert torch.equal(place.floor(), torch.arange(64, dtype=torch.float64))


def test_discrete_priors_are_drawn_with_their_own_weights():
    prior = NoisePrior.discrete([0.1, 1.0, 3.0], [0.5, 0.25, 0.25])
    objective = Objective(prior, None, variance=1.0)
    sigma = objective.stratified(1000, torch.full((1000,), 0.5, dtype=torch.float64))
    assert [int((sigma == level).sum()) for level in (0.1, 1.0, 3.0)] == [500, 250, 250]
    assert torch.equal(objective.weights(sigma), torch.ones(1000, dtype=torch.float64))


def test_loss_of_known_outputs():
    objective = Objective(PRIORS["log-uniform"], None, variance=1.0)
    draws = manifolds.stream(3)
    batch = objective.draw(torch.zeros(50, 4, dtype=torch.float64), draws)
    output = batch.x + 2.0
    assert float(objective.loss(output, batch)) == pytest.approx(16.0 / objective.scale, rel=1e-12)
    estimator = Objective(PRIORS["log-uniform"], None, variance=1.0, target="log_sigma")
    batch = estimator.draw(torch.zeros(50, 4, dtype=torch.float64), draws)
    assert float(estimator.loss(batch.sigma.log() + 0.5, batch)) == pytest.approx(0.25 / estimator.scale, rel=1e-12)


def test_bad_proposals_are_refused():
    with pytest.raises(ValueError, match="proposal must cover the prior's range \\[0.05, 8\\], got \\[0.1, 8\\]"):
        Objective(PRIORS["theory"], NoisePrior.power(-1.0, 0.1, HIGH), variance=1.0)
    with pytest.raises(ValueError, match="proposal must be None for a discrete prior"):
        Objective(NoisePrior.discrete([0.1, 1.0], [0.5, 0.5]), NoisePrior.power(-1.0, LOW, HIGH), variance=1.0)


def test_learning_rate_warms_up_and_falls_to_zero():
    recipe = Recipe(steps=1000, lr=0.01, warmup=10)
    assert learning_rate(recipe, 0) == pytest.approx(0.001, rel=1e-12)
    assert learning_rate(recipe, 500) == pytest.approx(0.005, rel=1e-12)
    assert learning_rate(recipe, 999) == pytest.approx(0.01 * math.sin(math.pi / 2000) ** 2, rel=1e-9)
    assert learning_rate(Recipe(steps=1000, lr=0.01, decay="constant"), 999) == 0.01


def test_average_of_weights_has_the_stated_memory():
    layer = torch.nn.Linear(1, 1, bias=False)
    average, expected = Averaged(layer, 0.9), float(layer.weight.detach())
    for step in range(200):
        with torch.no_grad():
            layer.weight.fill_(float(step))
        average.update(step)
        decay = min(0.9, (step + 1) / (step + 10))
        expected = decay * expected + (1 - decay) * step
    assert float(average.state()["weight"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps must be an integer >= 1"),
        ({"lr": 0.0}, "lr must be a finite number > 0"),
        ({"lr": float("nan")}, "lr must be a finite number > 0"),
        ({"decay": "step"}, "decay must be cosine or constant"),
        ({"weight_decay": -1.0}, "weight_decay must be >= 0"),
        ({"average": 1.0}, "average must satisfy 0 <= average < 1"),
        ({"warmup": -1}, "warmup must be an integer >= 0"),
    ],
)
def test_bad_recipes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**arguments)
