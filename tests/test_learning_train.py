"""Training: it reaches the optimum of a solvable law, the weights are reproducible to the bit, a kill loses nothing."""

from __future__ import annotations

import doctest
import importlib
import signal

import numpy as np
import pytest
import torch

import manifolds
from analysis.learning import Network, Recipe, train
from analysis.learning.risk import excess_at
from analysis.learning.sources import FiniteSamples
from analysis.learning.train import TrainingState
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior

PRIOR = NoisePrior.power(-3.0, 0.1, 3.0)
LAW = manifolds.make("gaussian", dim=2, ambient=16, rotation=1)
SMALL = {"width": 16, "blocks": 1, "gates": 16, "groups": 4, "rank": 16, "fine": 8}
QUICK = Recipe(steps=24, batch=32, warmup=4)


def quick(**changes):
    arguments = {
        "data": LAW,
        "network": Network(options=SMALL),
        "prior": PRIOR,
        "stream": manifolds.stream(0, "quick"),
        "recipe": QUICK,
        "validate_every": 8,
        "progress": False,
    }
    return train(**{**arguments, **changes})


@pytest.fixture(scope="module")
def trained():
    """A blind and a conditional network on a Gaussian 2-plane in R^16, a few seconds each."""
    recipe = Recipe(steps=600, batch=256, lr=1e-2, average=0.99)
    return {
        blind: train(
            LAW,
            Network(blind=blind, options=SMALL),
            PRIOR,
            stream=manifolds.stream(0, "t"),
            recipe=recipe,
            progress=False,
        )
        for blind in (True, False)
    }


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0, 3.0])
def test_blind_training_reaches_the_blind_optimum(trained, sigma):
    """The gap to f* lies below 6 % of the Bayes risk, its 95 % interval included."""
    found = excess_at(trained[True], LAW, BlindDenoiser(LAW, PRIOR), sigma, 4000, manifolds.stream(0, "e", sigma))
    assert found["gap"] + 1.96 * found["gap_se"] < 0.06


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0, 3.0])
def test_conditional_training_reaches_the_conditional_optimum(trained, sigma):
    found = excess_at(trained[False], LAW, BlindDenoiser(LAW, PRIOR), sigma, 4000, manifolds.stream(0, "e", sigma))
    assert found["excess"] + 1.96 * found["excess_se"] < 0.06


def test_exact_denoisers_have_no_excess_and_the_predicted_residual():
    optimum, sigma = BlindDenoiser(LAW, PRIOR), 0.5
    blind = excess_at(optimum, LAW, optimum, sigma, 2000, manifolds.stream(0, "null"))
    conditional = excess_at(ConditionalDenoiser(LAW), LAW, optimum, sigma, 2000, manifolds.stream(0, "null"))
    assert blind["gap"] == 0.0 and conditional["excess"] == 0.0
    assert conditional["variance_shift"] == 0.0
    # k_eff/d = (2/16) s^2/(s^2 + sigma^2), s = 1
    assert conditional["variance_exact"] == pytest.approx(1.0 - 2.0 / 16.0 / 1.25, rel=1e-9)
    assert abs(conditional["variance_ratio"] - conditional["variance_exact"]) < 3.3 * conditional["variance_ratio_se"]


def test_a_scaled_optimum_has_the_known_excess():
    """f = 1.1 f_sigma: excess / mmse = .01 E|f_sigma|^2 / mmse = .01 s^2/sigma^2 for a Gaussian subspace."""

    class Scaled(ConditionalDenoiser):
        def __call__(self, y, sigma):
            return 1.1 * super().__call__(y, sigma)

    found = excess_at(Scaled(LAW), LAW, BlindDenoiser(LAW, PRIOR), 0.25, 20_000, manifolds.stream(0, "scaled"))
    assert abs(found["excess"] - 0.16) < 3.3 * found["excess_se"]
    assert found["excess_se"] < 0.003


def test_training_lowers_the_risk_and_keeps_a_table(trained):
    curve = trained[True].curve
    assert [row["step"] for row in curve] == [500, 600]
    assert curve[-1]["validation"] < 2.1  # the optimum's loss is about k = 2 times mmse / reference, here 2
    assert set(curve[0]) == {"step", "lr", "loss", "gradient", "validation"}


def test_weights_do_not_depend_on_threads_or_on_the_global_generator():
    first = quick()
    torch.manual_seed(99)
    torch.set_num_threads(2)
    try:
        second = quick()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert first.digest == second.digest and first.curve == second.curve
    assert quick(stream=manifolds.stream(1, "quick")).digest != first.digest


