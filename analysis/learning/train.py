"""Training: from a law or a data set, a network and a noise prior to a denoiser with the call of the exact ones.

Every number drawn at step i comes from a stream keyed by i, and one thread does the work: the weights are a function of
the arguments alone, whether or not the training was interrupted and resumed, and whatever else runs beside it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from tqdm import tqdm

from analysis.learning import checkpoint
from analysis.learning.denoiser import NoiseLevelEstimator, TrainedDenoiser, wrap
from analysis.learning.objective import Objective
from analysis.learning.optimiser import Recipe
from analysis.learning.sources import as_source
from analysis.learning.specification import DataMoments, Network
from analysis.learning.state import TrainingState
from manifolds.checks import positive_int
from manifolds.denoisers.prior import NoisePrior
from manifolds.law import Law
from manifolds.space import Space
from manifolds.streams import Stream

__all__ = ["train"]


def train(
    data: Law | torch.Tensor,
    network: Network,
    prior: NoisePrior,
    *,
    stream: Stream,
    recipe: Recipe = Recipe(),
    proposal: NoisePrior | None = None,
    space: Space | None = None,
    held_out: float = 0.1,
    validate_every: int = 500,
    patience: int | None = None,
    checkpoint_path: str | os.PathLike | None = None,
    checkpoint_every: int = 500,
    device: str = "cpu",
    threads: int = 1,
    progress: bool = True,
) -> TrainedDenoiser | NoiseLevelEstimator:
    """Minimise the risk of `network` under `prior` (see `analysis.learning.objective` for the exact loss).

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
        progress: show a bar (on a terminal only).

    Raises:
        ValueError: bad data (NaN, shape, fewer than two points), bad settings, or a checkpoint that does not belong to
            this training; one line.
        FloatingPointError: the loss is not finite (a smaller rate is needed).
    """
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
    with _threads(threads), checkpoint.uninterrupted() as caught:
        state = TrainingState(source, network, moments, objective, recipe, stream, device, patience)
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


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Within the block torch computes with `count` threads: sums are then taken in one order on any number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(positive_int(count, "threads"))
    try:
        yield
    finally:
        torch.set_num_threads(before)
