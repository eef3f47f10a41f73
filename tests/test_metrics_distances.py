"""Line, radial, sliced and Gaussian distances against closed forms, POT, scipy and torch."""

import math
import zlib

import numpy as np
import ot
import pytest
import torch
from scipy import integrate, stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from analysis.metrics import gaussian as G
from analysis.metrics import sliced, twosample


def rng(*labels):
    return np.random.default_rng(zlib.crc32(repr(labels).encode()))


@pytest.mark.parametrize("sizes", [(40, 40), (30, 47), (12, 36), (1, 9)])
def test_line_distance_is_pots_and_scipys(sizes):
    x, y = (rng("line", sizes, i).standard_normal(n) * (1 + i) for i, n in enumerate(sizes))
    assert np.isclose(sliced.wasserstein_line(x, y, 2), math.sqrt(ot.emd2_1d(x, y)), rtol=1e-10, atol=0)
    assert np.isclose(
        sliced.wasserstein_line(torch.tensor(x), y, 1), stats.wasserstein_distance(x, y), rtol=1e-10, atol=0
    )


@pytest.mark.parametrize("n", [1, 2, 25])
def test_distance_to_a_quantile_function_by_adaptive_quadrature(n):
    x = np.sort(rng("quantile", n).standard_normal(n))

    def gap(q, point):
        return (point - stats.norm.ppf(q)) ** 2

    total = sum(integrate.quad(gap, i / n, (i + 1) / n, args=(x[i],), epsabs=1e-10, limit=400)[0] for i in range(n))
    assert np.isclose(sliced.wasserstein_to_quantile(x, stats.norm.ppf), math.sqrt(total), rtol=1e-6, atol=0)
    assert np.isclose(sliced.wasserstein_to_quantile([0.0], stats.norm.ppf), 1.0, rtol=1e-6, atol=0)


def test_radial_distance_is_the_line_distance():
    radii = rng("radii").random(40)
    found = sliced.radial_distance(radii, stats.norm.ppf, rng("any"), p=1, repeats=2)
    assert np.isclose(found.value, sliced.wasserstein_to_quantile(radii, stats.norm.ppf, p=1), rtol=1e-12, atol=0)


def test_radial_distance_sees_a_5_percent_scale_error_and_not_the_truth():
    law = stats.chi(8)
    wrong = sliced.radial_distance(1.05 * law.rvs(1000, random_state=rng("radial")), law.ppf, rng("radial floor"))
    assert wrong.value > 2 * wrong.floor_95
    assert 0.6 * 0.05 * math.sqrt(8) < wrong.value < 1.6 * 0.05 * math.sqrt(8)  # W2 of c R and R is |c-1| (E R^2)^{1/2}
    generator = rng("radial null")
    above = sum(
        (lambda d: d.value > d.floor_95)(
            sliced.radial_distance(law.rvs(200, random_state=generator), law.ppf, generator, repeats=39)
        )
        for _ in range(120)
    )
    assert above <= stats.binom.ppf(0.9995, 120, 0.07)  # 39 draws: the 95 % quantile is itself random


def test_ks_tests_are_scipys():
    x, y = rng("ks").standard_normal(80), rng("ks", 2).standard_normal(90) + 1
    assert twosample.ks_to_law(x, stats.norm.cdf).p_value == stats.kstest(x, "norm").pvalue > 0.01
    assert twosample.ks_two_samples(x, y).p_value == stats.ks_2samp(x, y).pvalue < 1e-4


def test_sliced_distance_of_a_translation_is_exact_in_each_direction():
    x, shift = rng("sliced").standard_normal((50, 6)), np.array([1.0, 0, 2, 0, 0, 2])
    found = sliced.sliced_wasserstein(x, x + shift, rng("sliced theta"), count=400)
    theta = sliced.directions(6, 400, rng("sliced theta"))
    assert np.allclose(found.per_direction, np.abs(shift @ theta), atol=1e-12)
    assert found.low <= math.sqrt(9 / 6) <= found.high  # E <theta, v>^2 = |v|^2/d


