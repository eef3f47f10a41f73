"""Image laws against images rendered once more in numpy and summed over a denser grid of parameters."""

import math

import numpy as np
import pytest
import torch

import manifolds


def _pixels(side):
    grid = (np.arange(side) + 0.5) / side - 0.5
    return np.tile(grid, side), np.repeat(grid, side)


def _blob(side, a, b, width=0.18, amplitude=1.0):
    x, y = _pixels(side)
    return amplitude * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * width**2))


def _disc(side, a, b, radius=0.22, amplitude=1.0):
    x, y = _pixels(side)
    return amplitude / (1 + np.exp(-6.0 * (radius**2 - (x - a) ** 2 - (y - b) ** 2) / radius))


def _bar(side, angle, offset, width=0.16, amplitude=1.0):
    x, y = _pixels(side)
    across = x * np.cos(angle) + y * np.sin(angle) - offset
    return amplitude * np.exp(-(x * x + y * y) / (2 * 0.25**2) - across**2 / (2 * width**2))


def _uniform(low, high, count):
    x, w = np.polynomial.legendre.leggauss(count)
    return low + (high - low) * (x + 1) / 2, w / 2


FAMILIES = {
    "blobs": (_blob, [(-0.2, 0.2), (-0.2, 0.2)]),
    "discs": (_disc, [(-0.2, 0.2), (-0.2, 0.2)]),
    "bars": (_bar, [(0.0, math.pi), (-0.15, 0.15)]),
}


@pytest.mark.parametrize("factor", [1.0, 4.0])
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_image_law_equals_a_denser_sum_over_its_images(name, factor):
    """The reference images are not projected onto the span: what differs is that, squared, and the quadrature error."""
    side, (render, ranges) = 12, FAMILIES[name]
    law = manifolds.make(name, dim=2, ambient=side**2, finest=0.4)
    sigma = factor * 0.4
    source = manifolds.stream(0, "images", name, factor)
    y = law.add_noise(law.sample(3, source), sigma, source)
    (a, wa), (b, wb) = (_uniform(*r, 90) for r in ranges)
    x = np.stack([render(side, p, q) for p in a for q in b])
    weights = np.outer(wa, wb).ravel()
    d2 = ((y.numpy()[:, None] - x) ** 2).sum(axis=2)
    share = weights * np.exp(-(d2 - d2.min(axis=1, keepdims=True)) / (2 * sigma**2))
    mass = share.sum(axis=1, keepdims=True)
    share = share / mass
    mean = share @ x
    square = (share * d2).sum(axis=1)
    # a pixel moved by e moves |y - x|^2/(2 sigma^2) by about e |z|/sigma, z a standard normal on the pixels
    shift = 1e-4
    log_p = np.log(mass[:, 0]) - d2.min(axis=1) / (2 * sigma**2) - side**2 / 2 * math.log(2 * math.pi * sigma**2)
    assert np.abs(law.log_marginal(y, sigma).numpy() - log_p).max() < 10 * shift
    assert np.abs(law.denoise(y, sigma).numpy() - mean).max() < 2 * shift
    assert np.abs(law.squared_distance(y, sigma).numpy() - square).max() < 10 * shift
    spread = (share * ((x[None] - mean[:, None]) ** 2).sum(axis=2)).sum(axis=1)
    assert np.allclose(law.posterior_trace(y, sigma).numpy(), spread, rtol=1e-3)


