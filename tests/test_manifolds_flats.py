"""Coordinates in affine subspaces, and mixtures that are built on them, against differences of vectors at 50 digits."""

import mpmath
import numpy as np
import pytest
import torch

import manifolds
from manifolds.laws.gaussian import IsotropicGaussian
from manifolds.laws.mixture import Component, Mixture
from manifolds.special.flats import Flats, random_frames


def flats(m=9, sizes=(2, 3, 1), size=4.0, seed=0):
    source = manifolds.stream(seed, "flats")
    frames = [random_frames(1, m, k, source.child(j))[0] for j, k in enumerate(sizes)]
    shifts = [size * source.child("shift", j).normal(m) for j in range(len(sizes))]
    return Flats(frames, shifts), frames, shifts


@pytest.mark.parametrize("gap", [1.0, 1e-3, 1e-7])
def test_distance_to_a_flat_keeps_its_digits_however_near_the_point_is(gap):
    found, frames, shifts = flats()
    source = manifolds.stream(1, "near")
    for j, (frame, shift) in enumerate(zip(frames, shifts)):
        along, direction = source.normal(20, frame.shape[1]), source.normal(20, 9)
        direction = direction - direction @ frame @ frame.T
        direction = direction / direction.norm(dim=1, keepdim=True)
        own, normal2 = found.coordinates(shift + along @ frame.T + gap * direction)
        assert float((own[j] - along).abs().max()) < 1e-14 * 10
        # the point itself is rounded, by 1e-15 of its size
        assert float((normal2[:, j].sqrt() / gap - 1.0).abs().max()) < 1e-14 / gap + 1e-13


def test_a_flat_that_is_the_whole_space_is_at_distance_zero():
    shift = torch.tensor([3.0, -1.0], dtype=torch.float64)
    own, normal2 = Flats([None], [shift]).coordinates(torch.tensor([[1e3, 2.0]], dtype=torch.float64))
    assert torch.equal(own[0], torch.tensor([[997.0, 3.0]], dtype=torch.float64))
    assert float(normal2.max()) == 0.0


@pytest.mark.parametrize("apart", [1.0, 1e-3, 1e-6])
def test_spread_of_points_that_are_near_each_other_and_far_from_the_origin(apart):
    """Two lines that cross at a distance of 1000: points on both, `apart` from the crossing."""
    source = manifolds.stream(2, "spread")
    crossing = 1000.0 * source.normal(4)
    frames = random_frames(2, 4, 1, source)
    found = Flats(frames, [crossing, crossing])
    own = [apart * source.normal(30, 1) for _ in frames]
    share = source.uniform(30)
    share = torch.stack([share, 1.0 - share], dim=1)
    spread = found.spread(own, share, torch.zeros(30, dtype=torch.float64)).numpy()
    gap = own[0].numpy() * frames[0].numpy().T - own[1].numpy() * frames[1].numpy().T
    exact = share.prod(dim=1).numpy() * (gap**2).sum(axis=1)
    assert np.abs(spread / exact - 1.0).max() < 1e-13 * max(1.0, 1000.0 / apart)


def test_spread_by_squares_is_that_by_differences_up_to_the_error_allowed():
    found, frames, shifts = flats(m=40, sizes=(5, 7, 1, 12))
    source = manifolds.stream(3, "spread")
    own = [source.normal(50, frame.shape[1]) for frame in frames]
    share = torch.softmax(3.0 * source.normal(50, 4), dim=1)
    points = np.stack([(shift + block @ frame.T).numpy() for shift, block, frame in zip(shifts, own, frames)])
    weight = share.numpy().T[..., None]
    exact = (weight[..., 0] * ((points - (weight * points).sum(axis=0)) ** 2).sum(axis=-1)).sum(axis=0)
    for error in (0.0, 1e-10):
        spread = found.spread(own, share, torch.full((50,), error, dtype=torch.float64)).numpy()
        assert np.abs(spread - exact).max() < max(error, 1e-12 * exact.max())


