"""Covering numbers, and laws with options other than their defaults, against values known independently."""

import math

import pytest
import torch

import manifolds
from manifolds.laws.atoms import Atoms
from manifolds.laws.ball import Ball
from manifolds.laws.cube import Cube
from manifolds.laws.product import Product
from manifolds.laws.sphere import Sphere
from manifolds.laws.torus import Torus
from manifolds.laws.unions import mixture_of_spheres, union_of_subspaces


def _circle(eps, radius):
    """A ball of radius eps, its centre anywhere, covers an arc of at most asin(eps/R) to each side."""
    return math.ceil(math.pi / math.asin(eps / radius))


@pytest.mark.parametrize("eps", [0.5, 0.1, 0.01, 1e-3])
@pytest.mark.parametrize("radius", [1.0, 3.0])
def test_an_interval_is_covered_by_as_many_as_its_length_over_two_eps(eps, radius):
    count = math.log(math.ceil(radius / eps - 1e-9))
    for core in (Cube(1, radius),):
        low, high = core.log_covering_number(eps)
        assert low <= count + 1e-12 and high == pytest.approx(count, abs=1e-12)
        assert low == pytest.approx(math.log(radius / eps), abs=1e-12)


@pytest.mark.parametrize("eps", [0.5, 0.1, 0.01])
@pytest.mark.parametrize("radius", [1.0, 2.5])
def test_a_circle_is_covered_by_its_caps(eps, radius):
    count = math.log(_circle(eps, radius))
    for core in (Sphere(1, radius), Torus(1, radius)):
        low, high = core.log_covering_number(eps)
        assert low <= count <= high + 1e-12
        # the bounds are within factors of pi/2 .. pi below and 2 above
        assert count - low < math.log(math.pi * 1.05) + math.log(2.0) and high - count < math.log(4.2)


@pytest.mark.parametrize(("dim", "eps"), [(2, 0.1), (3, 0.2), (8, 0.3)])
def test_balls_and_spheres_keep_their_volume_and_packing_bounds(dim, eps):
    for radius in (1.0, 4.0):
        low, high = Ball(dim, radius).log_covering_number(eps * radius)
        assert low == pytest.approx(dim * math.log(1.0 / eps)) and high == pytest.approx(dim * math.log1p(2.0 / eps))
        low, high = Sphere(dim, radius).log_covering_number(eps * radius)
        assert low == pytest.approx(math.log(2.0) + dim * math.log(1.0 / eps))
        # a cap of angle a has at least the share of a flat disc of radius sin(a/2)..., here by Monte Carlo
        x = Sphere(dim).sample(200_000, manifolds.stream(0, "caps", dim, eps))
        near = float((x[:, 0] > math.cos(math.asin(eps))).to(torch.float64).mean())
        if near > 1e-3:
            assert low <= -math.log(near) + 0.1  # N caps that cover have total area at least the sphere's
        half = float((x[:, 0] > math.cos(2.0 * math.asin(eps / 4.0))).to(torch.float64).mean())
        if half > 1e-3:
            assert high >= -math.log(half) - 0.1  # disjoint caps of half the distance bound the packing number


def test_finite_sets_on_a_line_and_far_apart():
    line = Atoms(torch.arange(12.0, dtype=torch.float64)[:, None])
    for eps, least, most in ((0.4, 12, 12), (1.0, 4, 12), (5.5, 1, 3)):
        low, high = line.log_covering_number(eps)
        assert low <= high and math.exp(low) <= most + 1e-9 and math.exp(high) >= least - 1e-9
    assert line.log_covering_number(0.4) == pytest.approx((math.log(12), math.log(12)))
    # picks more than 2 eps apart need a ball each: 0, 11, and of the rest none is 11 away from both
    assert math.exp(line.log_covering_number(4.9)[0]) == pytest.approx(2.0)


