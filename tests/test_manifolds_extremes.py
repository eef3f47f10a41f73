"""Every legal input has an answer, to its digits: points from 1e-20 to 1e140, noise from 1e-60 to 1e60, no rows, any
mode."""

import functools
import math

import mpmath as mp
import pytest
import torch
from test_manifolds_contract import example

import manifolds
from manifolds.laws.cube import Cube
from manifolds.laws.mixture import Component, Mixture
from manifolds.laws.sphere import Sphere
from manifolds.laws.torus import Torus
from manifolds.special import bessel_moments, bessel_ratio, log_sphere_mgf

ANSWERS = ("denoise", "log_marginal", "posterior_trace", "squared_distance", "distance_covariance", "distance_variance")


@pytest.mark.parametrize("name", manifolds.names())
@pytest.mark.parametrize("reduced", [False, True])
def test_far_points_have_finite_answers_or_one_line(name, reduced):
    law = example(name, reduced=reduced)
    direction = manifolds.stream(0, "far", name).normal(3, law.space.width).abs()
    direction = direction / direction.max()
    for size in (1e10, 1e30, 1e60, 1e75):
        for sigma in (1e-60, 1e-10, 1.0, 1e60):
            if sigma < getattr(law.core, "finest_sigma", 0.0):
                continue
            for answer in ANSWERS:
                found = getattr(law, answer)(size * direction, sigma)
                assert bool(torch.isfinite(found).all()), (size, sigma, answer)
        assert bool(torch.isfinite(law.project(size * direction)).all())
    assert bool(torch.isfinite(law.denoise(1e130 * direction, 1.0)).all())
    with pytest.raises(ValueError, match=r"y must lie between -1e\+140 and 1e\+140, got 1e\+154 in size"):
        law.denoise(1e154 * direction, 1.0)
    if not hasattr(law.core, "finest_sigma"):
        with pytest.raises(ValueError, match=r"y must lie within 1e\+140 sigma, got 1e\+130 in size"):
            law.denoise(1e130 * direction, 1e-30)
    with pytest.raises(ValueError, match="y must be finite, got NaN or infinity"):
        law.denoise(math.nan * direction, 1.0)


@pytest.mark.parametrize("nu", [-0.5, 0.0, 0.5, 1.0, 7.5, 100.0])
def test_bessel_functions_of_huge_arguments_are_their_leading_order(nu):
    x = torch.tensor([1e34, 1e36, 1e100, 1e300], dtype=torch.float64)
    w, r, slope, log_mgf = bessel_moments(nu, x, with_log=True)
    assert torch.allclose(w, 1.0 / x, rtol=1e-14) and torch.allclose(r, torch.ones(4, dtype=torch.float64), rtol=1e-15)
    if nu > -0.5:
        at = x[:2]
        assert torch.allclose(slope[:2], (nu + 0.5) / at / at, rtol=1e-12, atol=0.0)
    exact = math.lgamma(nu + 1.0) - 0.5 * math.log(2 * math.pi) + nu * math.log(2.0) - (nu + 0.5) * torch.log(x)
    assert torch.allclose(log_mgf, exact, rtol=1e-13)
    assert torch.allclose(log_sphere_mgf(nu, x, scaled=True), exact, rtol=1e-13)
    assert torch.equal(bessel_ratio(nu, x) > 1.0 - 1e-14, torch.ones(4, dtype=torch.bool))


def _cube_mean(u, half, sigma):
    """u + sigma (phi(a) - phi(b))/(Phi(b) - Phi(a)) with a, b = (-+L - u)/sigma, in 200 digits."""
    with mp.workdps(200):
        u, half, sigma = mp.mpf(u), mp.mpf(half), mp.mpf(sigma)
        a, b = (-half - u) / sigma, (half - u) / sigma
        mass = (mp.erfc(-b / mp.sqrt(2)) - mp.erfc(-a / mp.sqrt(2))) / 2
        gap = (mp.exp(-a * a / 2) - mp.exp(-b * b / 2)) / mp.sqrt(2 * mp.pi)
        return u + sigma * gap / mass


