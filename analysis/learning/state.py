"""The state of a training and one step of it; a checkpoint holds all of it, and every draw is keyed by the step."""

from __future__ import annotations

from typing import Any

import torch

from analysis.learning.objective import Batch, Objective
from analysis.learning.optimiser import Averaged, Recipe, learning_rate
from analysis.learning.sources import FiniteSamples, FreshSamples
from analysis.learning.specification import DataMoments, Network
from manifolds.streams import Stream

__all__ = ["TrainingState"]

_BLOCK = 16  # steps whose batches are drawn together
_VALIDATION_BATCH = 4096


class TrainingState:
    """Network, optimiser, average, step and curve.

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
    ):
        self.source, self.objective, self.recipe, self.stream, self.patience = (
            source,
            objective,
            recipe,
            stream,
            patience,
        )
        self.device = torch.device(device)
        self.module = network.build(moments, stream.child("initial")).to(self.device)
        self.optimiser = recipe.optimiser(self.module)
        self.average = Averaged(self.module, recipe.average)
        self.step, self.curve, self._recent = 0, [], []
        self.best, self.best_value, self.since_best = None, float("inf"), 0
        self._block: tuple[int, list[Batch]] = (-1, [])
        draws = stream.child("validation")
        held = source.validation(_VALIDATION_BATCH, draws.child("points"))
        self.validation = self._place(objective.draw(held, draws))

    @property
    def stopped(self) -> bool:
        return self.patience is not None and self.since_best >= self.patience

    def _place(self, batch: Batch) -> Batch:
        """On the network's device, in its precision; y is rounded after the noise was added in float64."""
        return Batch(*(part.to(self.device, torch.float32) for part in batch))

    def _batch(self) -> Batch:
        number, offset = divmod(self.step, _BLOCK)
        if self._block[0] != number:
            draws = self.stream.child("block", number)
            x = self.source.batch(_BLOCK * self.recipe.batch, draws.child("points"))
            z = draws.child("noise").normal(*x.shape)
            uniform = draws.child("level").uniform(len(x))
            pieces = zip(*(part.split(self.recipe.batch) for part in (x, uniform, z)))
            self._block = (number, [self._place(self.objective.noisy(*piece)) for piece in pieces])
        return self._block[1][offset]

    def advance(self) -> None:
        """One optimiser step."""
        batch = self._batch()
        loss = self.objective.loss(self.module(batch.y, batch.sigma), batch)
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
        output = torch.func.functional_call(self.module, averaged, (self.validation.y, self.validation.sigma))
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
