"""Curves and surfaces against dense quadrature in numpy, with area elements and charts written out here once more."""

import math

import numpy as np
import pytest
import torch
from scipy.special import ellipeinc
from scipy.stats import kstest

import manifolds


def _gauss(low, high, panels):
    x, w = np.polynomial.legendre.leggauss(24)
    edges = np.linspace(low, high, panels + 1)
    width = np.diff(edges)[:, None]
    return (edges[:-1, None] + width * (x + 1) / 2).ravel(), (width * w / 2).ravel()


def _ellipse():
    t, w = _gauss(0, 2 * np.pi, 200)
    return np.stack([2 * np.cos(t), 0.5 * np.sin(t)], 1), w * np.hypot(2 * np.sin(t), 0.5 * np.cos(t))


def _trefoil():
    t, w = _gauss(0, 2 * np.pi, 300)
    x = np.stack([np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)], 1) / 3
    v = np.stack([np.cos(t) + 4 * np.cos(2 * t), -np.sin(t) + 4 * np.sin(2 * t), -3 * np.cos(3 * t)], 1) / 3
    return x, w * np.linalg.norm(v, axis=1)


def _swiss_roll():
    stop = 4.5 * np.pi
    t, wt = _gauss(1.5 * np.pi, stop, 30)
    h, wh = _gauss(-0.75, 0.75, 8)
    t, h, w = np.repeat(t, len(h)), np.tile(h, len(t)), np.outer(wt, wh).ravel()
    return np.stack([t * np.cos(t) / stop, t * np.sin(t) / stop, h], 1), w * np.sqrt(1 + t * t)


def _moebius():
    t, wt = _gauss(0, 2 * np.pi, 30)
    v, wv = _gauss(-0.4, 0.4, 6)
    t, v, w = np.repeat(t, len(v)), np.tile(v, len(t)), np.outer(wt, wv).ravel()
    reach = 1 + v * np.cos(t / 2)
    return np.stack([reach * np.cos(t), reach * np.sin(t), v * np.sin(t / 2)], 1), w * np.sqrt(v * v / 4 + reach**2)


DENSE = {"ellipse": (1, _ellipse), "trefoil": (1, _trefoil), "swiss_roll": (2, _swiss_roll), "moebius": (2, _moebius)}


@pytest.mark.parametrize("factor", [1.0, 2.5, 40.0])
@pytest.mark.parametrize("name", sorted(DENSE))
def test_surface_equals_dense_quadrature_from_its_finest_level_on(name, factor):
    dim, dense = DENSE[name]
    law = manifolds.make(name, dim=dim, ambient=5)
    sigma = factor * law.core.finest_sigma
    source = manifolds.stream(0, "surface", name, factor)
    y = law.add_noise(law.sample(4, source), sigma, source)
    m = law.core_dim
    x, area = dense()
    for row, log_p, mean, trace, square, w_found, variance in zip(
        y.numpy(),
        law.log_marginal(y, sigma),
        law.denoise(y, sigma),
        law.posterior_trace(y, sigma),
        law.squared_distance(y, sigma),
        law.distance_covariance(y, sigma),
        law.distance_variance(y, sigma),
    ):
        d2 = ((x - row[:m]) ** 2).sum(axis=1)
        normal = (row[m:] ** 2).sum()
        share = area / area.sum() * np.exp(-(d2 - d2.min()) / (2 * sigma**2))
        mass = share.sum()
        share = share / mass
        exact_mean, exact_square = share @ x, share @ d2
        density = math.log(mass) - (d2.min() + normal) / (2 * sigma**2) - 2.5 * math.log(2 * math.pi * sigma**2)
        assert log_p.item() == pytest.approx(density, abs=1e-10, rel=1e-11)
        assert mean[:m].tolist() == pytest.approx(exact_mean.tolist(), abs=1e-10 * sigma)
        assert trace.item() == pytest.approx(share @ ((x - exact_mean) ** 2).sum(axis=1), rel=1e-9)
        assert square.item() == pytest.approx(exact_square + normal, rel=1e-10)
        scale = sigma * min(sigma, 1.0) * (sigma + 1.0)
        assert w_found[:m].tolist() == pytest.approx(((share * (d2 - exact_square)) @ x).tolist(), abs=1e-9 * scale)
        assert variance.item() == pytest.approx(share @ (d2 - exact_square) ** 2, rel=1e-8)