@pytest.mark.parametrize("half", [1.0, 1e3])
def test_the_mean_of_a_cube_keeps_relative_digits(half):
    """About the centre, and under noise wider than the cube, where the mean is far smaller than L."""
    law = manifolds.Law(Cube(1, half), 2)
    for ratio in (1e-3, 0.1, 0.3, 0.66, 0.67, 1.0, 1.6, 3.0, 30.0, 1e4, 1e8, 1e12):
        for at in (1e-20, 1e-10, 1e-4, 0.3, 0.9, 1.1, 3.0, 100.0, 1e5):
            if at / ratio > 60.0 and at > 1.0:
                continue  # far outside: 200 digits do not do, and the mean is at the face
            y = torch.tensor([[at * half, 0.0], [-at * half, 0.0]], dtype=torch.float64)
            exact = float(_cube_mean(at * half, half, ratio * half))
            found = law.denoise(y, ratio * half)[:, 0]
            assert abs(float(found[0]) - exact) <= 1e-12 * abs(exact), (ratio, at)
            assert float(found[1]) == pytest.approx(-float(found[0]), rel=1e-14)


def _sphere_tilt(part, u, sigma):
    """(log E exp((<u, X> - |X|^2/2)/sigma^2), E X under it) of a sphere S^2 placed in R^m, in mpmath."""
    frame, shift = mp.matrix(part.frame.tolist()), mp.matrix(part.shift.tolist())
    own = frame.T * (u - shift)
    norm, radius = mp.norm(own), mp.mpf(part.core.radius)
    kappa = radius * norm / sigma**2
    log_mgf = kappa + mp.log1p(-mp.exp(-2 * kappa)) - mp.log(2 * kappa)
    log = ((u.T * shift)[0] - (shift.T * shift)[0] / 2 - radius**2 / 2) / sigma**2 + log_mgf
    return log, shift + frame * own * (radius / norm * (mp.coth(kappa) - 1 / kappa))


@pytest.mark.parametrize("size", [30.0, 1e4, 1e7, 1e10, 1e13, 1e16, 1e30, 1e100])
def test_a_mixture_far_from_all_its_parts_weighs_them_by_differences(size):
    """Levels at which several parts matter: R |u|/sigma^2 of order one, where |u|^2/sigma^2 is as large as |u|/R."""
    law = manifolds.make("mixture_of_spheres", dim=2, ambient=12, reduced=True)
    core = law.core
    u = manifolds.stream(5, "far mixture").normal(6, core.core_dim)
    u = u / u.norm(dim=1, keepdim=True) * size
    y = torch.cat([u, torch.zeros(6, 1, dtype=torch.float64)], dim=1)
    for share in (0.3, 1.0, 3.0):
        sigma = share * math.sqrt(size)
        found = law.denoise(y, sigma)
        with mp.workdps(160):
            for row, got in zip(u.tolist(), found):
                parts = [
                    _sphere_tilt(part, mp.matrix([mp.mpf(v) for v in row]), mp.mpf(sigma)) for part in core.components
                ]
                top = max(log for log, _ in parts)
                weights = [mp.exp(log - top) for log, _ in parts]
                total = sum(weights)
                mean = sum((w / total * m for w, (_, m) in zip(weights, parts)), mp.zeros(core.core_dim, 1))
                assert max(abs(float(g) - float(m)) for g, m in zip(got[:-1], mean)) <= 1e-12


@pytest.mark.parametrize(
    "core",
    [
        Sphere(2),
        Torus(2, radius=[0.5, 2.0]),
        Cube(3),
        manifolds.make("ball", 3, 9).core,
        manifolds.make("gaussian", 2, 9, scale=[0.5, 2.0]).core,
        manifolds.make("gaussian", 2, 9).core,
        manifolds.make("product", 3, 9).core,
        manifolds.make("mixture", 2, 9).core,
        manifolds.make("union_of_subspaces", 2, 9).core,
        example("atoms").core,
    ],
    ids=lambda core: core.name,
)
def test_the_tilt_is_the_density_without_the_part_that_all_laws_share(core):
    source = manifolds.stream(0, "tilt", core.name)
    u = 3.0 * source.normal(20, core.core_dim)
    sigma = torch.tensor([[0.3, 1.0, 5.0]], dtype=torch.float64)
    stats = core.statistics(u)
    free = 0.5 * (u.norm(dim=1)[:, None] / sigma) ** 2 + 0.5 * core.core_dim * torch.log(2 * math.pi * sigma**2)
    assert torch.allclose(
        core.log_tilt(stats, sigma), core.posterior(stats, sigma, 0).log_p + free, rtol=1e-9, atol=1e-9
    )


def test_parts_of_other_peoples_mixtures_need_no_tilt():
    class Plain(Sphere):
        log_tilt = manifolds.Core.log_tilt

    shift = torch.zeros(3, dtype=torch.float64)
    mixed, plain = (Mixture([Component(kind(2), None, shift)] * 2) for kind in (Sphere, Plain))
    u = 1e5 * manifolds.stream(1).normal(4, 3)
    sigma = torch.ones(1, 1, dtype=torch.float64)
    coef = [core.posterior(core.statistics(u), sigma, 1).coef for core in (mixed, plain)]
    assert torch.allclose(coef[0], coef[1], rtol=1e-12)