@pytest.mark.parametrize("name, dim", [("blobs", 2), ("discs", 2), ("bars", 2), ("blobs", 3)])
def test_quadrature_error_at_the_finest_level(name, dim):
    """Against the same law with nodes half as far apart."""
    level = {2: 0.3, 3: 0.6}[dim]
    coarse = manifolds.make(name, dim=dim, ambient=100, finest=level)
    fine = manifolds.make(name, dim=dim, ambient=100, finest=level / 2)
    source = manifolds.stream(0, "image quadrature", name, dim)
    y = coarse.add_noise(coarse.sample(5, source), level, source)
    assert (coarse.log_marginal(y, level) - fine.log_marginal(y, level)).abs().max() < 1e-9
    assert (coarse.denoise(y, level) - fine.denoise(y, level)).abs().max() < 1e-9 * level
    assert torch.allclose(coarse.posterior_trace(y, level), fine.posterior_trace(y, level), rtol=1e-8)
    assert torch.allclose(coarse.distance_variance(y, level), fine.distance_variance(y, level), rtol=1e-7)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_samples_are_images_of_the_family(name):
    render, ranges = FAMILIES[name]
    law = manifolds.make(name, dim=2, ambient=256)
    t = law.core.sample_parameters(200, manifolds.stream(0, "image sample", name).spawn("sample"))
    x = law.sample(200, manifolds.stream(0, "image sample", name)).numpy()
    assert np.abs(x - np.stack([render(16, *p) for p in t.tolist()])).max() < 1e-4
    for column, (low, high) in zip(t.T, ranges):
        assert column.min() >= low and column.max() <= high
    assert x.min() > -1e-4 and x.max() < 1 + 1e-4 and law.core_dim < 128


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_size_and_amplitude_are_the_third_and_fourth_parameters(name):
    render, _ = FAMILIES[name]
    core = manifolds.make(name, dim=4, ambient=64, finest=1.0).core
    t = torch.tensor([[0.1, -0.05, 0.19, 0.6], [0.02, 0.1, 0.2, 1.0]], dtype=torch.float64)
    exact = np.stack([render(8, *p) for p in t.tolist()]).reshape(2, 8, 8)
    assert np.abs(core.images(t).numpy() - exact).max() < 1e-14
    assert core.intrinsic_dim == 4


def test_bars_close_up_as_a_moebius_band():
    core = manifolds.make("bars", dim=2, ambient=64, finest=0.5).core
    t = torch.tensor([[0.3, 0.1], [0.3 + math.pi, -0.1]], dtype=torch.float64)
    images = core.images(t)
    assert (images[0] - images[1]).abs().max() < 1e-14


def test_images_of_128_by_128_pixels_are_denoised_exactly_enough_to_be_unbiased():
    law = manifolds.make("blobs", dim=2, ambient=128**2)
    source = manifolds.stream(0, "large images")
    n, sigma = 60, law.core.finest_sigma
    x = law.sample(n, source)
    y = law.add_noise(x, sigma, source)
    gap = ((x - law.denoise(y, sigma)) ** 2).sum(dim=1) - law.posterior_trace(y, sigma)
    assert abs(float(gap.mean())) <= 3.5 * float(gap.std()) / math.sqrt(n)  # Student, 99.9 %
    # noise of energy 128^2 sigma^2 is reduced to about k sigma^2
    assert float(law.posterior_trace(y, sigma).max()) < 4 * sigma**2


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("blobs", dict(dim=2, ambient=99), "ambient must be a square"),
        ("blobs", dict(dim=2, ambient=129**2), "ambient must be a square"),
        ("bars", dict(dim=5, ambient=64), "dim must be 2, 3 or 4 for bars"),
        ("discs", dict(dim=1, ambient=64), "dim must be 2, 3 or 4 for discs"),
        ("discs", dict(dim=2, ambient=64, finest=1e-3), "finest must be at least about"),
        ("discs", dict(dim=2, ambient=64, finest=-1.0), "finest must be a finite number > 0"),
    ],
)
def test_bad_images_are_refused(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        manifolds.make(name, **arguments)


def test_a_level_too_fine_for_the_nodes_is_refused_with_the_number_needed():
    law = manifolds.make("blobs", dim=2, ambient=64, finest=0.4)
    with pytest.raises(
        ValueError, match=r"sigma must be >= 0.4 for blobs with [0-9]+ quadrature nodes; 0.1 needs [0-9]+ nodes"
    ):
        law.denoise(law.sample(1, manifolds.stream(0, "fine")), 0.1)
