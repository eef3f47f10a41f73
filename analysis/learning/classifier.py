"""Features of images in which samples are compared: a small network that tells classes of images apart, or is random.

Frechet and kernel distances of generated images are taken in features of a classifier (Heusel et al., arXiv
1706.08500). The usual one is trained on photographs of 299 x 299 pixels; digits and small patches get one of their own
here, of the classes that they have, or of four rotations where they have none (Gidaris et al., arXiv 1803.07728). An
untrained network of the same body stands beside it: what both see is no taste of the training.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from analysis.learning.arithmetic import computing_with
from manifolds.checks import positive_int
from manifolds.streams import Stream

__all__ = ["Features", "classifier", "random_features", "rotations"]

WIDTH, FEATURES = 16, 32  # channels of the first layer; 32 features: the bias of a Frechet distance grows with them
BATCH, RATE, CHUNK = 128, 3e-3, 1024


class _Body(nn.Module):
    """Two convolutions, each with a maximum over 2 x 2 pixels, and a layer of features before the classes."""

    def __init__(self, colours: int, side: int, classes: int):
        super().__init__()
        self.shape = (colours, side)
        self.first = nn.Conv2d(colours, WIDTH, 3, padding=1)
        self.second = nn.Conv2d(WIDTH, 2 * WIDTH, 3, padding=1)
        self.features = nn.Linear(2 * WIDTH * (side // 4) ** 2, FEATURES)
        self.classes = nn.Linear(FEATURES, classes)

    def describe(self, y: torch.Tensor) -> torch.Tensor:
        colours, side = self.shape
        x = y.view(-1, colours, side, side)
        x = functional.max_pool2d(functional.relu(self.first(x)), 2)
        x = functional.max_pool2d(functional.relu(self.second(x)), 2)
        return functional.relu(self.features(x.flatten(1)))

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return self.classes(self.describe(y))


class Features:
    """A fixed map from points (n, d) to features (n, 32), float64.

    >>> from manifolds import stream
    >>> random_features(torch.zeros(3, 64, dtype=torch.float64), 8, stream(0))(torch.zeros(3, 64)).shape
    torch.Size([3, 32])
    """

    def __init__(self, body: _Body):
        self.body = body.eval().requires_grad_(False)

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        parts = [self.body.describe(part.to(torch.float32)) for part in y.split(CHUNK)]
        return torch.cat(parts).to(torch.float64)

    def accuracy(self, y: torch.Tensor, labels: torch.Tensor) -> float:
        """Share of points (n, d) whose class (n,) is told rightly."""
        guesses = torch.cat([self.body(part.to(torch.float32)).argmax(dim=1) for part in y.split(CHUNK)])
        return float((guesses == labels).to(torch.float64).mean())


def rotations(y: torch.Tensor, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points (4 n, d), the images turned by 0, 90, 180, 270 degrees, and how often each was turned (4 n,).

    >>> rotations(torch.tensor([[1, 2, 3, 4]]), side=2)[0].tolist()
    [[1, 2, 3, 4], [2, 4, 1, 3], [4, 3, 2, 1], [3, 1, 4, 2]]
    """
    images = y.view(len(y), -1, side, side)
    turned = [torch.rot90(images, times, dims=(2, 3)).reshape(len(y), -1) for times in range(4)]
    return torch.cat(turned), torch.arange(4).repeat_interleave(len(y))


def _built(y: torch.Tensor, side: int, classes: int, draws: Stream) -> _Body:
    colours, rest = divmod(y.shape[1], side * side)
    if rest or not colours or side < 4:
        raise ValueError(f"images must be colours * N^2 numbers with N = {side} >= 4, got {y.shape[1]}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(draws.child("weights").integers(2**62, 1)))
        return _Body(colours, side, classes)


def random_features(y: torch.Tensor, side: int, draws: Stream) -> Features:
    """Features of a network with its first weights, for images like y (n, d)."""
    return Features(_built(y, side, 1, draws))


def classifier(y: torch.Tensor, labels: torch.Tensor, side: int, draws: Stream, steps: int = 600) -> Features:
    """Features of a network trained to tell the labels (n,) of images y (n, d) apart, by AdamW on the cross entropy.

    Raises:
        ValueError: sizes that do not fit, or labels that are not 0 .. classes - 1, two of them at least.

    >>> from manifolds import stream
    >>> y = stream(0).child("y").normal(200, 64) + 3.0 * torch.arange(200)[:, None].remainder(2)
    >>> classifier(y, torch.arange(200).remainder(2), 8, stream(0), steps=30).accuracy(y, torch.arange(200) % 2)
    1.0
    """
    classes = int(labels.max()) + 1
    if labels.shape != (len(y),) or int(labels.min()) < 0 or classes < 2:
        raise ValueError(f"labels must be one of 0, 1, .. for each of the {len(y)} images, two classes at least")
    steps = positive_int(steps, "steps")
    with computing_with(1):
        body = _built(y, side, classes, draws)
        points = y.to(torch.float32)
        optimiser = torch.optim.AdamW(body.parameters(), lr=RATE, fused=True)
        for step in range(steps):
            rows = draws.child("batch", step).integers(len(y), BATCH)
            for group in optimiser.param_groups:
                group["lr"] = RATE * 0.5 * (1.0 + math.cos(math.pi * step / steps))
            loss = functional.cross_entropy(body(points[rows]), labels[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    return Features(body)