def test_scale_mixtures_keep_their_digits_far_below_their_typical_norm():
    law = manifolds.make("scale_mixture", dim=10**6, ambient=10**6, scales=[1.0, 1.5], reduced=True)
    y = torch.tensor([[1e-3], [1.0]], dtype=torch.float64)
    with mp.workdps(40):
        for row, found in zip(y[:, 0].tolist(), law.log_marginal(y, 0.5)):
            logs = [
                -mp.mpf(10**6) / 2 * mp.log(2 * mp.pi * (s * s + 0.25)) - mp.mpf(row) ** 2 / 2 / (s * s + 0.25)
                for s in (mp.mpf(1), mp.mpf(1.5))
            ]
            exact = max(logs) + mp.log(sum(mp.exp(v - max(logs)) / 2 for v in logs))
            assert abs(float(found) - float(exact)) <= 1e-14 * abs(float(exact))


@pytest.mark.parametrize(("name", "far"), [("trefoil", 0.5), ("ellipse", 1.0), ("moebius", 0.5)])
def test_surfaces_project_to_the_nearest_point_far_off_too(name, far):
    law = example(name)
    source = manifolds.stream(0, "project far", name)
    y = law.sample(150, source) + far * source.normal(150, law.ambient_dim)
    others = law.sample(20_000, manifolds.stream(1, "others", name))
    least = torch.cdist(y, others, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1).values
    assert float((law.distance(y) - least).max()) <= 1e-9


@pytest.mark.parametrize("name", manifolds.names())
def test_laws_are_built_and_asked_under_inference_mode(name):
    plain = example(name)
    y = plain.add_noise(plain.sample(5, manifolds.stream(0)), 0.4, manifolds.stream(1))
    with torch.inference_mode():
        law = example(name)
        inside = law.add_noise(law.sample(5, manifolds.stream(0)), 0.4, manifolds.stream(1))
        assert torch.equal(inside, y)
        answers = [law.denoise(inside, 0.4), law.project(inside)]
    assert torch.equal(answers[0], plain.denoise(y, 0.4)) and torch.equal(answers[1], plain.project(y))


class _Elsewhere(torch.Tensor):
    """A constant on another device: it can be moved and measured, not computed with."""

    HARMLESS = (
        "to",
        "device",
        "shape",
        "ndim",
        "dtype",
        "__get__",
        "__len__",
        "size",
        "dim",
        "numel",
        "T",
        "is_inference",
    )

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            out = function(*args, **(kwargs or {}))
        if function.__name__ == "to":
            return out.as_subclass(torch.Tensor)
        if function.__name__ in (
            "__get__",
            "__len__",
            "size",
            "dim",
            "numel",
            "__getitem__",
            "transpose",
            "square",
            "norm",
        ):
            return out.as_subclass(cls) if isinstance(out, torch.Tensor) else out
        raise RuntimeError(f"{function.__name__} of a constant that was not moved")


def _move_away(thing, seen):
    """Every tensor that a law holds, at any depth, is taken to another device."""
    if id(thing) in seen or not hasattr(thing, "__dict__"):
        return
    seen.add(id(thing))
    for name, value in list(vars(thing).items()):
        if isinstance(value, torch.Tensor):
            setattr(thing, name, value.as_subclass(_Elsewhere))
        elif isinstance(value, (tuple, list)):
            for item in value:
                _move_away(getattr(item, "core", item), seen)
        elif type(value).__module__.startswith("manifolds"):
            _move_away(value, seen)


@pytest.mark.parametrize("name", manifolds.names())
@pytest.mark.parametrize("reduced", [False, True])
def test_answers_are_computed_on_the_device_of_their_argument(name, reduced):
    """No second device here: constants may only be used once moved, and new tensors never go to the default device."""
    law = example(name, reduced=reduced)
    y = law.add_noise(law.sample(4, manifolds.stream(0)), 0.5, manifolds.stream(1))
    exact = {answer: getattr(law, answer)(y, 0.5) for answer in ANSWERS}
    _move_away(law, set())
    calls = {answer: functools.partial(getattr(law, answer), y, 0.5) for answer in ANSWERS}
    with torch.device("meta"):
        found = {answer: call() for answer, call in calls.items()}
    for answer in ANSWERS:
        assert found[answer].device == y.device
        assert torch.equal(found[answer].as_subclass(torch.Tensor), exact[answer]), answer
