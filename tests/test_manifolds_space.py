"""Dense and quotient coordinates: the same process in law, at a cost that does not depend on d."""

import math

import pytest
import torch
from scipy import stats

import manifolds
from manifolds.space import Draw, Space


def test_split_and_embed_are_inverse_in_a_rotated_frame():
    frame = torch.linalg.qr(manifolds.stream(0, "frame").normal(9, 3)).Q
    space = Space(9, 3, frame=frame)
    u = manifolds.stream(0, "u").normal(6, 3)
    back, rho2 = space.split(space.embed(u))
    assert torch.allclose(back, u, atol=1e-13)
    assert float(rho2.max()) < 1e-25


@pytest.mark.parametrize("d", [3, 4, 40])
def test_reduced_noise_has_the_law_of_the_dense_norm(d):
    """Two noise steps and a contraction; the norm of the normal coordinates compared by a two-sample test."""
    n, m = 20000, 2
    dense, reduced = Space(d, m), Space(d, m, reduced=True)
    a, b = manifolds.stream(5, "dense", d), manifolds.stream(5, "reduced", d)
    y = torch.zeros(n, d, dtype=torch.float64)
    y[:, m] = 0.7  # a normal offset to start from
    r = torch.zeros(n, m + 1, dtype=torch.float64)
    r[:, m] = 0.7
    y = dense.add_noise(0.8 * dense.add_noise(y, 0.5, a), 0.3, a)
    r = reduced.add_noise(0.8 * reduced.add_noise(r, 0.5, b), 0.3, b)
    assert stats.ks_2samp(dense.split(y)[1].sqrt().numpy(), r[:, m].numpy()).pvalue > 1e-3
    assert stats.ks_2samp(y[:, 0].numpy(), r[:, 0].numpy()).pvalue > 1e-3
    # exact second moment: 0.8^2 (0.7^2 + (d-m) 0.5^2) + (d-m) 0.3^2
    expected = 0.64 * (0.49 + (d - m) * 0.25) + (d - m) * 0.09
    error = r[:, m] ** 2 - expected
    assert abs(float(error.mean())) < 4 * float(error.std()) / math.sqrt(n)


def test_no_normal_coordinate_means_no_normal_noise():
    space = Space(3, 3, reduced=True)
    y = space.add_noise(torch.zeros(100, 4, dtype=torch.float64), 1.0, manifolds.stream(0, "full"))
    assert float(y[:, 3].abs().max()) == 0.0
    assert float(y[:, :3].abs().min(dim=1).values.max()) > 0.0


def test_combined_draws_are_the_weighted_sum_of_their_parts():
    space, source = Space(7, 2), manifolds.stream(2, "combine")
    parts = [space.draw(4, source) for _ in range(3)]
    joint = Draw.combine(parts, [3.0, 0.0, 4.0])
    assert torch.allclose(joint.normal, 0.6 * parts[0].normal + 0.8 * parts[2].normal, atol=1e-15)


def test_the_start_has_the_mean_of_the_data():
    law = manifolds.make("mixture", dim=2, ambient=30, weights=[0.7, 0.1, 0.1, 0.1])
    y = law.space.start(40000, 3.0, manifolds.stream(0, "start"))
    gap = y.mean(dim=0) - law.space.center
    assert float(gap.abs().max()) < 4.5 * 3.0 / math.sqrt(40000)
    assert float(law.space.center.norm()) > 1.0
    spread = ((y - law.space.center) ** 2).mean()
    assert abs(float(spread) - 9.0) < 4 * 9.0 * math.sqrt(2 / y.numel())


@pytest.mark.parametrize(
    "y, message",
    [
        (torch.zeros(3, 4, dtype=torch.float64), r"y must have shape \(n, 6\)"),
        (torch.zeros(6, dtype=torch.float64), r"y must have shape \(n, 6\)"),
        (torch.zeros(3, 6), "y must be a float64 torch tensor"),
        (torch.full((2, 6), math.nan, dtype=torch.float64), "y must be finite"),
    ],
)
def test_bad_points_are_refused_in_one_line(y, message):
    with pytest.raises(ValueError, match=message) as caught:
        manifolds.make("gaussian", dim=2, ambient=6).denoise(y, 1.0)
    assert "\n" not in str(caught.value)


def test_bad_frames_are_refused():
    with pytest.raises(ValueError, match="orthonormal"):
        Space(4, 2, frame=torch.ones(4, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match="ambient must be at least"):
        Space(2, 3)
