"""Schedules against independent quadrature and closed forms."""

import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from analysis.samplers import Schedule
from analysis.samplers.grids import tangent_scale

MAKERS = {
    "geometric": Schedule.proportional,
    "karras": Schedule.karras,
    "cosine": Schedule.cosine,
}


def integral(function, low, high):
    value, _ = quad(function, low, high, epsabs=0, epsrel=1e-13, limit=200)
    return value


@pytest.mark.parametrize("grid", sorted(MAKERS))
@pytest.mark.parametrize("a", [0.2, 0.5, 0.8])
def test_step_integrals_equal_adaptive_quadrature(grid, a):
    schedule = MAKERS[grid](5.0, 0.02, a=a, steps=7)
    t = schedule.t.tolist()

    def rate(s):
        return a * 25.0 * math.exp(-2 * (1 - a) * s)

    for i in range(7):
        low, high = t[i], t[i + 1]
        ou = integral(lambda s, high=high: 2 * rate(s) * math.exp(-2 * (high - s)), low, high)
        plain = integral(lambda s: 2 * rate(s), low, high)
        weight = integral(lambda s: 1 / (4 * rate(s)), low, high)
        level = integral(lambda s: rate(s) / a, low, high)
        assert float(schedule.ou_variance[i]) == pytest.approx(ou, rel=1e-11)
        assert float(schedule.plain_variance[i]) == pytest.approx(plain, rel=1e-11)
        assert float(schedule.kl_weights[i]) == pytest.approx(weight, rel=1e-11)
        assert float(schedule.level_variance_integral[i]) == pytest.approx(level, rel=1e-11)
        consistent = float(schedule.sigma[i + 1]) ** 2 - math.exp(-2 * (high - low)) * float(schedule.sigma[i]) ** 2
        assert ou == pytest.approx(consistent, rel=1e-10)


def test_horizon_and_total_weight_have_the_closed_forms():
    schedule = Schedule.proportional(sigma_start=10.0, sigma_end=0.01, a=0.3, steps=64)
    assert schedule.horizon == pytest.approx(math.log(1000) / 0.7, rel=1e-14)
    assert pytest.approx((1e4 - 1e-2) / (2 * 0.3 * 0.7), rel=1e-12) == schedule.A_T
    torch.testing.assert_close(
        schedule.h, torch.full((64,), schedule.horizon / 64, dtype=torch.float64), rtol=1e-12, atol=0
    )


def test_no_injection_has_infinite_weights_and_no_noise():
    schedule = Schedule.proportional(3.0, 0.1, a=0.0, steps=5)
    assert torch.isinf(schedule.kl_weights).all()
    assert schedule.ou_variance.tolist() == schedule.plain_variance.tolist() == [0.0] * 5
    assert math.inf == schedule.A_T


def test_karras_and_cosine_levels_are_equally_spaced_in_their_own_variable():
    karras = np.asarray(Schedule.karras(80.0, 0.002, steps=18).sigma) ** (1 / 7)
    assert np.ptp(np.diff(karras)) <= 1e-12
    cosine = np.arctan(np.asarray(Schedule.cosine(4.0, 0.05, steps=12, scale=2.0).sigma) / 2.0)
    assert np.ptp(np.diff(cosine)) <= 1e-12
    for schedule in (Schedule.karras(80.0, 0.002, steps=18), Schedule.cosine(80.0, 0.002, steps=18)):
        assert (schedule.sigma_start, schedule.sigma_end) == (80.0, 0.002)


def test_constant_step_keeps_the_stated_h_and_lands_on_the_last_level():
    schedule = Schedule.constant_step(h=0.5, a=0.5, sigma_start=10.0, sigma_end=0.01)
    assert schedule.steps == 28  # T / h = 27.63
    torch.testing.assert_close(schedule.h[:-1], torch.full((27,), 0.5, dtype=torch.float64), rtol=1e-12, atol=0)
    assert float(schedule.h[-1]) == pytest.approx(2 * math.log(1000) - 13.5, rel=1e-10)
    assert schedule.sigma_end == 0.01
    whole = Schedule.constant_step(h=math.log(100) / 8, a=0.0, sigma_start=1.0, sigma_end=0.01)
    assert whole.steps == 8


