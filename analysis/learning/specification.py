"""Which network: a name, blind or not, and its sizes. The weights come from a stream when it is built."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from manifolds.streams import Stream

__all__ = ["DataMoments", "Network", "architectures", "given", "register", "require_blind"]

_ARCHITECTURES: dict[str, type[nn.Module]] = {}


@dataclass(frozen=True)
class DataMoments:
    """What a network may know of the data before training: their mean and one variance.

    >>> DataMoments.of(torch.tensor([[1.0, 0.0], [-1.0, 0.0]])).total
    1.0

    Attributes:
        center: (d,) the mean.
        variance: tr(C^2)/tr(C), the variance per occupied direction (C the covariance); exact for isotropic low-rank
        data.
        total: tr(C), the mean squared distance to the mean.
    """

    center: torch.Tensor
    variance: float
    total: float

    @classmethod
    def of(cls, x: torch.Tensor) -> DataMoments:
        """The moments of points (n, d).

        Raises:
            ValueError: all points are equal, so that there is no scale to normalise by.
        """
        center = x.mean(dim=0)
        centred = x - center
        gram = centred.T @ centred / x.shape[0] if x.shape[1] <= x.shape[0] else centred @ centred.T / x.shape[0]
        total = float(gram.trace())
        if not total > 0.0:
            raise ValueError("data must not be all one point: there is no scale to normalise by")
        return cls(center, float((gram * gram).sum()) / total, total)


def register(name: str) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Class decorator: a module taking (moments, blind, **sizes) becomes the architecture `name`."""

    def add(cls: type[nn.Module]) -> type[nn.Module]:
        _ARCHITECTURES[name] = cls
        return cls

    return add


def architectures() -> list[str]:
    """Names of the known architectures, sorted.

    >>> "mlp" in architectures()
    True
    """
    return sorted(_ARCHITECTURES)


@dataclass(frozen=True)
class Network:
    """A network to be trained: plain data, so that it can be hashed, stored with the weights and compared.

    >>> Network("mlp", blind=False, options={"width": 64}).record
    {'name': 'mlp', 'blind': False, 'options': {'width': 64}}

    Args:
        name: one of `architectures()`.
        blind: True for f(y), False for f(y, sigma); the body is the same.
        options: sizes of the architecture, by keyword (see its class).

    Raises:
        ValueError: unknown name or option.
    """

    name: str = "locally_linear"
    blind: bool = True
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if self.name not in _ARCHITECTURES:
            raise ValueError(f"network must be one of {', '.join(architectures())}, got {self.name!r}")
        allowed = [p for p in inspect.signature(_ARCHITECTURES[self.name]).parameters if p not in ("moments", "blind")]
        for key, value in self.options.items():
            if key not in allowed:
                raise ValueError(f"option of {self.name} must be one of {', '.join(allowed)}, got {key!r}")
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"option {key} of {self.name} must be an integer >= 1, got {value!r}")

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def record(self) -> dict[str, Any]:
        """The specification as plain JSON data."""
        return {"name": self.name, "blind": self.blind, "options": dict(sorted(self.options.items()))}

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.record, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def target(self) -> str:
        """ "clean" for a denoiser, "log_sigma" for an estimator of the noise level."""
        return getattr(_ARCHITECTURES[self.name], "target", "clean")

    def build(self, moments: DataMoments, stream: Stream) -> nn.Module:
        """The module with its initial weights (float32), a function of the stream alone."""
        seed = int(stream.child("weights").integers(2**62, 1))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _ARCHITECTURES[self.name](moments, self.blind, **self.options).to(torch.float32)


def require_blind(blind: bool) -> None:
    """Raises ValueError for an estimator of the noise level that would be told it."""
    if not blind:
        raise ValueError("blind must be True for a noise-level estimator: it is not told the level")


def given(sigma: torch.Tensor | None) -> torch.Tensor:
    """The level (n,) that a conditional network is told."""
    if sigma is None:
        raise ValueError("sigma must be given to a conditional network")
    return sigma