def _trace_mp(law, u, sigma):
    """tr Cov[X | u] of Gaussians on affine subspaces, each by its own scalar formulas, at 50 digits."""
    mpmath.mp.dps = 50
    logs, means, traces = [], [], []
    u, s2 = mpmath.matrix(u.tolist()), mpmath.mpf(sigma) ** 2
    for weight, part in zip(law.core.weights.tolist(), law.core.components):
        frame, shift = mpmath.matrix(part.frame.tolist()), mpmath.matrix(part.shift.tolist())
        # orthonormal to 50 digits, not 16: Gram-Schmidt
        frame, _ = mpmath.qr(frame, mode="skinny")
        own = frame.T * (u - shift)
        normal = u - shift - frame * own
        k, total = part.core.core_dim, mpmath.mpf(part.core.scale) ** 2 + s2
        keep = mpmath.mpf(part.core.scale) ** 2 / total
        square = sum(v * v for v in own)
        logs.append(
            mpmath.log(weight)
            - (k * mpmath.log(total) + square / total + (len(u) - k) * mpmath.log(s2) + sum(v * v for v in normal) / s2)
            / 2
        )
        means.append(shift + frame * (keep * own))
        traces.append(k * keep * s2)
    top = max(logs)
    share = [mpmath.exp(v - top) for v in logs]
    share = [v / mpmath.fsum(share) for v in share]
    mean = sum((w * m for w, m in zip(share, means)), mpmath.zeros(len(u), 1))
    return mpmath.fsum(w * (t + sum(v * v for v in m - mean)) for w, t, m in zip(share, traces, means))


@pytest.mark.parametrize("sigma", [1e-3, 0.02, 0.3, 1.0, 5.0, 300.0])
@pytest.mark.parametrize("where", ["on one component", "between two", "far away"])
def test_trace_of_a_mixture_equals_mpmath(sigma, where):
    law = manifolds.make("mixture", dim=2, ambient=40, reduced=True, components=3)
    first, second = law.core.components[:2]
    u = {
        "on one component": first.shift,
        "between two": 0.5 * (first.shift + second.shift),
        "far away": 3.0 * first.shift - second.shift,
    }[where]
    u = u + sigma * manifolds.stream(4, "trace", where).normal(6)
    y = torch.cat([u, torch.tensor([6.0 * sigma], dtype=torch.float64)])[None]
    exact = float(_trace_mp(law, u, sigma))
    assert abs(float(law.posterior_trace(y, sigma)[0]) / exact - 1.0) < 1e-9


def test_components_without_weight_are_left_out_of_a_mean_and_nothing_else_is():
    """Rows that one component explains and rows that all do, in one batch and one by one."""
    law = manifolds.make("mixture", dim=3, ambient=50, reduced=True, separation=8.0)
    source = manifolds.stream(5, "left out")
    x = law.sample(40, source)
    sigma = torch.tensor([0.05] * 36 + [9.0] * 4, dtype=torch.float64)
    y = law.add_noise(x, sigma, source)
    together = law.denoise(y, sigma)
    single = torch.cat([law.denoise(y[i : i + 1], sigma[i : i + 1]) for i in range(40)])
    assert torch.allclose(together, single, rtol=1e-13, atol=1e-13)
    part = law.core.components[int(law.core.component(x[:1, :12])[0])]
    keep = 1.0 / (1.0 + 0.05**2)
    exact = part.shift + keep * part.frame @ (part.frame.T @ (y[0, :12] - part.shift))
    assert torch.allclose(together[0, :12], exact, rtol=1e-12, atol=1e-12)


def test_answers_at_several_levels_are_those_at_one():
    frames = random_frames(2, 6, 2, manifolds.stream(6, "frames"))
    parts = [
        Component(IsotropicGaussian(2), frame, torch.full((6,), float(j), dtype=torch.float64))
        for j, frame in enumerate(frames)
    ]
    core = Mixture(parts)
    u = 2.0 * manifolds.stream(6, "levels").normal(5, 6)
    stats, sigma = core.statistics(u), torch.tensor([[0.1, 0.5, 2.0]], dtype=torch.float64)
    whole = core.posterior(stats, sigma, 4)
    for i in range(3):
        one = core.posterior(stats, sigma[:, i : i + 1], 4)
        for field in ("log_p", "coef", "sqdist", "trace", "third", "var_sqdist"):
            assert torch.allclose(getattr(whole, field)[:, i], getattr(one, field)[:, 0], rtol=1e-12, atol=1e-15)