@pytest.mark.parametrize("q", [0.5, 1.0, 3.0])
def test_injection_given_as_a_function_solves_the_implicit_schedule(q):
    """a_t = b e^{-qt}: sigma_t^2 = s0^2 e^{-2t} + 2 b (e^{-qt} - e^{-2t}) / (2 - q)."""
    b, start = 0.7, 3.0

    def variance(t):
        return start**2 * math.exp(-2 * t) + 2 * b * (math.exp(-q * t) - math.exp(-2 * t)) / (2 - q)

    schedule = Schedule.from_injection(lambda t: b * torch.exp(-q * t), start, horizon=5.0, steps=13)
    expected = [math.sqrt(variance(t)) for t in schedule.t.tolist()]
    torch.testing.assert_close(schedule.sigma, torch.tensor(expected, dtype=torch.float64), rtol=2e-14, atol=0)
    between = torch.tensor([[0.0, 0.123], [2.22, 5.0]], dtype=torch.float64)
    expected = [[math.sqrt(variance(float(t))) for t in row] for row in between]
    torch.testing.assert_close(schedule.level(between), torch.tensor(expected, dtype=torch.float64), rtol=2e-14, atol=0)
    weights = [
        (math.exp(q * v) - math.exp(q * u)) / (4 * b * q)
        for u, v in zip(schedule.t[:-1].tolist(), schedule.t[1:].tolist())
    ]
    torch.testing.assert_close(schedule.kl_weights, torch.tensor(weights, dtype=torch.float64), rtol=1e-12, atol=0)


def test_a_function_of_one_number_is_as_good_as_one_of_tensors():
    scalar = Schedule.from_injection(lambda t: 0.3 * math.exp(-t), 2.0, 3.0, 6)
    vector = Schedule.from_injection(lambda t: 0.3 * torch.exp(-t), 2.0, 3.0, 6)
    torch.testing.assert_close(scalar.sigma, vector.sigma, rtol=1e-15, atol=0)
    constant = Schedule.from_injection(lambda t: 0.25, 2.0, 3.0, 6)
    expected = torch.sqrt(0.25 + (4 - 0.25) * torch.exp(-2 * constant.t))
    torch.testing.assert_close(constant.sigma, expected, rtol=1e-14, atol=0)


@settings(max_examples=25, deadline=None)
@given(a=st.just(0.0) | st.floats(1e-6, 0.9), span=st.floats(0.5, 8), steps=st.integers(1, 12))
def test_proportional_injection_given_as_a_function_is_the_closed_form(a, span, steps):
    closed = Schedule.proportional(2.0, 2.0 * math.exp(-span), a=a, steps=steps)
    general = Schedule.from_injection(lambda t: a * 4.0 * torch.exp(-2 * (1 - a) * t), 2.0, closed.horizon, steps)
    torch.testing.assert_close(general.sigma, closed.sigma, rtol=1e-12, atol=0)
    torch.testing.assert_close(general.ou_variance, closed.ou_variance, rtol=1e-10, atol=0)
    torch.testing.assert_close(general.a(general.t), closed.a(closed.t), rtol=1e-11, atol=0)


@pytest.mark.parametrize(
    "schedule",
    [Schedule.karras(5.0, 0.05, a=0.3, steps=6), Schedule.from_injection(lambda t: 1 / (1 + t) ** 2, 2.0, 4.0, 6)],
)
def test_refined_steps_add_up_to_the_coarse_ones(schedule):
    fine = schedule.refine(5)
    assert torch.equal(fine.sigma[::5], schedule.sigma)
    torch.testing.assert_close(fine.t[::5], schedule.t, rtol=1e-14, atol=1e-14)
    decay = torch.exp(-2 * (schedule.t[1:].repeat_interleave(5) - fine.t[1:]))
    torch.testing.assert_close(
        (decay * fine.ou_variance).reshape(6, 5).sum(1), schedule.ou_variance, rtol=1e-11, atol=0
    )
    torch.testing.assert_close(fine.plain_variance.reshape(6, 5).sum(1), schedule.plain_variance, rtol=1e-11, atol=0)
    torch.testing.assert_close(fine.kl_weights.reshape(6, 5).sum(1), schedule.kl_weights, rtol=1e-10, atol=0)


def test_a_window_keeps_the_clock_and_the_integrals():
    schedule = Schedule.from_injection(lambda t: 1 / (1 + t) ** 2, 2.0, 4.0, 6)
    part = schedule.window(2, 5)
    assert torch.equal(part.t, schedule.t[2:6]) and torch.equal(part.sigma, schedule.sigma[2:6])
    torch.testing.assert_close(part.kl_weights, schedule.kl_weights[2:5], rtol=1e-15, atol=0)
    middle = (schedule.t[3] + schedule.t[4]) / 2
    torch.testing.assert_close(part.level(middle), schedule.level(middle), rtol=1e-15, atol=0)
    with pytest.raises(ValueError, match="t must"):
        part.level(0.0)


def test_decreasing_injection_below_the_start_makes_levels_decrease():
    """Lemmas 3.3 and 3.4 of the paper, and that a larger start injection breaks the first."""
    good = Schedule.from_injection(lambda t: 4.0 / (1 + t) ** 4, sigma_start=2.0, horizon=30.0, steps=60)
    assert bool((good.sigma.diff() < 0).all()) and good.sigma_end < 0.01
    bad = Schedule.from_injection(lambda t: 8.0 / (1 + t), sigma_start=2.0, horizon=3.0, steps=60)
    assert float(bad.sigma.max()) > 2.01