@pytest.mark.parametrize("m, p", [(60, 2), (60, 1), (45, 2)])
def test_sliced_distance_is_pots_on_the_same_directions(m, p):
    x, y = rng("pot", m).standard_normal((60, 5)), 1.3 * rng("pot", m, 2).standard_normal((m, 5))
    theta = sliced.directions(5, 30, rng("theta"))
    found = sliced.sliced_wasserstein(x, y, rng("theta"), p=p, count=30)
    assert np.isclose(found.value, ot.sliced_wasserstein_distance(x, y, projections=theta, p=p), rtol=1e-9, atol=0)


def test_core_coordinates_may_be_selected():
    x, y = rng("core").standard_normal((40, 7)), rng("core", 2).standard_normal((40, 7))
    chosen = sliced.sliced_wasserstein(x, y, rng("t"), coordinates=slice(0, 3))
    assert np.isclose(chosen.value, sliced.sliced_wasserstein(x[:, :3], y[:, :3], rng("t")).value, rtol=1e-13, atol=0)


def test_sliced_excess_of_a_scale_error():
    x, truth, other = (rng("floor", i).standard_normal((8000, 4)) for i in (1, 2, 3))
    wrong = sliced.sliced_with_floor(1.1 * x, truth, other, rng("t"))
    # W2 between c N(0,1) and N(0,1) is |c-1|
    assert (
        wrong.excess_low > 0
        and wrong.excess_low <= 0.1 <= wrong.excess_high
        and np.isclose(wrong.excess, 0.1, atol=0.02)
    )
    assert wrong.distance.value > 2 * wrong.floor.value


def test_sliced_excess_of_the_truth_keeps_its_level():
    generator, false = rng("sliced null"), 0
    for _ in range(400):
        x, truth, other = generator.standard_normal((3, 200, 4))
        false += sliced.sliced_with_floor(x, truth, other, generator, count=24).excess_low > 0
    assert false <= stats.binom.ppf(0.9995, 400, 0.025)


def test_sliced_floor_is_the_distance_of_the_truth():
    x, truth, other = rng("three").standard_normal((3, 90, 4))
    found = sliced.sliced_with_floor(x, truth[:70], other, rng("t"), p=1)
    for value, sample in ((found.distance, x), (found.floor, other)):
        assert np.isclose(
            value.value, sliced.sliced_wasserstein(sample, truth[:70], rng("t"), p=1).value, rtol=1e-13, atol=0
        )


def _covariance(d, label):
    a = rng(label).standard_normal((d, d + 2))
    return a @ a.T / d


def test_gaussian_kl_and_w2_against_torch_and_pot():
    p, q = _covariance(5, "p"), _covariance(5, "q")
    m, n = rng("means").standard_normal((2, 5))
    normals = [
        torch.distributions.MultivariateNormal(torch.tensor(mean), torch.tensor(cov)) for mean, cov in ((m, p), (n, q))
    ]
    reference = torch.distributions.kl_divergence(*normals).item()
    assert np.isclose(G.gaussian_kl(m, p, n, q), reference, rtol=1e-9, atol=0)
    assert np.isclose(G.gaussian_w2(m, p, n, q), ot.gaussian.bures_wasserstein_distance(m, n, p, q), rtol=1e-7, atol=0)


def test_subspace_laws_of_any_rank():
    basis = np.linalg.qr(rng("basis").standard_normal((30, 4)))[0]
    p, q = _covariance(4, "p"), _covariance(4, "q")

    def lift(c):
        return basis @ c @ basis.T

    zero = np.zeros(30)
    assert np.isclose(
        G.gaussian_w2(zero, lift(p), zero, lift(q)), G.gaussian_w2(zero[:4], p, zero[:4], q), rtol=1e-9, atol=0
    )
    assert np.isclose(
        G.gaussian_kl(zero, lift(p), zero, lift(q)), G.gaussian_kl(zero[:4], p, zero[:4], q), rtol=1e-8, atol=0
    )
    assert G.gaussian_kl(zero, lift(p), zero, np.eye(30)) == math.inf
    assert G.gaussian_kl(zero, lift(p), zero + 1, lift(p)) == math.inf
    assert np.isclose(
        G.bures_from_factors(basis[:, :1], 3 * basis[:, 1:2]), 10.0, rtol=1e-12, atol=0
    )  # orthogonal lines: 1 + 9
    with pytest.raises(ValueError, match="positive semi-definite"):
        G.factor(np.diag([1.0, -1.0]))


