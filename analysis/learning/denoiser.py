"""A trained network behind the contract of the exact denoisers: f(y) or f(y, sigma), float64 points in and out."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import torch
from torch import nn

from analysis.learning import checkpoint
from analysis.learning.specification import DataMoments, Network
from manifolds.checks import noise_level
from manifolds.space import Space
from manifolds.streams import stream

__all__ = ["Curve", "NoiseLevelEstimator", "TrainedDenoiser", "chunk_of", "load_denoiser"]

Curve = list[dict[str, float]]  # of a training: a row has step, lr, loss, gradient, validation

_CHUNK = 4096  # points a forward pass, of a network that does not say how many it can take


def chunk_of(module: nn.Module) -> int:
    """Points a forward pass: large images fill the memory long before points of a few numbers do."""
    return int(getattr(module, "chunk", _CHUNK))


class _Trained:
    """A network with fixed weights, its specification, where its points live, and how it was trained."""

    def __init__(self, network: Network, module: nn.Module, space: Space, config: dict[str, Any], curve: Curve):
        self.network, self.module, self.space, self.config = network, module.eval().requires_grad_(False), space, config
        self.curve = curve

    @property
    def blind(self) -> bool:
        return self.network.blind

    @property
    def parameters(self) -> int:
        """Number of trained parameters."""
        return sum(p.numel() for p in self.module.parameters())

    @property
    def digest(self) -> str:
        """Hash of the weights, bit by bit."""
        value = hashlib.sha256()
        for name, tensor in sorted(self.module.state_dict().items()):
            value.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        return value.hexdigest()[:16]

    def _apply(self, y: torch.Tensor, sigma: float | torch.Tensor | None) -> torch.Tensor:
        self.space.check(y)
        if self.blind and sigma is not None:
            raise ValueError("sigma must not be given to a blind network")
        if not self.blind and sigma is None:
            raise ValueError("sigma must be given to a conditional network")
        level = None if sigma is None else noise_level(sigma, len(y))[:, 0].expand(len(y)).to(torch.float32)
        device = next(self.module.parameters()).device
        parts = []
        chunk = chunk_of(self.module)
        for start in range(0, len(y), chunk):
            rows = slice(start, start + chunk)
            given = None if level is None else level[rows].to(device)
            parts.append(self.module(y[rows].to(device, torch.float32), given).to(y.device, torch.float64))
        return torch.cat(parts)

    def save(self, path: str | os.PathLike) -> None:
        """Write the weights with the header that `load_denoiser` checks."""
        body = {"weights": self.module.state_dict(), "curve": self.curve}
        checkpoint.write(
            path, "denoiser", {**self.config, "network": self.network.record, "dim": self.space.width}, body
        )


class TrainedDenoiser(_Trained):
    """Clean estimates (n, d) from noisy points (n, d); the network computes in float32.

    >>> import manifolds
    >>> from analysis.learning import Recipe, train
    >>> law, prior = manifolds.make("sphere", dim=2, ambient=16), manifolds.denoisers.NoisePrior.power(-3.0, 0.1, 3.0)
    >>> f = train(law, Network("mlp"), prior, stream=stream(0), recipe=Recipe(steps=1), progress=False)
    >>> f.blind, f.parameters, len(f.curve)
    (True, 1067536, 1)

    Attributes:
        blind: True for f(y), False for f(y, sigma) with sigma a number or one per row.
        space: where the points live.
        curve: the training curve, one dict a row: step, lr, loss, gradient, validation.
        config: what the training was: recipe, prior, data, stream.
    """

    def __call__(self, y: torch.Tensor, sigma: float | torch.Tensor | None = None) -> torch.Tensor:
        return self._apply(y, sigma)


class NoiseLevelEstimator(_Trained):
    """Noise standard deviations (n,) from noisy points (n, d).

    >>> import manifolds
    >>> from analysis.learning import Recipe, train
    >>> law, prior = manifolds.make("sphere", dim=2, ambient=16), manifolds.denoisers.NoisePrior.power(-1.0, 0.1, 3.0)
    >>> f = train(law, Network("noise_level"), prior, stream=stream(0), recipe=Recipe(steps=1), progress=False)
    >>> f(law.sample(5, stream(1))).shape
    torch.Size([5])
    """

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        return self._apply(y, None).exp()


def wrap(
    network: Network, module: nn.Module, space: Space, config: dict[str, Any], curve: Curve
) -> TrainedDenoiser | NoiseLevelEstimator:
    """The trained object that fits the network's target."""
    kind = NoiseLevelEstimator if network.target == "log_sigma" else TrainedDenoiser
    return kind(network, module, space, config, curve)


def load_denoiser(
    path: str | os.PathLike, network: Network | None = None, space: Space | None = None
) -> TrainedDenoiser | NoiseLevelEstimator:
    """What `save` wrote.

    >>> load_denoiser("absent.pt")
    Traceback (most recent call last):
    ValueError: checkpoint absent.pt does not exist

    Args:
        network: the specification that the file must hold; None accepts any.
        space: where the points live; None is dense R^d.

    Raises:
        ValueError: one line: no such file, truncated, not a denoiser, another network, or points of another dimension.
    """
    config, body = checkpoint.read(path, "denoiser")
    record, dim = config["network"], config["dim"]
    if network is not None and network.record != record:
        raise ValueError(f"checkpoint {path} holds the network {record}, expected {network.record}")
    if space is not None and space.width != dim:
        raise ValueError(f"checkpoint {path} is for points of dimension {dim}, the space has {space.width}")
    network = Network(**record)
    placeholder = DataMoments(
        torch.zeros(dim, dtype=torch.float64), 1.0, float(dim)
    )  # overwritten by the stored buffers
    module = network.build(placeholder, stream(0))
    try:
        module.load_state_dict(body["weights"])
    except (RuntimeError, KeyError):
        raise ValueError(f"checkpoint {path} has weights that do not fit its own header") from None
    own = {key: value for key, value in config.items() if key != "dim"}
    return wrap(network, module, Space(dim, dim) if space is None else space, own, body["curve"])
