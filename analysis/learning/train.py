"""Training: from a law or a data set, a network and a noise prior to a denoiser with the call of the exact ones.

Every number drawn at step i comes from a stream keyed by i, and one thread does the work: the weights are a function of
the arguments alone, whether or not the training was interrupted and resumed, and whatever else runs beside it.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from analysis.learning import checkpoint
from analysis.learning.arithmetic import checked_precision, computing_with, tf32
from analysis.learning.denoiser import Curve, NoiseLevelEstimator, TrainedDenoiser, chunk_of, wrap
from analysis.learning.objective import Batch, Objective
from analysis.learning.recipe import Averaged, Recipe, learning_rate
from analysis.learning.sources import FiniteSamples, FreshSamples, as_source
from analysis.learning.specification import DataMoments, Network
from manifolds.checks import instance, positive_int, usable_device
from manifolds.denoisers.prior import NoisePrior
from manifolds.law import Law
from manifolds.space import Space
from manifolds.streams import Stream

__all__ = ["TrainingState", "train"]

DEFAULT = Recipe()


def train(
    data: Law | torch.Tensor | np.ndarray,
    network: Network,
    prior: NoisePrior,
    *,
    stream: Stream,
    recipe: Recipe = DEFAULT,
    proposal: NoisePrior | None = None,
    space: Space | None = None,
    held_out: float = 0.1,
    validate_every: int = 500,
    patience: int | None = None,
    checkpoint_path: str | os.PathLike | None = None,
    checkpoint_every: int = 500,
    device: str = "cpu",
    threads: int = 1,
    precision: str = "float32",
    progress: bool = True,
) -> TrainedDenoiser | NoiseLevelEstimator:
    """Minimise the risk of `network` under `prior` (see `analysis.learning.objective` for the exact loss).

    >>> import manifolds
    >>> law, prior = manifolds.make("sphere", dim=2, ambient=16), NoisePrior.power(-3.0, 0.1, 3.0)
    >>> f = train(law, Network("mlp"), prior, stream=manifolds.stream(0), recipe=Recipe(steps=2), progress=False)
    >>> f(law.sample(5, manifolds.stream(1))).shape
    torch.Size([5, 16])

    Args:
        data: a dense law (every batch is fresh), or points (n, d) of a finite data set.
        network: the specification, blind or conditional.
        prior: Theta; the optimum of a blind network is `BlindDenoiser(law, prior)`.
        stream: weights and draws are functions of its seed and labels; it is not advanced.
        recipe: steps, batch, rate, decay, clipping, averaging.
        proposal: law from which noise levels are drawn, corrected by weights; None is log-uniform.
        space: of a finite data set; None is dense R^d.
        held_out: share of a finite data set kept for validation.
        validate_every: steps between rows of the training curve (risk of the averaged weights on fixed noisy points).
        patience: stop after this many validations without improvement and return the best weights; None trains to the
            end and returns the last averaged weights.
        checkpoint_path: a file from which an interrupted training of the same configuration goes on, with the result it
            would have had. SIGINT and SIGTERM stop at a whole step, write it, and raise KeyboardInterrupt.
        checkpoint_every: steps between writes.
        device: torch device of the network; draws are made on the CPU.
        threads: of the network's arithmetic. The weights depend on it through rounding alone.
        precision: of the network's products while it is trained: "float32"; "tf32" or "bfloat16" where the device has
            it (weights, normalisations and loss stay float32); "fastest" is bfloat16 on a CUDA device, else float32.
        progress: show a bar (on a terminal only).

    Raises:
        ValueError: bad data (NaN, shape, fewer than two points), bad settings, or a checkpoint that does not belong to
            this training; one line.
        FloatingPointError: the loss is not finite (a smaller rate is needed).
    """
    for name, value, kind in (("network", network, Network), ("prior", prior, NoisePrior), ("stream", stream, Stream)):
        instance(value, kind, name)
    usable_device(device)
    positive_int(validate_every, "validate_every")
    positive_int(checkpoint_every, "checkpoint_every")
    if patience is not None:
        positive_int(patience, "patience")
    source = as_source(data, space, held_out, stream)
    moments = DataMoments.of(source.known(stream.child("known")))
    objective = Objective(prior, proposal, moments.variance, network.target)
    config = {
        "network": network.record,
        "data": source.fingerprint,
        "objective": objective.fingerprint,
        "recipe": recipe.record,
        "stream": [stream.seed, *map(str, stream.labels)],
        "validate_every": validate_every,
        "patience": patience,
        "threads": threads,
    }
    precision = checked_precision(precision, device)
    if precision != "float32":
        config["precision"] = precision
    with computing_with(threads), tf32(precision == "tf32"), checkpoint.uninterrupted() as caught:
        state = TrainingState(source, network, moments, objective, recipe, stream, device, patience, precision)
        if checkpoint_path is not None and os.path.exists(checkpoint_path):
            state.restore(checkpoint.read(checkpoint_path, "training", config)[1])
        bar = tqdm(
            total=recipe.steps, initial=state.step, desc="training", disable=None if progress else True, leave=False
        )
        with bar:
            while state.step < recipe.steps and not state.stopped:
                state.advance()
                bar.update()
                if state.step % validate_every == 0 or state.step == recipe.steps:
                    bar.set_postfix(validation=f"{state.validate()['validation']:.4g}")
                due = state.step % checkpoint_every == 0 or state.step == recipe.steps or state.stopped
                if checkpoint_path is not None and (due or caught):
                    checkpoint.write(checkpoint_path, "training", config, state.body())
                if caught:
                    raise checkpoint.Interrupted(f"training stopped at step {state.step} of {recipe.steps}")
        return wrap(network, state.result(), source.space, config, state.curve)


_BLOCK = 16  # steps whose batches are drawn together, unless they are large:
_BLOCK_NUMBERS = 2**25  # numbers in these, 256 MB; part of what a training draws, so fixed
_VALIDATION_BATCH, _VALIDATION_NUMBERS = 4096, 2**23


class TrainingState:
    """Network, optimiser, average, step and curve; a checkpoint holds all of it, and every draw is keyed by the step.

    Args:
        patience: validations without improvement after which `stopped` is True; None: never.
    """

    def __init__(
        self,
        source: FreshSamples | FiniteSamples,
        network: Network,
        moments: DataMoments,
        objective: Objective,
        recipe: Recipe,
        stream: Stream,
        device: str,
        patience: int | None,
        precision: str = "float32",
    ):
        self.source, self.objective, self.recipe = source, objective, recipe
        self.stream, self.patience = stream, patience
        self.device, self.precision = torch.device(device), precision
        self.module = network.build(moments, stream.child("initial")).to(self.device)
        self.optimiser = recipe.optimiser(self.module)
        self.average = Averaged(self.module, recipe.average)
        self.step = 0
        self.curve: Curve = []
        self._recent: list[list[float]] = []
        self.best: dict[str, torch.Tensor] | None = None
        self.best_value, self.since_best = float("inf"), 0
        self._block: tuple[int, list[Batch]] = (-1, [])
        dim = moments.center.shape[0]
        self.block = max(min(_BLOCK, _BLOCK_NUMBERS // (recipe.batch * dim)), 1)
        draws = stream.child("validation")
        count = max(min(_VALIDATION_BATCH, _VALIDATION_NUMBERS // dim), 1)
        held = source.validation(count, draws.child("points"))
        self.validation = self._place(objective.draw(held, draws))

    @property
    def stopped(self) -> bool:
        return self.patience is not None and self.since_best >= self.patience

    def _place(self, batch: Batch) -> Batch:
        """On the network's device, in its precision; y is rounded after the noise was added in float64."""
        return Batch(*(part.to(self.device, torch.float32) for part in batch))

    def _batch(self) -> Batch:
        number, offset = divmod(self.step, self.block)
        if self._block[0] != number:
            draws = self.stream.child("block", number)
            x = self.source.batch(self.block * self.recipe.batch, draws.child("points"))
            z = draws.child("noise").normal(*x.shape)
            uniform = draws.child("level").uniform(len(x))
            pieces = zip(*(part.split(self.recipe.batch) for part in (x, uniform, z)))
            self._block = (number, [self._place(self.objective.noisy(*piece)) for piece in pieces])
        return self._block[1][offset]

    def advance(self) -> None:
        """One optimiser step."""
        batch = self._batch()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            output = self.module(batch.y, batch.sigma)
        loss = self.objective.loss(output.float(), batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        gradient = float(torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.clip))
        rate = learning_rate(self.recipe, self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        value = float(loss.detach())
        if not value < float("inf"):
            raise FloatingPointError(
                f"training loss is not finite at step {self.step}: lr {self.recipe.lr:g} is too large"
            )
        self.optimiser.step()
        self.average.update(self.step)
        self._recent.append([value, gradient])
        self.step += 1

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """A row of the curve, with the loss of the averaged weights on the fixed validation points."""
        averaged = self.average.state()
        points = zip(*(part.split(chunk_of(self.module)) for part in (self.validation.y, self.validation.sigma)))
        output = torch.cat([torch.func.functional_call(self.module, averaged, piece) for piece in points])
        value = float(self.objective.loss(output, self.validation))
        losses, gradients = zip(*self._recent)
        row = {
            "step": self.step,
            "lr": learning_rate(self.recipe, self.step - 1),
            "loss": sum(losses) / len(losses),
            "gradient": sum(gradients) / len(gradients),
            "validation": value,
        }
        self.curve.append(row)
        self._recent = []
        self.since_best += 1
        if value < self.best_value:
            self.best_value, self.since_best = value, 0
            if self.patience is not None:
                self.best = averaged
        return row

    def body(self) -> dict[str, Any]:
        best = {"best": self.best} if self.best is not None else {}
        return {
            "step": self.step,
            "weights": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.state(),
            "curve": self.curve,
            "recent": self._recent,
            "best_value": self.best_value,
            "since_best": self.since_best,
            **best,
        }

    def restore(self, body: dict[str, Any]) -> None:
        self.module.load_state_dict(body["weights"])
        self.optimiser.load_state_dict(body["optimiser"])
        self.average.load(body["average"])
        self.step, self.curve, self._recent = body["step"], body["curve"], body["recent"]
        self.best_value, self.since_best, self.best = body["best_value"], body["since_best"], body.get("best")

    def result(self) -> torch.nn.Module:
        """The module with its final weights."""
        self.module.load_state_dict(self.best if self.best is not None else self.average.state(), strict=False)
        return self.module