@pytest.mark.parametrize("data", ["fresh", "finite"])
def test_a_killed_training_resumes_to_the_same_weights(tmp_path, monkeypatch, data):
    """Killed at step 19 with a checkpoint every 7 steps: resumed from step 14, within a block of batches."""
    points = LAW if data == "fresh" else LAW.sample(200, manifolds.stream(0, "finite"))
    whole = quick(data=points)
    path = tmp_path / "training.pt"
    advance = TrainingState.advance

    def killed(self):
        if self.step == 19:
            raise RuntimeError("killed")
        advance(self)

    monkeypatch.setattr(TrainingState, "advance", killed)
    with pytest.raises(RuntimeError, match="killed"):
        quick(data=points, checkpoint_path=path, checkpoint_every=7)
    monkeypatch.undo()
    resumed = quick(data=points, checkpoint_path=path, checkpoint_every=7)
    assert resumed.digest == whole.digest and resumed.curve == whole.curve
    again = quick(data=points, checkpoint_path=path, checkpoint_every=7)  # finished: nothing is left to do
    assert again.digest == whole.digest and again.curve == whole.curve


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_a_whole_step_and_nothing_is_lost(tmp_path, monkeypatch, number):
    whole, path = quick(), tmp_path / "training.pt"
    advance = TrainingState.advance

    def interrupted(self):
        if self.step == 11:
            signal.raise_signal(number)
        advance(self)

    monkeypatch.setattr(TrainingState, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt, match="stopped at step 12 of 24"):
        quick(checkpoint_path=path)
    monkeypatch.undo()
    assert quick(checkpoint_path=path).digest == whole.digest


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / "training.pt"
    quick(checkpoint_path=path)
    for change, named in (
        ({"recipe": Recipe(steps=24, batch=16, warmup=4)}, "recipe"),
        ({"network": Network("mlp", options={"width": 8})}, "network"),
        ({"prior": NoisePrior.power(-1.0, 0.1, 3.0)}, "objective"),
        ({"data": LAW.sample(50, manifolds.stream(0))}, "data"),
        ({"stream": manifolds.stream(1, "quick")}, "stream"),
    ):
        with pytest.raises(ValueError, match=f"belongs to another configuration: .*{named} is"):
            quick(checkpoint_path=path, **change)


def test_early_stopping_keeps_the_best_weights():
    """With far too large a rate after a good start the validation risk rises: training stops, the best weights
    return."""
    points = LAW.sample(12, manifolds.stream(0, "few"))
    recipe = Recipe(steps=600, batch=32, lr=3e-2, decay="constant", average=0.0)
    stopped = quick(data=points, recipe=recipe, held_out=0.5, validate_every=10, patience=3)
    values = [row["validation"] for row in stopped.curve]
    best = int(np.argmin(values))
    assert len(values) == best + 4 and len(values) < 60  # stopped three validations after the best
    full = quick(
        data=points,
        recipe=Recipe(steps=10 * (best + 1), batch=32, lr=3e-2, decay="constant", average=0.0),
        held_out=0.5,
    )
    assert full.digest == stopped.digest  # the weights of the best step, bit by bit


def test_rows_held_out_are_not_trained_on():
    points = LAW.sample(100, manifolds.stream(0, "split"))
    source = FiniteSamples(points, LAW.space, 0.2, manifolds.stream(0))
    seen = source.batch(5000, manifolds.stream(1))
    assert len(source.points) == 80 and len(source.aside) == 20
    distance = torch.cdist(source.aside, seen).min()
    assert float(distance) > 0.0
    together = torch.cat([source.points, source.aside])
    assert torch.equal(together.sort(dim=0).values, points.sort(dim=0).values)


def test_a_noise_level_estimator_approaches_the_cramer_rao_bound():
    """Data of a 2-plane in R^16: sd of log sigma is at least 1/sqrt(2 d), and 1/sqrt(2 (d - k)) well below the data's
    scale."""
    recipe = Recipe(steps=500, batch=256, lr=1e-2, average=0.99)
    network = Network("noise_level", options={"groups": 4, "rank": 16, "hidden": 16})
    estimate = train(
        LAW,
        network,
        NoisePrior.power(-1.0, 0.05, 3.0),
        stream=manifolds.stream(0, "level"),
        recipe=recipe,
        progress=False,
    )
    sigma = 0.2
    y = LAW.add_noise(LAW.sample(4000, manifolds.stream(0, "x")), sigma, manifolds.stream(0, "z"))
    error = torch.log(estimate(y) / sigma)
    bound = 1.0 / (2.0 * 16) ** 0.5
    assert bound < float(error.square().mean().sqrt()) < 1.25 * bound


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (torch.tensor([[0.0, float("nan")], [1.0, 2.0]]), "data must be finite, got NaN or infinity"),
        (torch.zeros(5), "data must have shape \\(n, d\\), got \\(5,\\)"),
        (torch.zeros(2, 3, 4), "data must have shape \\(n, d\\), got \\(2, 3, 4\\)"),
        (torch.zeros(1, 4), "data must have at least 2 points, got 1"),
        (torch.ones(6, 16), "data must not be all one point"),
        ([[1.0, 2.0]], "data must be a law, a tensor or an array, got list"),
        (torch.eye(6, 4), "data must have the dense width of their space, 16, got 4"),
    ],
)
def test_bad_data_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        quick(data=points, space=LAW.space)


def test_reduced_laws_are_refused():
    with pytest.raises(ValueError, match="law must be dense"):
        quick(data=manifolds.make("gaussian", dim=2, ambient=16, reduced=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patience": 0}, "patience must be an integer >= 1"),
        ({"validate_every": 0}, "validate_every must be an integer >= 1"),
        ({"checkpoint_every": 2.5}, "checkpoint_every must be an integer >= 1"),
        ({"threads": 0}, "threads must be an integer >= 1"),
        ({"data": torch.eye(9, 16), "held_out": 1.0}, "held_out must satisfy 0 <= held_out < 1"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        quick(**change)


@pytest.mark.parametrize("name", ["train", "denoiser", "objective", "recipe", "risk", "specification"])
def test_examples_give_what_they_say(name):
    found = doctest.testmod(importlib.import_module(f"analysis.learning.{name}"))
    assert found.attempted >= 1 and found.failed == 0


def test_a_diverging_training_says_so():
    recipe = Recipe(steps=200, batch=32, lr=1e20, warmup=0, clip=1e30)
    with pytest.raises(FloatingPointError, match="loss is not finite at step .*: lr 1e\\+20 is too large"):
        quick(network=Network("mlp", options={"width": 8}), recipe=recipe)
