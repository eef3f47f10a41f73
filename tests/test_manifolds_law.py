"""make() and its refusals; the gaussian and mixture laws against references that share no code with them."""

import math

import mpmath
import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

import manifolds
from manifolds.laws.gaussian import IsotropicGaussian
from manifolds.laws.mixture import Component, Mixture


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(name="sphere of influence", dim=2, ambient=9), "law must be one of"),
        (dict(name="gaussian", dim=0, ambient=9), "dim must be an integer >= 1"),
        (dict(name="gaussian", dim=-3, ambient=9), "dim must be an integer >= 1"),
        (dict(name="gaussian", dim=2.5, ambient=9), "dim must be an integer >= 1"),
        (dict(name="gaussian", dim="8", ambient=9), "dim must be an integer >= 1"),
        (dict(name="gaussian", dim=4, ambient=4), "ambient must be >= 5"),
        (dict(name="mixture", dim=4, ambient=16), "ambient must be >= 17"),
        (dict(name="gaussian", dim=2, ambient=9, scale=-1.0), "scale must be a finite number > 0"),
        (dict(name="gaussian", dim=2, ambient=9, scale=[1.0, 2.0, 3.0]), "scale must be one number or 2 numbers"),
        (dict(name="atoms", dim=2, ambient=9), "points must be given for atoms"),
        (dict(name="gaussian", dim=2, ambient=9, size=1.0), "size is not an option of gaussian"),
        (
            dict(name="mixture", dim=2, ambient=30, weights=[0.5, 0.5, 0.5, 0.5]),
            "weights must be positive and sum to one",
        ),
        (dict(name="mixture", dim=2, ambient=30, separation=-1.0), "separation must be >= 0"),
    ],
)
def test_bad_arguments_are_named_in_one_line(arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        manifolds.make(**arguments)
    assert "\n" not in str(caught.value)


def test_a_law_that_fills_its_space_cannot_move_to_another():
    law = manifolds.make("full_gaussian", dim=6, ambient=6)
    assert law.with_ambient(6).ambient_dim == 6
    with pytest.raises(ValueError, match="ambient must be 6 for full_gaussian"):
        law.with_ambient(7)


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf, 1e-61, 1e61])
def test_bad_levels_are_refused(sigma):
    law = manifolds.make("gaussian", dim=2, ambient=6)
    with pytest.raises(ValueError, match="sigma must be between 1e-60 and 1e\\+60"):
        law.denoise(torch.zeros(3, 6, dtype=torch.float64), sigma)
    with pytest.raises(ValueError, match=r"sigma must be a number or have shape \(3,\)"):
        law.denoise(torch.zeros(3, 6, dtype=torch.float64), torch.ones(2))


def _mixture_moments_mp(law, y, sigma):
    """Posterior mean, trace, W and Var|X-y|^2 of a rotated low-rank mixture, from dense d x d algebra in mpmath."""
    mpmath.mp.dps = 40
    d = law.ambient_dim
    eye = mpmath.eye(d)
    yv, weights, means, covs = mpmath.matrix(y.tolist()), [], [], []
    basis = law.space.frame
    for w, part in zip(law.core.weights.tolist(), law.core.components):
        q = mpmath.matrix((basis @ part.frame).tolist())
        c = mpmath.matrix((basis @ part.shift).tolist())
        prior = part.core.scale**2 * (q * q.T)
        total = prior + sigma**2 * eye
        inverse = total**-1
        delta = yv - c
        quad = (delta.T * inverse * delta)[0]
        weights.append(w * mpmath.exp(-quad / 2) / mpmath.sqrt(mpmath.det(2 * mpmath.pi * total)))
        means.append(c + prior * inverse * delta)
        covs.append(prior - prior * inverse * prior)
    total = mpmath.fsum(weights)
    shares = [w / total for w in weights]
    mean = sum((r * m for r, m in zip(shares, means)), mpmath.zeros(d, 1))
    trace = mpmath.fsum(
        r * (sum(c[i, i] for i in range(d)) + ((m - mean).T * (m - mean))[0]) for r, m, c in zip(shares, means, covs)
    )
    sq = [sum(c[i, i] for i in range(d)) + ((m - yv).T * (m - yv))[0] for m, c in zip(means, covs)]
    sq_mean = mpmath.fsum(r * s for r, s in zip(shares, sq))
    w_vec = sum(
        (r * (2 * c * (m - yv) + (s - sq_mean) * m) for r, m, c, s in zip(shares, means, covs, sq)), mpmath.zeros(d, 1)
    )
    inner = []
    for m, c, s in zip(means, covs, sq):
        square = c * c
        inner.append(2 * sum(square[i, i] for i in range(d)) + 4 * ((m - yv).T * c * (m - yv))[0] + (s - sq_mean) ** 2)
    variance = mpmath.fsum(r * v for r, v in zip(shares, inner))
    return mpmath.log(total), mean, trace, sq_mean, w_vec, variance


