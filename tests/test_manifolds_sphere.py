"""The sphere against mpmath integrals over the cosine t to y's direction, whose prior density is (1-t^2)^((m-3)/2)."""

import math

import mpmath as mp
import pytest
import torch

import manifolds


def _reference(m, radius, norm, sigma):
    """[log density in R^m, |mean|, trace, squared distance, W along u, Var of the squared distance], by quadrature over
    t."""
    radius, norm, sigma = mp.mpf(radius), mp.mpf(norm), mp.mpf(sigma)
    kappa = radius * norm / sigma**2
    width = 1 / mp.sqrt(1 + kappa)
    # t = cos(angle): the integrand lives at angles up to sqrt(m) + 12 widths from the pole, in bumps one width wide
    cuts = [mp.mpf(0), *[c * width / 2 for c in range(1, 41) if c * width / 2 < mp.pi], mp.pi]

    def integral(g):
        return mp.quad(lambda a: mp.sin(a) ** (m - 2) * mp.exp(kappa * (mp.cos(a) - 1)) * g(mp.cos(a)), cuts)

    mass, area = integral(lambda t: 1), mp.beta(mp.mpf(m - 1) / 2, 0.5)
    mean = integral(lambda t: t) / mass
    variance = integral(lambda t: (t - mean) ** 2) / mass
    square = radius**2 + norm**2 - 2 * radius * norm * mean
    log_p = (
        mp.log(mass / area)
        + kappa
        - mp.mpf(m) / 2 * mp.log(2 * mp.pi * sigma**2)
        - (radius**2 + norm**2) / (2 * sigma**2)
    )
    spread = (1 + mean) * integral(lambda t: 1 - t) / mass
    return (
        log_p,
        radius * mean,
        radius**2 * spread,
        square,
        -2 * radius**2 * norm * variance,
        4 * (radius * norm) ** 2 * variance,
    )


@pytest.mark.parametrize("dim", [1, 2, 5, 40])
@pytest.mark.parametrize(
    "radius, norm, sigma", [(1.0, 1.3, 0.4), (2.0, 1.9, 0.02), (0.7, 0.01, 1.0), (1.0, 1.001, 1e-4), (3.0, 30.0, 50.0)]
)
def test_sphere_equals_mpmath(dim, radius, norm, sigma):
    with mp.workdps(30):
        log_p, mean, trace, square, w, variance = map(float, _reference(dim + 1, radius, norm, sigma))
    law = manifolds.make("sphere", dim=dim, ambient=dim + 6, radius=radius)
    direction = torch.zeros(1, dim + 6, dtype=torch.float64)
    direction[0, dim] = 1.0
    y = norm * direction
    normal = -2.5 * math.log(2 * math.pi * sigma**2)  # five more coordinates, all zero
    assert law.log_marginal(y, sigma).item() == pytest.approx(log_p + normal, rel=1e-12, abs=1e-11)
    assert (law.denoise(y, sigma) @ direction[0]).item() == pytest.approx(mean, rel=1e-13)
    assert law.posterior_trace(y, sigma).item() == pytest.approx(trace, rel=1e-10)
    # |X - y|^2 is as small as sigma^2: (R - |y|)^2 has the digits that |y| has
    assert law.squared_distance(y, sigma).item() == pytest.approx(square, rel=1e-9)
    assert (law.distance_covariance(y, sigma) @ direction[0]).item() == pytest.approx(w, rel=1e-11)
    assert law.distance_variance(y, sigma).item() == pytest.approx(variance, rel=1e-11)


def test_two_sphere_in_closed_form_and_not_one_order_lower():
    """S^2: E X = R (coth kappa - 1/kappa); the common slip I_1/I_0 gives another score."""
    law = manifolds.make("sphere", dim=2, ambient=4, radius=1.0)
    y = torch.tensor([[0.0, 1.5, 0.0, 0.0]], dtype=torch.float64)
    kappa = 1.5 / 0.49
    mean = law.denoise(y, 0.7)[0, 1].item()
    assert mean == pytest.approx(1 / math.tanh(kappa) - 1 / kappa, rel=1e-14)
    slip = float(mp.besseli(1, kappa) / mp.besseli(0, kappa))
    assert abs(mean - slip) > 0.1


@pytest.mark.parametrize("ambient", [10**3, 10**9])
def test_high_dimensional_sphere_at_small_noise_keeps_its_digits(ambient):
    """kappa = 1e8: tr Cov = R^2 (1 - r^2) against the large-kappa expansion k/kappa - k (k-2)/(2 kappa^2) ..., k =
    512."""
    law = manifolds.make("sphere", dim=512, ambient=ambient, reduced=True, radius=10.0)
    y = torch.zeros(1, law.space.width, dtype=torch.float64)
    y[0, 0] = 10.0
    sigma = 1e-3
    kappa = mp.mpf(100) / mp.mpf(sigma) ** 2
    with mp.workdps(40):
        nu = mp.mpf(513) / 2 - 1

        def hankel(order):
            total = term = mp.mpf(1)
            for j in range(1, 30):
                term *= -(4 * order**2 - (2 * j - 1) ** 2) / (8 * kappa * j)
                total += term
            return total

        ratio = hankel(nu + 1) / hankel(nu)
        trace = float(100 * (1 - ratio**2))
        variance = float(4 * mp.mpf(10) ** 4 * (1 - ratio**2 - 512 * ratio / kappa))
    assert law.posterior_trace(y, sigma).item() == pytest.approx(trace, rel=1e-13)
    assert law.distance_variance(y, sigma).item() == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("dim", [1, 8, 64])
def test_mmse_curve_equals_the_average_of_the_trace(dim):
    law = manifolds.make("sphere", dim=dim, ambient=10**4, reduced=True, radius=2.0)
    levels = torch.tensor([0.01, 0.3, 1.0, 30.0], dtype=torch.float64)
    curve = law.mmse(levels)
    n = 20_000
    for sigma, value in zip(levels.tolist(), curve.tolist()):
        source = manifolds.stream(0, "sphere mmse", dim, sigma)
        trace = law.posterior_trace(law.add_noise(law.sample(n, source), sigma, source), sigma)
        assert abs(float(trace.mean()) - value) <= 3.3 * float(trace.std()) / math.sqrt(n)


def test_posterior_at_the_centre_is_the_prior_and_projection_is_on_the_sphere():
    law = manifolds.make("sphere", dim=3, ambient=6, radius=2.0)
    y = torch.zeros(1, 6, dtype=torch.float64)
    assert law.denoise(y, 0.5).abs().max().item() == 0.0
    assert law.posterior_trace(y, 0.5).item() == pytest.approx(4.0, rel=1e-13)
    assert law.distance(y).item() == pytest.approx(2.0, rel=1e-15)


def test_covering_bounds_of_a_circle_hold_for_the_exact_number():
    """A circle is covered by ceil(pi / arcsin(eps/R)) discs."""
    law = manifolds.make("sphere", dim=1, ambient=3, radius=2.0)
    for eps in (0.003, 0.1, 0.9):
        low, high = law.log_covering_number(eps)
        assert low <= math.log(math.ceil(math.pi / math.asin(eps / 2.0))) <= high


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(dim=2, ambient=9, radius=0.0), "radius must be a finite number > 0"),
        (dict(dim=2, ambient=9, radius=-1.0), "radius must be a finite number > 0"),
        (dict(dim=0, ambient=9), "dim must be an integer >= 1"),
        (dict(dim=8, ambient=9), "ambient must be >= 10"),
    ],
)
def test_bad_spheres_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        manifolds.make("sphere", **arguments)