def test_ellipse_samples_are_uniform_in_arc_length():
    law = manifolds.make("ellipse", dim=1, ambient=4)
    x = law.sample(20_000, manifolds.stream(0, "arc length")).numpy()
    angle = np.arctan2(x[:, 1] / 0.5, x[:, 0] / 2.0) % (2 * np.pi)
    # arc length from t = 0: int sqrt(4 sin^2 + cos^2/4) = 2 [E(t + pi/2 | m) - E(pi/2 | m)], m = 1 - 1/16
    start, whole = ellipeinc(np.pi / 2, 15 / 16), ellipeinc(2.5 * np.pi, 15 / 16)
    share = (ellipeinc(angle + np.pi / 2, 15 / 16) - start) / (whole - start)
    assert kstest(share, "uniform").pvalue > 0.005


def test_swiss_roll_samples_are_uniform_in_area():
    law = manifolds.make("swiss_roll", dim=2, ambient=4)
    x = law.sample(20_000, manifolds.stream(0, "area")).numpy()
    t = np.hypot(x[:, 0], x[:, 1]) * 4.5 * np.pi

    def length(s):
        return (s * np.sqrt(1 + s * s) + np.arcsinh(s)) / 2

    low, high = length(1.5 * np.pi), length(4.5 * np.pi)
    assert kstest((length(t) - low) / (high - low), "uniform").pvalue > 0.005
    assert kstest(x[:, 2] / 1.5 + 0.5, "uniform").pvalue > 0.005


@pytest.mark.parametrize("name", sorted(DENSE))
def test_projection_beats_every_point_of_a_dense_grid(name):
    dim, dense = DENSE[name]
    law = manifolds.make(name, dim=dim, ambient=5)
    y = 0.7 * manifolds.stream(0, "surface projection", name).normal(30, 5)
    x = dense()[0]
    grid = np.sqrt(
        ((y.numpy()[:, None, : law.core_dim] - x) ** 2).sum(axis=2).min(axis=1)
        + (y.numpy()[:, law.core_dim :] ** 2).sum(axis=1)
    )
    found = law.distance(y).numpy()
    assert (found <= grid + 1e-9).all()
    assert (found >= grid - 1e-3).all()  # the grid's own spacing
    assert law.distance(law.project(y)).max().item() < 1e-9


def test_a_level_too_fine_for_the_nodes_is_refused_with_the_number_needed():
    law = manifolds.make("ellipse", dim=1, ambient=4, finest=0.1)
    y = torch.zeros(1, 4, dtype=torch.float64)
    with pytest.raises(
        ValueError, match=r"sigma must be >= 0.1 for ellipse with 158 quadrature nodes; 0.01 needs 1571 nodes"
    ):
        law.denoise(y, 0.01)
    fine = manifolds.make("ellipse", dim=1, ambient=4, finest=0.01)
    assert len(fine.core.points) == 1571 and torch.isfinite(fine.denoise(y, 0.01)).all()


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("ellipse", dict(dim=2, ambient=9), "dim must be 1 for ellipse"),
        ("swiss_roll", dict(dim=1, ambient=9), "dim must be 2 for swiss_roll"),
        ("ellipse", dict(dim=1, ambient=9, semi_axes=(2.0, 0.0)), "semi_axes must be a finite number > 0"),
        ("moebius", dict(dim=2, ambient=9, width=2.5), "width must be < 2 radius"),
        ("trefoil", dict(dim=1, ambient=2), "ambient must be >= 3"),
        ("ellipse", dict(dim=1, ambient=9, finest=0.0), "finest must be a finite number > 0"),
        ("swiss_roll", dict(dim=2, ambient=9, finest=0.001), "finest must be at least about .* needs [0-9]+ nodes"),
    ],
)
def test_bad_surfaces_are_refused(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        manifolds.make(name, **arguments)
