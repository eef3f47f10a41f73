"""D_X with an interval: laws whose distance is known, and faults it must see or must not see."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial import distance

import manifolds
from analysis.metrics.perceptual import perceptual


def circle(n, label, share=0.0):
    """Points of the unit circle in R^50 (reduced), a share of them moved to (1, 0)."""
    law = manifolds.make("sphere", dim=1, ambient=50, reduced=True)
    x = law.sample(n, manifolds.stream(0, "points", label))
    moved = round(share * n)
    x[:moved, :2] = torch.tensor([1.0, 0.0]).double()
    return law, x[torch.randperm(n, generator=torch.Generator().manual_seed(1))]


def transport(x, y):
    """Mean distance of an exact assignment: W_1 of two equally many points (chords are at most 2: D_X as well)."""
    cost = distance.cdist(x, y)
    return float(cost[linear_sum_assignment(cost)].mean())


def angles(phi):
    return np.stack([np.cos(phi), np.sin(phi)], axis=1)


def test_the_law_itself_is_at_distance_zero():
    """What is left is less than the distance of two samples of the size of a batch, 200 points."""
    law, x = circle(1600, "own")
    found = perceptual(x, law, manifolds.stream(1))
    random = np.random.default_rng(0)
    floor = np.mean([transport(*(angles(random.uniform(0, 2 * np.pi, 200)) for _ in "xy")) for _ in range(8)])
    assert found.low == 0.0 and found.value < floor and found.high < 0.25


def test_a_known_distance_lies_in_the_interval():
    """A share p moved to one point: the transport cost is p times the mean chord, 4/pi (chords are at most 2)."""
    law, x = circle(1600, "moved", share=0.3)
    found = perceptual(x, law, manifolds.stream(2))
    truth = 0.3 * 4 / math.pi
    assert 0.1 < found.low <= truth <= found.high
    assert found.value == pytest.approx(truth, abs=0.06)


def test_noise_off_the_support_is_not_seen_and_noise_along_it_is():
    law, x = circle(1600, "noisy")
    out = x.clone()
    out[:, :2] *= 1.3  # radial: the projection undoes it
    out[:, 2] = 0.5
    assert perceptual(out, law, manifolds.stream(3)) == perceptual(x, law, manifolds.stream(3))
    half = x.clone()
    half[:, 1] = half[:, 1].abs()  # half the circle
    assert perceptual(half, law, manifolds.stream(3)).low > 0.3


def test_dense_points_of_a_turned_law_are_projected_in_its_own_frame():
    """Another circle, seen from this one: W_1 from the projections of 1000 evenly spaced points to such points."""
    law = manifolds.make("sphere", dim=1, ambient=12, rotation=5)
    x = law.sample(1600, manifolds.stream(4))
    assert perceptual(x, law, manifolds.stream(5)).value < 0.1
    found = perceptual(x.roll(1, dims=1), law, manifolds.stream(5))
    frame = np.linalg.svd(x.numpy(), full_matrices=False)[2][:2]  # the plane, whatever its basis
    even = angles(2 * np.pi * np.arange(1000) / 1000)
    seen = np.roll(even @ frame, 1, axis=1) @ frame.T
    truth = transport(seen / np.linalg.norm(seen, axis=1, keepdims=True), even)
    assert found.low <= truth <= found.high
    assert found.value == pytest.approx(truth, abs=0.06)


def test_too_few_points_are_refused():
    law, x = circle(63, "few")
    with pytest.raises(ValueError, match="at least 64 points"):
        perceptual(x, law, manifolds.stream(6))
    with pytest.raises(ValueError, match="samples must have shape"):
        perceptual(x[:, :2].clone(), law, manifolds.stream(6))
