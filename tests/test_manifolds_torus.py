"""The torus against mpmath's Bessel functions, circle by circle, and against a plain sum over points of the circles."""

import math

import mpmath as mp
import pytest
import torch

import manifolds


@pytest.mark.parametrize("sigma", [0.03, 0.5, 4.0])
def test_torus_equals_a_trapezoid_sum_over_its_angles(sigma):
    """k = 2 with unequal radii: the trapezoid rule on a periodic analytic integrand converges beyond all powers."""
    law = manifolds.make("torus", dim=2, ambient=6, radius=[1.0, 2.5])
    y = torch.tensor([[0.7, -0.5, 2.0, 1.7, 0.0, 0.1]], dtype=torch.float64)
    angle = 2 * math.pi * torch.arange(1200, dtype=torch.float64) / 1200
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    x = torch.cat([circle[:, None].expand(-1, 1200, -1), 2.5 * circle[None].expand(1200, -1, -1)], dim=2).reshape(-1, 4)
    d2 = ((x - y[:, :4]) ** 2).sum(dim=1)
    log_w = -d2 / (2 * sigma**2)
    w = torch.softmax(log_w, 0)
    mean = w @ x
    square = w @ d2
    log_p = torch.logsumexp(log_w, 0) - math.log(len(x)) - 3 * math.log(2 * math.pi * sigma**2) - 0.01 / (2 * sigma**2)
    assert law.log_marginal(y, sigma).item() == pytest.approx(log_p.item(), rel=1e-11)
    assert law.denoise(y, sigma)[0, :4].tolist() == pytest.approx(mean.tolist(), rel=1e-11)
    assert law.posterior_trace(y, sigma).item() == pytest.approx((w @ ((x - mean) ** 2).sum(dim=1)).item(), rel=1e-11)
    assert law.squared_distance(y, sigma).item() == pytest.approx(square.item() + 0.01, rel=1e-11)
    w_vector = (w * (d2 - square)) @ x
    assert law.distance_covariance(y, sigma)[0, :4].tolist() == pytest.approx(w_vector.tolist(), rel=1e-9)
    assert law.distance_variance(y, sigma).item() == pytest.approx((w @ (d2 - square) ** 2).item(), rel=1e-10)


def test_high_dimensional_torus_is_a_sum_over_planes():
    law = manifolds.make("torus", dim=64, ambient=10**6, reduced=True)
    source = manifolds.stream(0, "torus")
    y = law.add_noise(law.sample(1, source), 1e-3, source)
    log_p, trace = mp.mpf(0), mp.mpf(0)
    with mp.workdps(30):
        for plane in y[0, :128].reshape(64, 2).tolist():
            norm = mp.hypot(*plane)
            kappa = norm / mp.mpf(1e-3) ** 2
            ratio = mp.besseli(1, kappa) / mp.besseli(0, kappa)
            trace += 1 - ratio**2
            log_p += (
                mp.log(mp.besseli(0, kappa))
                - kappa
                - (norm - 1) ** 2 / (2 * mp.mpf(1e-3) ** 2)
                - mp.log(2 * mp.pi * mp.mpf(1e-3) ** 2)
            )
        n = law.space.normal_dim
        log_p -= n * mp.log(2 * mp.pi * mp.mpf(1e-3) ** 2) / 2 + mp.mpf(y[0, -1].item()) ** 2 / (2 * mp.mpf(1e-3) ** 2)
    assert law.posterior_trace(y, 1e-3).item() == pytest.approx(float(trace), rel=1e-12)
    assert law.log_marginal(y, 1e-3).item() == pytest.approx(float(log_p), rel=1e-13)


def test_mmse_is_a_sum_over_circles():
    levels = torch.tensor([0.1, 1.0], dtype=torch.float64)
    law = manifolds.make("torus", dim=2, ambient=9, radius=[1.0, 3.0])
    circles = [manifolds.make("sphere", dim=1, ambient=9, radius=r).mmse(levels) for r in (1.0, 3.0)]
    assert torch.allclose(law.mmse(levels), circles[0] + circles[1], rtol=1e-14)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(dim=2, ambient=9, radius=[1.0, 0.0]), "radius must be a finite number > 0"),
        (dict(dim=2, ambient=9, radius=[1.0]), "radius must be one number or 2 numbers"),
        (dict(dim=4, ambient=8), "ambient must be >= 9"),
    ],
)
def test_bad_tori_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        manifolds.make("torus", **arguments)