@pytest.mark.parametrize("sigma", [0.05, 0.7, 3.0])
def test_mixture_answers_equal_dense_algebra_in_mpmath(sigma):
    law = manifolds.make("mixture", dim=2, ambient=9, components=3, separation=1.0, rotation=4, weights=[0.2, 0.3, 0.5])
    source = manifolds.stream(0, "mp", sigma)
    y = law.add_noise(law.sample(1, source), sigma, source)
    log_p, mean, trace, sq, w_vec, variance = _mixture_moments_mp(law, y[0], sigma)

    def close(found, exact):
        exact = np.array([float(v) for v in exact])
        return np.abs(found.numpy().reshape(-1) - exact).max() <= 1e-11 * np.abs(exact).max()

    assert close(law.log_marginal(y, sigma), [log_p])
    assert close(law.denoise(y, sigma), mean)
    assert close(law.posterior_trace(y, sigma), [trace])
    assert close(law.squared_distance(y, sigma), [sq])
    assert close(law.distance_covariance(y, sigma), w_vec)
    assert close(law.distance_variance(y, sigma), [variance])


def test_anisotropic_gaussian_equals_scipy_and_the_isotropic_law():
    scales = [0.3, 1.0, 2.5]
    law = manifolds.make("gaussian", dim=3, ambient=7, scale=scales)
    y = manifolds.stream(0, "aniso").normal(5, 7)
    cov = np.diag([s * s for s in scales] + [0.0] * 4) + 0.4**2 * np.eye(7)
    assert np.allclose(
        law.log_marginal(y, 0.4).numpy(), multivariate_normal(np.zeros(7), cov).logpdf(y.numpy()), rtol=1e-12
    )
    gain = np.diag([s * s for s in scales] + [0.0] * 4) @ np.linalg.inv(cov)
    assert np.allclose(law.denoise(y, 0.4).numpy(), y.numpy() @ gain, rtol=1e-12, atol=1e-14)
    same = manifolds.make("gaussian", dim=3, ambient=7, scale=[2.0] * 3)
    plain = manifolds.make("gaussian", dim=3, ambient=7, scale=2.0)
    for answer in (
        "denoise",
        "posterior_trace",
        "squared_distance",
        "distance_covariance",
        "distance_variance",
        "log_marginal",
    ):
        assert torch.allclose(getattr(same, answer)(y, 0.4), getattr(plain, answer)(y, 0.4), rtol=1e-12, atol=1e-14)


def test_mixture_of_one_component_is_that_component():
    core = IsotropicGaussian(3, 1.5)
    one = manifolds.Law(Mixture([Component(core, None, torch.zeros(3, dtype=torch.float64))]), 8)
    plain = manifolds.Law(core, 8)
    y = manifolds.stream(0, "one").normal(6, 8)
    for answer in ("denoise", "posterior_trace", "distance_covariance", "distance_variance", "log_marginal"):
        assert torch.allclose(getattr(one, answer)(y, 0.6), getattr(plain, answer)(y, 0.6), rtol=1e-12, atol=1e-14)


def test_mixture_projection_is_the_nearest_point_over_components():
    law = manifolds.make("mixture", dim=2, ambient=12, separation=3.0)
    y = manifolds.stream(0, "proj").normal(40, 12) * 3
    nearest = np.full(40, np.inf)
    for part in law.core.components:  # least squares on each affine subspace, by numpy
        basis = np.vstack([part.frame.numpy(), np.zeros((12 - law.core_dim, 2))])
        shift = np.concatenate([part.shift.numpy(), np.zeros(12 - law.core_dim)])
        coef, *_ = np.linalg.lstsq(basis, (y.numpy() - shift).T, rcond=None)
        nearest = np.minimum(nearest, np.linalg.norm(y.numpy() - shift - (basis @ coef).T, axis=1))
    assert np.allclose(law.distance(y).numpy(), nearest, rtol=1e-10)
    assert float(law.distance(law.project(y)).max()) < 1e-10


@pytest.mark.parametrize(
    "parts, weights, message",
    [
        ([], None, "components must be an integer >= 1"),
        ([Component(IsotropicGaussian(2), None, torch.zeros(3, dtype=torch.float64))], None, "frame must be given"),
        (
            [
                Component(
                    IsotropicGaussian(2), torch.ones(3, 2, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
                )
            ],
            None,
            "orthonormal",
        ),
        ([Component(IsotropicGaussian(2), None, torch.zeros(2, dtype=torch.float64))], [0.9], "sum to one"),
    ],
)
def test_bad_mixtures_are_refused(parts, weights, message):
    with pytest.raises(ValueError, match=message):
        Mixture(parts, weights)


@pytest.mark.parametrize("name", ["mixture", "sphere", "ball", "random_code", "scale_mixture"])
@pytest.mark.parametrize("reduced", [True, False])
def test_mean_and_trace_are_those_asked_for_one_by_one(name, reduced):
    law = manifolds.make(name, dim=20 if name == "scale_mixture" else 2, ambient=20, reduced=reduced)
    source = manifolds.stream(0, "both", name)
    y = law.add_noise(law.sample(12, source), 0.3, source)
    sigma = 0.2 + 0.3 * source.uniform(12)
    mean, trace = law.mean_and_trace(y, sigma)
    assert torch.allclose(mean, law.denoise(y, sigma), rtol=1e-12, atol=1e-14)
    assert torch.equal(trace, law.posterior_trace(y, sigma))