def test_scale_error_of_5_percent_is_seen_by_moments_and_not_by_a_classifier():
    n, k = 1000, 8
    truth, wrong = rng("truth").standard_normal((n, k)), 1.05 * rng("wrong").standard_normal((n, k))
    for found in (G.scale_ratio(wrong, np.eye(k)), G.second_moment_ratio(wrong, k)):
        assert found.low > 1.0 and found.contains(1.05**2)
    assert G.scale_ratio(truth, np.eye(k)).contains(1.0)
    x, label = np.concatenate([truth, wrong]), np.repeat([0, 1], n)
    for classifier in (KNeighborsClassifier(15), RandomForestClassifier(60, random_state=0)):
        correct = int((cross_val_predict(classifier, x, label, cv=5) == label).sum())
        assert stats.binomtest(correct, 2 * n).pvalue > 0.01


def test_scale_ratio_covers_and_ignores_other_directions():
    covariance = np.diag([4.0, 1.0, 0.0])
    generator, hits = rng("scale"), 0
    for _ in range(1000):
        x = generator.standard_normal((300, 3)) * [2.0, 1.0, 5.0]
        hits += G.scale_ratio(x, covariance).contains(1.0)
    low, high = stats.binom.interval(0.999, 1000, 0.95)
    assert low <= hits <= high


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_mean_error_covers_with_and_without_an_error(shift):
    generator, hits, true = rng("mean error", shift), 0, np.zeros(6)
    for _ in range(1000):
        x = generator.standard_normal((200, 6))
        x[:, 0] += shift
        hits += G.mean_error_squared(x, true).contains(shift**2)
    low, high = stats.binom.interval(0.9999, 1000, 0.95)
    assert low <= hits <= high


def test_mean_error_in_more_dimensions_than_points_uses_the_small_gram():
    x = rng("wide").standard_normal((20, 60)) + 1.0
    a = G.mean_error_squared(x, np.zeros(60))
    b = G.mean_error_squared(np.hstack([x, np.zeros((20, 1))]), np.zeros(61))
    e, s = x.mean(axis=0), np.cov(x.T)
    assert np.isclose(a.value, e @ e - np.trace(s) / 20, rtol=1e-12, atol=0) and np.isclose(
        a.low, b.low, rtol=1e-12, atol=0
    )

    def spread(error):
        return math.sqrt(2 * np.sum(s**2) / (20 * 19) + 4 * error * (e @ s @ e) / (e @ e) / 20)

    for end in (a.low, a.high):
        assert np.isclose(abs(a.value - end), stats.norm.ppf(0.975) * spread(end), rtol=1e-9, atol=0)


def test_variance_ratios_find_the_wrong_axis():
    covariance = np.diag([9.0, 0.0, 1.0])
    x = rng("axes").standard_normal((4000, 3)) * [3.0, 2.0, 1.1]
    first, second = G.variance_ratios(x, covariance)
    assert first.contains(1.0) and second.contains(1.21) and second.low > 1.1


@pytest.mark.parametrize("n", [1, 2, 7, 300])
def test_quantile_cells_cover_the_unit_interval_and_name_the_point_below(n):
    levels, weights, cell = sliced.quantile_cells(n)
    assert np.isclose(weights.sum(), 1.0, rtol=1e-13, atol=0) and levels.min() > 0 and levels.max() < 1
    inside = levels * n - cell[:, None]
    assert inside.min() > -1e-12 and inside.max() < 1 + 1e-12
    assert sorted(set(cell)) == list(range(n))
    # the two ends are refined to 4^-12 of a cell
    assert np.isclose(
        levels.min() * max(n, 2), 4.0**-12 * (1 + np.polynomial.legendre.leggauss(8)[0][0]) / 2, rtol=1e-9, atol=0
    )
