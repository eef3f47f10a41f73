"""The instruments on images against definitions by hand, and the jackknife against what it is exact for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import linalg

from analysis.images.quality import BLOCKS, Panel, difference, high_power, kernel_distance, left_out, planted, quantile
from analysis.learning.classifier import classifier, random_features, rotations
from manifolds import stream


def test_kernel_distance_is_the_unbiased_sum_over_pairs():
    x, y = np.random.default_rng(0).standard_normal((2, 7, 3))

    def k(a, b):
        return (float(a @ b) / 3 + 1) ** 3

    own = sum(k(z[i], z[j]) for z in (x, y) for i in range(7) for j in range(7) if i != j) / (7 * 6)
    between = sum(k(a, b) for a in x for b in y) / 49
    assert kernel_distance(x, y) == pytest.approx(own - 2 * between)
    many = [kernel_distance(*np.random.default_rng(i).standard_normal((2, 30, 2))) for i in range(200)]
    assert abs(np.mean(many)) < 3 * np.std(many) / math.sqrt(200)  # unbiased at the same law


def test_the_jackknife_is_the_standard_error_of_a_mean_and_leaves_out_whole_blocks():
    rows = torch.arange(60, dtype=torch.float64).square()
    parts = left_out(rows)
    assert len(parts) == BLOCKS and torch.equal(parts[0], rows[3:]) and torch.equal(parts[-1], rows[:-3])
    value, se = difference(float(rows.mean()), [float(part.mean()) for part in parts])
    means = rows.reshape(BLOCKS, 3).mean(dim=1)
    assert value == float(rows.mean()) and se == pytest.approx(float(means.std()) / math.sqrt(BLOCKS))
    photographs = torch.tensor([5, 5, 2, 5, 9, 9])
    assert [part.tolist() for part in left_out(torch.arange(6), photographs)] == [
        [0, 1, 3, 4, 5],
        [2, 4, 5],
        [0, 1, 2, 3],
    ]
    assert quantile(20) == pytest.approx(2.093, abs=1e-3) and quantile(4, 5) == pytest.approx(5.841, abs=1e-3)


def test_high_power_sees_high_frequencies_alone():
    side, n = 16, torch.arange(16)
    low = torch.cos(2 * math.pi * 2 * n / side).repeat(side, 1).reshape(1, -1)
    high = torch.cos(2 * math.pi * 6 * n / side)[:, None].repeat(1, side).reshape(1, -1)
    both = high_power(torch.cat([low, high, 2 * high]).double(), side)
    assert float(both[0]) < 1e-12 and float(both[2]) == pytest.approx(4 * float(both[1])) and float(both[1]) > 0
    colours = high_power(torch.cat([low, high], dim=1).double(), side)
    assert float(colours) == pytest.approx(0.5 * float(both[1]))


def panel(n=400, side=8):
    draws = stream(0, "panel")
    train, held = (draws.child(name).uniform(n, side * side) for name in ("train", "held"))
    features = random_features(train, side, draws.child("features"))
    return Panel(train, held, side, features, random_features(train, side, draws.child("random")), most=200)


def test_frechet_is_that_of_means_and_covariances_of_the_features_without_each_block():
    p = panel()
    x = 0.9 * p.held

    def by_hand(points):
        a, b = (p.features(v).numpy() for v in (points, p.train))
        A, B = np.cov(a.T), np.cov(b.T)
        # tr (A B)^(1/2) by the eigenvalues of A B, which are those of a product of semi-definite matrices
        cross = np.sqrt(linalg.eigvals(A @ B).real.clip(min=0.0)).sum()
        return float(np.square(a.mean(0) - b.mean(0)).sum() + np.trace(A + B) - 2 * cross)

    assert p.frechet(x) == pytest.approx(by_hand(x), rel=1e-4)
    assert p.without(x)[3] == pytest.approx(by_hand(torch.cat([x[:60], x[80:]])), rel=1e-4)
    assert p.frechet(x, random=True) != pytest.approx(p.frechet(x), rel=1e-3)


@pytest.mark.parametrize("factor", [1.1, 1.25])
def test_a_planted_degradation_is_as_large_as_it_says(factor):
    p = panel()
    x, z = 0.9 * p.held, stream(1).normal(*p.held.shape)
    worse = planted(p, x, z, factor)
    assert p.frechet(worse) / p.frechet(x) == pytest.approx(factor, rel=2e-3)
    share = (worse - x) / z
    assert float(share.std()) < 1e-9 and float(share.mean()) > 0  # one share of the noise, on every pixel
    with pytest.raises(ValueError, match=r"no noise makes the Frechet distance 1e\+09 times as large"):
        planted(p, x, z, 1e9)


def test_other_instruments_know_the_training_images_from_others():
    p = panel()
    real, learnt = p.others(p.held), p.others(p.train[:300])
    assert real["nearest"][0] == pytest.approx(1.0) and learnt["nearest"][0] < 1e-6
    assert abs(real["sharpness"][0]) < 0.05 < -p.others(0.7 * p.held + 0.15)["sharpness"][0]
    assert real["sharpness"][0] == pytest.approx(0.0, abs=4 * real["sharpness"][1])
    assert real["precision"][0] > 0.9 and real["kernel"][0] == pytest.approx(0.0, abs=5 * real["kernel"][1])
    nearest = torch.cdist(p.held[:200] * 0.5, p.train).min(dim=1).values.square().mean()
    usual = torch.cdist(p.held[:200], p.train).min(dim=1).values.square().mean()
    assert p.others(0.5 * p.held)["nearest"][0] == pytest.approx(math.sqrt(float(nearest / usual)))


def test_a_classifier_tells_classes_and_rotations_apart_and_repeats_itself():
    draws = stream(3, "classes")
    labels = torch.arange(300) % 3
    y = draws.uniform(300, 64) + 0.7 * torch.nn.functional.one_hot(labels, 3).repeat_interleave(22, dim=1)[:, :64]
    first, second = (classifier(y, labels, 8, draws.child("net"), steps=40) for _ in range(2))
    assert first.accuracy(y, labels) > 0.9 and torch.equal(first(y), second(y)) and first(y).shape == (300, 32)
    turned, times = rotations(y[:2], 8)
    picture = y[1].reshape(8, 8)
    assert torch.equal(turned[2 * 3 + 1].reshape(8, 8), torch.rot90(picture, 3)) and times.tolist() == [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
        3,
    ]
    for bad in (labels[:-1], labels - 1, torch.zeros(300, dtype=torch.int64)):
        with pytest.raises(ValueError, match="labels must be one of 0, 1, .. for each of the 300 images"):
            classifier(y, bad, 8, draws, steps=1)
    with pytest.raises(ValueError, match="colours"):
        random_features(y, 7, draws)
