"""Finite sets against mpmath sums over their atoms, and their blind mean against a plain quadrature over log sigma."""

import math

import mpmath as mp
import numpy as np
import pytest
import torch

import manifolds
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.laws.atoms import Atoms
from manifolds.special.blind_weights import BlindWeights
from manifolds.special.distances import Atlas


def _cloud(count, m, *labels):
    source = manifolds.stream(0, "cloud", count, m, *labels)
    weights = source.uniform(count) + 0.1
    return source.normal(count, m), weights / weights.sum()


def _reference(points, weights, u, sigma):
    """[log p, mean, trace, squared distance, W, variance of the squared distance] at 40 digits."""
    points = [[mp.mpf(v) for v in row] for row in points]
    u, sigma, m = [mp.mpf(v) for v in u], mp.mpf(sigma), len(u)
    square = [mp.fsum((a - b) ** 2 for a, b in zip(row, u)) for row in points]
    mass = [mp.mpf(w) * mp.exp(-s / (2 * sigma**2)) for w, s in zip(weights, square)]
    total = mp.fsum(mass)
    share = [v / total for v in mass]
    mean = [mp.fsum(p * row[j] for p, row in zip(share, points)) for j in range(m)]
    expected = mp.fdot(share, square)
    trace = mp.fsum(p * mp.fsum((a - b) ** 2 for a, b in zip(row, mean)) for p, row in zip(share, points))
    w = [mp.fsum(p * (s - expected) * row[j] for p, s, row in zip(share, square, points)) for j in range(m)]
    variance = mp.fsum(p * (s - expected) ** 2 for p, s in zip(share, square))
    return mp.log(total) - mp.mpf(m) / 2 * mp.log(2 * mp.pi * sigma**2), mean, trace, expected, w, variance


@pytest.mark.parametrize("m", [2, 12])
@pytest.mark.parametrize("sigma", [1e-3, 0.1, 0.13, 0.2, 0.4, 1.0, 30.0])
def test_atoms_equal_mpmath(m, sigma):
    points, weights = _cloud(40, m)
    law = manifolds.Law(Atoms(points, weights), m)
    u = points[3:4] + sigma * manifolds.stream(0, "atoms", m).normal(1, m)
    with mp.workdps(40):
        exact = _reference(points.tolist(), law.core.weights.tolist(), u[0].tolist(), sigma)
        log_p, mean, trace, square, w, variance = [
            [float(x) for x in v] if isinstance(v, list) else float(v) for v in exact
        ]
    assert law.log_marginal(u, sigma).item() == pytest.approx(log_p, rel=1e-10)
    assert law.denoise(u, sigma)[0].tolist() == pytest.approx(mean, rel=1e-9, abs=1e-10)
    assert law.posterior_trace(u, sigma).item() == pytest.approx(trace, rel=1e-8, abs=1e-250)
    assert law.squared_distance(u, sigma).item() == pytest.approx(square, rel=1e-9)
    assert law.distance_covariance(u, sigma)[0].tolist() == pytest.approx(w, rel=1e-8, abs=1e-10 * math.sqrt(variance))
    assert law.distance_variance(u, sigma).item() == pytest.approx(variance, rel=1e-8, abs=1e-250)


def test_distances_at_low_noise_keep_their_digits_far_from_the_origin_and_in_many_coordinates():
    """d = 4096, sigma = 1e-3, atoms 2 sigma apart at norm 64: an expansion in float32 is wrong by many sigma here."""
    source = manifolds.stream(0, "many coordinates")
    base = source.normal(1, 4096)
    points = base + torch.cat([torch.zeros(1, 4096, dtype=torch.float64), 2e-3 / 64 * source.normal(9, 4096)])
    law = manifolds.Law(Atoms(points), 4096)
    y = points[:3] + 1e-3 * source.normal(3, 4096)
    exact = []
    for row in y.tolist():
        square = [math.fsum((a - b) ** 2 for a, b in zip(row, p)) for p in points.tolist()]
        share = np.exp(-(np.array(square) - min(square)) / 2e-6)
        exact.append(share / share.sum() @ points.numpy())
    error = np.abs(law.denoise(y, 1e-3).numpy() - np.array(exact)).max()
    assert error < 1e-8 * 1e-3
    single = points.float().numpy(), y.float().numpy()
    square = (single[1] ** 2).sum(1)[:, None] + (single[0] ** 2).sum(1) - 2 * single[1] @ single[0].T
    share = np.exp(-(square - square.min(1, keepdims=True)) / 2e-6)
    wrong = (share / share.sum(1, keepdims=True)) @ points.numpy() - np.array(exact)
    assert np.linalg.norm(wrong, axis=1).max() > 0.1 * 1e-3  # the control: float32 loses the posterior