def test_products_mixtures_and_tori_combine_their_parts():
    a, b = Cube(1, 2.0), Sphere(2, 3.0)
    low, high = Product([a, b]).log_covering_number(0.1)
    assert low == max(a.log_covering_number(0.1)[0], b.log_covering_number(0.1)[0])
    step = 0.1 / math.sqrt(2.0)
    assert high == pytest.approx(a.log_covering_number(step)[1] + b.log_covering_number(step)[1])
    union = union_of_subspaces(2, components=4, radius=2.0)
    low, high = union.log_covering_number(0.1)
    own = Ball(2, 2.0).log_covering_number(0.1)
    assert low == pytest.approx(own[0]) and high == pytest.approx(own[1] + math.log(4.0))
    radii = [0.5, 2.0]
    low, high = Torus(2, radii).log_covering_number(0.05)
    area = math.log(4.0 * math.pi**2 * radii[0] * radii[1])
    assert low == pytest.approx(area - math.log(math.pi) - 2.0 * math.log(math.pi * 0.05))
    step = 0.05 / math.sqrt(2.0)
    nets = [math.ceil(math.pi / (2.0 * math.asin(step / (2.0 * r)))) for r in radii]
    assert high == pytest.approx(math.log(nets[0] * nets[1]))


@pytest.mark.parametrize("radius", [0.25, 1.0, 7.0])
def test_unions_scale_with_their_radius(radius):
    """Answers of a union of radius R at y, sigma are those of radius 1 at y/R, sigma/R, in units of R."""
    for build in (union_of_subspaces, mixture_of_spheres):
        unit, core = build(2), build(2, radius=radius)
        one, law = manifolds.Law(unit, unit.core_dim + 3), manifolds.Law(core, core.core_dim + 3)
        assert law.radius == pytest.approx(radius * one.radius, rel=1e-12)
        assert law.second_moment == pytest.approx(radius**2 * one.second_moment, rel=1e-12)
        x = law.sample(200, manifolds.stream(0, "union"))
        assert torch.allclose(
            x, radius * one.sample(200, manifolds.stream(0, "union")), rtol=1e-12, atol=1e-13 * radius
        )
        y = law.add_noise(x, 0.4 * radius, manifolds.stream(1, "union"))
        f, g = law.denoise(y, 0.4 * radius), one.denoise(y / radius, 0.4)
        assert torch.allclose(f, radius * g, rtol=1e-9, atol=1e-10 * radius)
        assert torch.allclose(law.distance(y), radius * one.distance(y / radius), rtol=1e-10)
        assert float(x.norm(dim=1).max()) <= law.radius * (1 + 1e-12)


def test_the_components_of_a_union_have_the_radius_that_is_asked_for():
    core = union_of_subspaces(2, components=3, radius=5.0)
    x = core.sample(20_000, manifolds.stream(0, "radius"))
    norm = x.norm(dim=1)
    assert 4.99 < float(norm.max()) <= 5.0
    # uniform on a disc: E|x|^2 = R^2/2
    assert float((norm**2).mean()) == pytest.approx(12.5, rel=0.02)
    assert core.second_moment == pytest.approx(12.5, rel=1e-12)
    spheres = mixture_of_spheres(2, components=2, radius=0.5, separation=4.0)
    assert [float(part.shift.norm()) for part in spheres.components] == pytest.approx([2.0, 2.0])
    assert all(part.core.radius == 0.5 for part in spheres.components)


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9])
def test_two_scales_of_other_weights_against_bayes_rule(weight):
    dim, ambient, level, sigma = 3, 12, 0.7, 0.7
    law = manifolds.make("two_scale", dim=dim, ambient=ambient, level=level, weight=weight)
    s2 = dim * level**2 / ambient
    assert law.second_moment == pytest.approx(weight * ambient * s2, rel=1e-14)
    y = manifolds.stream(0, "two scale", weight).normal(30, ambient)

    def log_normal(variance):
        return -0.5 * (y * y).sum(dim=1) / variance - 0.5 * ambient * math.log(2.0 * math.pi * variance)

    atom = math.log(1.0 - weight) + log_normal(sigma**2)
    spread = math.log(weight) + log_normal(s2 + sigma**2)
    log_p = torch.logaddexp(atom, spread)
    assert torch.allclose(law.log_marginal(y, sigma), log_p, rtol=1e-12)
    share = torch.exp(spread - log_p)
    gain = share * s2 / (s2 + sigma**2)
    assert torch.allclose(law.denoise(y, sigma), gain[:, None] * y, rtol=1e-11, atol=1e-14)
    x = law.sample(20_000, manifolds.stream(1, "two scale", weight))
    moved = float((x.norm(dim=1) > 0).to(torch.float64).mean())
    assert abs(moved - weight) <= 4.0 * math.sqrt(weight * (1.0 - weight) / 20_000)