def test_schedule_cannot_be_changed_and_survives_pickling():
    schedule = Schedule.karras(5.0, 0.05, a=0.3, steps=6)
    with pytest.raises(AttributeError, match="immutable"):
        schedule.steps = 3
    schedule.sigma.zero_()
    assert schedule.sigma_start == 5.0
    copy = pickle.loads(pickle.dumps(schedule))
    assert torch.equal(copy.sigma, schedule.sigma) and torch.equal(copy.ou_variance, schedule.ou_variance)


BAD = [
    (lambda: Schedule.proportional(1.0, 1.0, 0.5, 4), "sigma_end"),
    (lambda: Schedule.proportional(1.0, 2.0, 0.5, 4), "sigma_end"),
    (lambda: Schedule.proportional(math.nan, 0.1, 0.5, 4), "sigma_start"),
    (lambda: Schedule.proportional(math.inf, 0.1, 0.5, 4), "sigma_start"),
    (lambda: Schedule.proportional(1.0, 0.0, 0.5, 4), "sigma_end"),
    (lambda: Schedule.proportional("1", 0.1, 0.5, 4), "sigma_start"),
    (lambda: Schedule.proportional(1.0, 0.1, 1.0, 4), "a must"),
    (lambda: Schedule.proportional(1.0, 0.1, -0.1, 4), "a must"),
    (lambda: Schedule.proportional(1.0, 0.1, math.nan, 4), "a must"),
    (lambda: Schedule.proportional(1.0, 0.1, 0.5, 0), "steps"),
    (lambda: Schedule.proportional(1.0, 0.1, 0.5, 2.5), "steps"),
    (lambda: Schedule.karras(1.0, 0.1, 0.5, 4, rho=0), "rho"),
    (lambda: Schedule.cosine(1.0, 0.1, 0.5, 4, scale=-1), "scale"),
    (lambda: Schedule.tangent(1.0, 0.1, scales=[]), "scales"),
    (lambda: Schedule.tangent(1.0, 0.1, scales=[1.0, -1.0]), "scales"),
    (lambda: Schedule.las(1.0, 0.1, mmse=([0.1, 1.0], [0.1])), "mmse must be"),
    (lambda: Schedule.las(1.0, 0.1, mmse=([1.0, 0.1], [0.1, 0.2])), "increasing"),
    (lambda: Schedule.las(0.1, 1.0, mmse=gaussian_mmse), "sigma_end"),
    (lambda: Schedule.optimal(1.0, 0.1, steps=0, mmse=gaussian_mmse), "steps"),
    (lambda: Schedule.from_levels([1.0, 1.0, 0.5]), "levels"),
    (lambda: Schedule.from_levels([1.0]), "levels"),
    (lambda: Schedule.from_levels([1.0, math.nan]), "levels"),
    (lambda: Schedule.constant_step(0.0, 0.5, 1.0, 0.1), "h must"),
    (lambda: Schedule.from_injection(lambda t: -1.0, 1.0, 1.0, 4), "a_t"),
    (lambda: Schedule.from_injection(lambda t: math.nan, 1.0, 1.0, 4), "a_t"),
    (lambda: Schedule.from_injection(lambda t: (t < 0.33333).double(), 1.0, 1.0, 4), "smooth"),
    (lambda: Schedule.from_injection(lambda t: 1.0, 1.0, 0.0, 4), "horizon"),
    (lambda: Schedule.from_injection(lambda t: 1.0, -1.0, 1.0, 4), "sigma_start"),
    (lambda: Schedule.proportional(1.0, 0.1).refine(0), "factor"),
    (lambda: Schedule.proportional(1.0, 0.1).level(-1.0), "t must"),
    (lambda: Schedule.proportional(1.0, 0.1, steps=4).window(3, 3), "first and last"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_arguments_are_named_in_one_line(number):
    make, word = BAD[number]
    with pytest.raises(ValueError, match=word) as caught:
        make()
    assert "\n" not in str(caught.value)


def gauss(rate, panels):
    """int dt / (4 a_t) over [0, 1] by 16 Gauss nodes a panel, in numpy."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    edges = np.linspace(0, 1, panels + 1)
    t = (edges[:-1, None] + np.diff(edges)[:, None] * (nodes + 1) / 2).ravel()
    return float((np.tile(weights, panels) / 2 / panels / (4 * rate(t))).sum())


@pytest.mark.parametrize(("width", "settles"), [(0.4, True), (0.36, False)])
def test_a_kl_weight_is_given_only_where_two_rules_agree_to_1e_10(width, settles):
    """a_t with a dip: the two variances settle at once (a polynomial), the KL weight only where the dip is wide."""

    def rate(t):
        return width**2 + (t - 0.4) ** 2

    change = abs(gauss(rate, 1) / gauss(rate, 2) - 1)
    assert (change < 1e-10) == settles and 1e-11 < change < 1e-9
    weight = float(Schedule.from_injection(rate, 2.0, 1.0, 1).kl_weights)
    exact = (math.atan(0.6 / width) + math.atan(0.4 / width)) / (4 * width)
    assert weight == (pytest.approx(exact, rel=1e-10) if settles else math.inf)


def test_an_injection_that_reaches_zero_has_an_infinite_kl_weight():
    schedule = Schedule.from_injection(lambda t: 1.0 - t, 2.0, 1.0, 4)
    assert [math.isinf(w) for w in schedule.kl_weights.tolist()] == [False, False, False, True]
    assert float(schedule.kl_weights[0]) == pytest.approx(math.log(4 / 3) / 4, rel=1e-12)


def gaussian_mmse(sigma):
    """N(0, 0.5^2 I_2)."""
    return 2 * 0.25 * sigma**2 / (0.25 + sigma**2)


def disc(schedule):
    """(1/2) sum_i int (mmse(sigma_i) - mmse(sigma)) dlambda at a = 1/2; int mmse dlambda = 2 log(1 + s^2 lambda)."""
    lam = np.asarray(schedule.sigma) ** -2.0
    mmse = gaussian_mmse(np.asarray(schedule.sigma))
    return 0.5 * (mmse[:-1] * np.diff(lam)).sum() - np.log((4 + lam[-1]) / (4 + lam[0]))


def test_loss_adaptive_levels_are_equal_steps_of_the_gaussian_closed_form():
    levels = np.asarray(Schedule.las(20.0, 0.02, steps=32, mmse=gaussian_mmse).sigma)
    steps = np.diff(np.log1p(0.25 * levels**-2.0))
    assert np.ptp(steps) / steps.mean() < 1e-4 and (levels[0], levels[-1]) == (20.0, 0.02)
    table = np.geomspace(0.01, 30.0, 200)
    through = Schedule.las(20.0, 0.02, steps=32, mmse=(table, gaussian_mmse(table)))
    assert np.abs(np.asarray(through.sigma) / levels - 1).max() < 0.01


def test_discretisation_error_of_each_schedule_against_the_optimum_and_the_bound():
    """D9's bound (int sqrt(-mmse'))^2/(4N) = (k/4) log^2(..)/N, and the order of the schedules on Gaussian data."""
    ends = dict(sigma_start=20.0, sigma_end=0.02, steps=256)
    found = {
        "optimal": disc(Schedule.optimal(**ends, mmse=gaussian_mmse)),
        "las": disc(Schedule.las(**ends, mmse=gaussian_mmse)),
        "constant": disc(Schedule.proportional(**ends)),
        "karras": disc(Schedule.karras(**ends)),
        "cosine": disc(Schedule.cosine(**ends, scale=0.5)),
        "tangent": disc(Schedule.tangent(**ends, scales=[0.5, 0.5])),
    }
    bound = 0.25 * 2 * math.log((1 + 0.25 / 0.02**2) / (1 + 0.25 / 400)) ** 2 / 256
    assert 1.0 < found["optimal"] / bound < 1.02
    assert 1.0 <= found["las"] / found["optimal"] < 1.01
    assert found["las"] < found["constant"] < found["karras"]
    assert found["tangent"] == pytest.approx(found["cosine"], rel=1e-9) and found["tangent"] > found["las"]


def test_tangent_law_has_the_least_ddim_error_in_its_family_and_its_scale_lies_between():
    """DDIM on N(0, diag(s_j^2)): KL of its variances, exact recursion, over c on both sides of the returned one."""
    scales = np.array([2.0, 0.3])
    own = tangent_scale(scales, 20.0, 0.02)

    def kl(c):
        sigma = np.asarray(Schedule.cosine(20.0, 0.02, a=0.0, steps=400, scale=c).sigma)
        keep = scales**2 / (scales**2 + sigma[:-1, None] ** 2)
        factor = (keep + sigma[1:, None] / sigma[:-1, None] * (1 - keep)).prod(0)
        ratio = factor**2 * (scales**2 + 400.0) / (scales**2 + 0.02**2)
        return float((ratio - 1 - np.log(ratio)).sum() / 2)

    assert 0.3 < own < 2.0 and kl(own) < min(kl(0.97 * own), kl(1.03 * own))
    assert tangent_scale([0.7], 20.0, 0.02) == pytest.approx(0.7, rel=1e-12)