def _blind_by_quadrature(points, weights, u, rho2, prior, d):
    """Sum over atoms and a dense Gauss-Legendre grid of log sigma, split at the prior's knots."""
    x, w = np.polynomial.legendre.leggauss(24)
    knots = prior.knots.numpy()
    edges = np.unique(np.concatenate([np.linspace(a, b, 1500) for a, b in zip(knots[:-1], knots[1:])]))
    width = np.diff(edges)[:, None]
    s = (edges[:-1, None] + width * (x + 1) / 2).ravel()
    log_w = np.log((width * w / 2).ravel()) + prior.log_density(torch.from_numpy(np.exp(s))).numpy() + s
    square = ((points - u) ** 2).sum(axis=1) + rho2
    logs = (log_w - d * s)[:, None] - square * np.exp(-2 * s)[:, None] / 2 + np.log(weights)
    share = np.exp(logs - logs.max()).sum(axis=0)
    return share / share.sum() @ points


PRIORS = {
    "theory": NoisePrior.power(-3.0, 0.01, 10.0),
    "log-uniform": NoisePrior.power(-1.0, 0.01, 10.0),
    "flat": NoisePrior.power(0.0, 0.05, 2.0),
    "three pieces": NoisePrior.tabulated([0.02, 0.1, 0.5, 5.0], [0.0, 1.0, -2.0, -2.5]),
}


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("m, d", [(2, 2), (3, 40), (16, 64), (8, 3000)])
def test_blind_mean_equals_quadrature_over_the_noise_level(prior, m, d):
    points, weights = _cloud(60, m)
    law = manifolds.Law(Atoms(points, weights), d, reduced=True)
    source = manifolds.stream(0, "blind atoms", prior, m, d)
    levels = torch.tensor([0.03, 0.1, 0.3, 1.0, 2.0, 8.0], dtype=torch.float64)
    y = law.add_noise(law.sample(6, source), levels, source)
    found = BlindDenoiser(law, PRIORS[prior])(y)[:, :m].numpy()
    u, rho2 = law.space.split(y)
    exact = [
        _blind_by_quadrature(points.numpy(), weights.numpy(), a, b, PRIORS[prior], d)
        for a, b in zip(u.numpy(), rho2.numpy())
    ]
    assert np.abs(found - np.array(exact)).max() < 1e-9


