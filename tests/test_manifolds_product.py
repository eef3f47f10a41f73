"""Products against a plain two-dimensional quadrature of the joint law, which knows nothing of blocks."""

import math

import numpy as np
import pytest
import torch

import manifolds
from manifolds.laws.cube import Cube
from manifolds.laws.gaussian import IsotropicGaussian
from manifolds.laws.product import Product
from manifolds.laws.scale_mixture import ScaleMixture


@pytest.mark.parametrize("sigma", [0.1, 1.0])
def test_circle_times_interval_equals_joint_quadrature(sigma):
    law = manifolds.make("product", dim=2, ambient=5, radius=1.5, half_width=0.8)
    y = torch.tensor([[0.9, -1.0, 1.0, 0.2, 0.0]], dtype=torch.float64)
    angle = 2 * math.pi * np.arange(400) / 400
    nodes, weights = np.polynomial.legendre.leggauss(80)
    z, c = np.meshgrid(0.8 * nodes, angle)
    x = np.stack([1.5 * np.cos(c).ravel(), 1.5 * np.sin(c).ravel(), z.ravel()], axis=1)
    prior = np.tile(weights / 2, 400) / 400
    d2 = ((x - y.numpy()[:, :3]) ** 2).sum(axis=1)
    w = prior * np.exp(-d2 / (2 * sigma**2))
    mass = w.sum()
    w = w / mass
    mean, square = w @ x, w @ d2
    log_p = math.log(mass) - 2.5 * math.log(2 * math.pi * sigma**2) - 0.04 / (2 * sigma**2)
    assert law.log_marginal(y, sigma).item() == pytest.approx(log_p, rel=1e-11)
    assert law.denoise(y, sigma)[0, :3].tolist() == pytest.approx(mean.tolist(), rel=1e-11)
    assert law.posterior_trace(y, sigma).item() == pytest.approx(w @ ((x - mean) ** 2).sum(axis=1), rel=1e-10)
    assert law.squared_distance(y, sigma).item() == pytest.approx(square + 0.04, rel=1e-11)
    assert law.distance_covariance(y, sigma)[0, :3].tolist() == pytest.approx(
        ((w * (d2 - square)) @ x).tolist(), rel=1e-9
    )
    assert law.distance_variance(y, sigma).item() == pytest.approx(w @ (d2 - square) ** 2, rel=1e-10)


def test_product_of_gaussians_is_the_gaussian_of_the_scales():
    product = manifolds.Law(Product([IsotropicGaussian(2, 0.5), IsotropicGaussian(1, 2.0)]), 7)
    joint = manifolds.make("gaussian", dim=3, ambient=7, scale=[0.5, 0.5, 2.0])
    y = manifolds.stream(0, "product").normal(5, 7)
    for answer in (
        "denoise",
        "log_marginal",
        "posterior_trace",
        "squared_distance",
        "distance_covariance",
        "distance_variance",
    ):
        assert torch.allclose(getattr(product, answer)(y, 0.7), getattr(joint, answer)(y, 0.7), rtol=1e-12, atol=1e-14)
    assert torch.allclose(product.mmse(torch.tensor([0.7])), joint.mmse(torch.tensor([0.7])))


def test_product_of_intervals_is_the_cube():
    product, cube = manifolds.Law(Product([Cube(1), Cube(2)]), 6), manifolds.make("cube", dim=3, ambient=6)
    y = 1.5 * manifolds.stream(0, "product cube").normal(5, 6)
    for answer in ("denoise", "log_marginal", "distance_covariance", "distance_variance", "project"):
        arguments = (y,) if answer == "project" else (y, 0.3)
        assert torch.allclose(
            getattr(product, answer)(*arguments), getattr(cube, answer)(*arguments), rtol=1e-12, atol=1e-14
        )
    assert product.radius == pytest.approx(cube.radius) and product.second_moment == pytest.approx(cube.second_moment)


def test_bad_products_are_refused():
    with pytest.raises(ValueError, match="factors must be an integer >= 1"):
        Product([])
    with pytest.raises(ValueError, match="factors must be laws on a core"):
        Product([ScaleMixture(3, [1.0])])
    with pytest.raises(ValueError, match="dim must be an integer >= 2"):
        manifolds.make("product", dim=1, ambient=9)