def test_blind_mean_does_not_depend_on_what_else_is_in_the_batch():
    points, weights = _cloud(30, 3)
    law = manifolds.Law(Atoms(points, weights), 10**5, reduced=True)
    source = manifolds.stream(0, "blind batch")
    levels = torch.logspace(-2, 1, 9, dtype=torch.float64)
    y = law.add_noise(law.sample(9, source), levels, source)
    f = BlindDenoiser(law, PRIORS["log-uniform"])
    alone = torch.cat([f(row[None]) for row in y])
    assert torch.allclose(f(y), alone, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("d", [1000, 10**6, 10**9])
def test_blind_weights_keep_their_digits_where_the_prior_cuts_the_peak(d):
    """Rows at and around the prior's low end, and one far from it, in one batch; h(S) by mpmath, 40 digits, in
    differences."""
    gaps, scores = [0.0, 3e-4, 2e-3], [-6.0, -1.0, 0.0, 2.0, 300.0]
    # on a grid of binary fractions, so that the sum below is exact
    base = [round(d * 4e-4 * max(1 + z * math.sqrt(2 / d), 0.1) * 2**20) / 2**20 for z in scores]
    square, gap = torch.tensor(base, dtype=torch.float64), torch.tensor(gaps, dtype=torch.float64).repeat(len(base), 1)
    weigher = BlindWeights(NoisePrior.power(-3.0, 0.02, 20.0), d)
    found, _ = weigher.shares(square, gap, torch.zeros(3, dtype=torch.float64))
    with mp.workdps(40):
        for row, start in zip(found.tolist(), base):
            logs = [_log_blind_integral(mp.mpf(start) + mp.mpf(gap), d) for gap in gaps]
            exact = [mp.exp(value - max(logs)) for value in logs]
            assert max(abs(a - float(b / sum(exact))) for a, b in zip(row, exact)) < 1e-9


def _log_blind_integral(square, d):
    """log int sigma^(-3-d) exp(-S/(2 sigma^2)) d sigma over [.02, 20]."""
    low, high = mp.log(mp.mpf(0.02)), mp.log(20)

    def exponent(s):
        return (-2 - d) * s - square / 2 * mp.exp(-2 * s)

    peak = min(max(mp.log(square / (d + 2)) / 2, low), high)
    reach = 14 / mp.sqrt(2 * d)
    ends = [max(low, peak - reach) + (min(high, peak + reach) - max(low, peak - reach)) * i / 12 for i in range(13)]
    top = exponent(peak)
    return top + mp.log(mp.quad(lambda s: mp.exp(exponent(s) - top), ends))


@pytest.mark.parametrize("m", [3, 12])
@pytest.mark.parametrize("far", [1e3, 1e5, 1e8, 1e12, 1e16, 1e100])
def test_far_from_all_atoms_two_that_are_nearly_as_far_keep_their_weights(m, far):
    """Conditional and blind means against 300 digits; the direction is orthogonal to the gap of two atoms up to
    rounding."""
    points, weights = _cloud(8, m)
    gap = points[1] - points[0]
    direction = points[0] + points[1]  # these two are the nearest, in this direction
    direction = direction - (direction @ gap) / (gap @ gap) * gap
    points[2:] *= 0.1
    y = (far * direction / direction.norm() + 0.3 * gap)[None]
    law = manifolds.Law(Atoms(points, weights), m)
    low, high, exponent = 0.2, 10.0, -1.0
    with mp.workdps(300):
        exactly = [[mp.mpf(v) for v in row] for row in points.tolist()]
        square = [sum((a - mp.mpf(b)) ** 2 for a, b in zip(row, y[0].tolist())) for row in exactly]
        a = (m - 1 - mp.mpf(exponent)) / 2
        # int_low^high sigma^(e - m) exp(-S/(2 sigma^2)) d sigma is 2^(A-1) S^-A Gamma(A; S/(2 high^2), S/(2 low^2))
        blind = [s**-a * mp.gammainc(a, s / (2 * mp.mpf(high) ** 2), s / (2 * mp.mpf(low) ** 2)) for s in square]
        told = [mp.exp(-(s - min(square)) / (2 * mp.mpf(high) ** 2)) for s in square]

        def mean(mass):
            mass = [mp.mpf(w) * v for w, v in zip(weights.tolist(), mass)]
            return torch.tensor(
                [float(sum(v * row[i] for v, row in zip(mass, exactly)) / sum(mass)) for i in range(m)],
                dtype=torch.float64,
            )

        blind, told = mean(blind), mean(told)
    # a rounding of y itself turns the weights by eps |y| |gap|/sigma^2
    tolerance = 1e-9 + 4e-16 * far * float(gap.norm()) / high**2
    if tolerance < 0.1:
        assert float((law.denoise(y, high)[0] - told).norm()) < tolerance
        assert float((BlindDenoiser(law, NoisePrior.power(exponent, low, high))(y)[0] - blind).norm()) < tolerance
    else:  # the digits of y no longer tell the two apart, but from all others
        for found in (law.denoise(y, high)[0], BlindDenoiser(law, NoisePrior.power(exponent, low, high))(y)[0]):
            along = float((found - points[0]) @ gap / (gap @ gap))
            assert 0.0 <= along <= 1.0 and torch.allclose(found, points[0] + along * gap, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("exponent, beyond", [(-1.0, 1.01), (-1.0, 3.0), (2.0, 1.01)])
@pytest.mark.parametrize("dim", [6, 100, 2000])
def test_blind_weights_where_the_rule_beyond_the_prior_s_top_takes_over(dim, exponent, beyond):
    """Two atoms whose log weights differ by up to 30, from where p^2/q passes its limit; h by mpmath's incomplete gamma
    function."""
    low, high = 0.05, 7.0
    weigher = BlindWeights(NoisePrior.power(exponent, low, high), dim)
    a = (dim - 1 - exponent) / 2
    limit = 500.0 * beyond  # (q - A)^2 = limit q
    q = a + 0.5 * limit + math.sqrt(a * limit + 0.25 * limit**2)
    square = torch.full((4,), 2.0 * high**2 * q, dtype=torch.float64)
    gap = 2.0 * high**2 * torch.tensor([0.01, 1.0, 10.0, 30.0], dtype=torch.float64)
    assert bool(weigher._far(square).all())
    assert beyond > 1.01 or not bool(weigher._far(0.9 * square).any())
    share, _ = weigher.shares(square, torch.stack([0.0 * gap, gap], dim=1), torch.zeros(2, dtype=torch.float64))
    with mp.workdps(40):

        def h(s):
            return -mp.mpf(a) * mp.log(s) + mp.log(mp.gammainc(a, s / (2 * mp.mpf(high) ** 2)))

        exact = [float(mp.exp(h(mp.mpf(s) + mp.mpf(g)) - h(mp.mpf(s)))) for s, g in zip(square.tolist(), gap.tolist())]
    assert torch.allclose(share[:, 1] / share[:, 0], torch.tensor(exact, dtype=torch.float64), rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("m", [2, 9])
@pytest.mark.parametrize("far", [0.3, 1.0, 30.0])
def test_no_excess_is_above_the_bound_that_is_given_with_it(m, far):
    """Opposite atoms and a point on their line: their squared distances differ by 4 r |u|, as much as two can."""
    axis = torch.zeros(2, m, dtype=torch.float64)
    axis[:, 0] = torch.tensor([1.0, -1.0])
    atlas, one = Atlas(axis), torch.ones(1, dtype=torch.float64)
    least, gap, most = atlas.nearest_and_gaps(far * axis[:1], one, one)
    assert least[0] == pytest.approx((far - 1.0) ** 2, abs=1e-12) and float(gap.max()) == pytest.approx(4.0 * far)
    assert float(gap.max()) <= most <= 4.0 * far + 2.0 + 1e-9


def test_random_code_has_e_to_the_k_points_on_its_sphere_and_fixed_geometry():
    law = manifolds.make("random_code", dim=3, ambient=100, radius=2.0, block=40)
    points = law.core.points
    assert points.shape == (20, 40) and torch.allclose(points.norm(dim=1), torch.full((20,), 2.0, dtype=torch.float64))
    assert torch.equal(points, manifolds.make("random_code", dim=3, ambient=100, radius=2.0, block=40).core.points)
    assert not torch.equal(
        points, manifolds.make("random_code", dim=3, ambient=100, radius=2.0, block=40, geometry_seed=1).core.points
    )
    low, high = law.log_covering_number(0.1)
    assert low == high == pytest.approx(math.log(20))


def test_covering_bounds_of_a_grid_hold_for_the_exact_number():
    """100 points on a line, 1 apart: balls of radius 2.5 hold at most 6 of them, so 17 are needed and suffice."""
    line = torch.arange(100, dtype=torch.float64)[:, None]
    low, high = Atoms(line).log_covering_number(2.5)
    assert low <= math.log(17) <= high <= math.log(60)


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: Atoms([[1.0, 2.0]], [0.5]), "weights must be positive and sum to one"),
        (lambda: Atoms([[1.0], [2.0]], [0.5, 0.3, 0.2]), "weights must be a list of 2 probabilities"),
        (lambda: Atoms([1.0, 2.0]), "points must be a finite array of shape"),
        (lambda: Atoms([[1.0, math.nan]]), "points must be a finite array of shape"),
        (lambda: manifolds.make("random_code", dim=12, ambient=200), "dim must be at most 11"),
        (lambda: manifolds.make("random_code", dim=2, ambient=15), "ambient must be >= 16"),
        (lambda: manifolds.make("random_code", dim=2, ambient=20, radius=-1.0), "radius must be a finite number > 0"),
    ],
)
def test_bad_atoms_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("dim", [3, 40, 2000])
def test_blind_weights_where_an_end_of_the_prior_is_felt_and_where_none_is(dim):
    """Two atoms, the second farther by a few posterior widths: their weights' ratio by mpmath's incomplete gamma
    function."""
    mp.mp.dps = 40
    low, high, exponent = 0.05, 7.0, -1.0
    weigher = BlindWeights(NoisePrior.power(exponent, low, high), dim)
    a = (dim - 1 - exponent) / 2
    ends = [2 * a * low**2, 2 * a * high**2]
    # far below, at, just above and far above either end, and between
    square = torch.tensor(
        [c * ends[0] for c in (0.3, 1.0, 1.2, 2.0)]
        + [(ends[0] * ends[1]) ** 0.5]
        + [c * ends[1] for c in (0.4, 0.9, 2.0)],
        dtype=torch.float64,
    )
    farther = square * (1.0 + 2.0 / a)
    share, _ = weigher.shares(
        square,
        torch.stack([0.0 * square, farther - square], dim=1),
        torch.tensor([0.3, 0.7], dtype=torch.float64).log(),
    )

    def h(s):
        s = mp.mpf(s)
        return -a * mp.log(s) + mp.log(mp.gammainc(a, s / (2 * mp.mpf(high) ** 2), s / (2 * mp.mpf(low) ** 2)))

    exact = [
        float(mp.mpf("0.7") / mp.mpf("0.3") * mp.exp(h(f) - h(s))) for s, f in zip(square.tolist(), farther.tolist())
    ]
    assert torch.allclose(share[:, 1] / share[:, 0], torch.tensor(exact, dtype=torch.float64), rtol=1e-8)
    free = weigher._free
    assert dim < 40 or bool(((square.log() > free[0]) & (farther.log() < free[1])).any()), "no row that needs no table"
    assert not bool(((square.log() > free[0]) & (farther.log() < free[1])).all())
