"""Special functions against mpmath at 60 digits, which sums series of positive terms or integrates; no code is shared.

Chain of trust: mpmath series/quadrature -> these functions -> the laws that use them.
"""

import math

import mpmath as mp
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from manifolds.special import bessel_moments, bessel_ratio, log_bessel_i, log_sphere_mgf, truncated_normal
from manifolds.special.circle import circle_moments

ORDERS = [-0.5, 0, 0.5, 1, 2.5, 7, 19, 19.5, 20, 63.5, 511, 2047.5, 10_000]
ARGUMENTS = [1e-8, 1e-3, 0.3, 2.0, 11.0, 60.0, 700.0, 1e4, 1e6, 1e8]


def _tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def _log_bessel(nu, x):
    """log(e^-x I_nu(x)): the power series, or Hankel's where nu^2 << x (both to full precision at 60 digits)."""
    nu, x = mp.mpf(nu), mp.mpf(x)
    term = total = mp.mpf(1)
    j = 0
    if x <= 2e4:
        while term > total * mp.eps or j * (j + nu) < x * x / 4:
            j += 1
            term *= x * x / 4 / (j * (j + nu))
            total += term
        return mp.log(total) + nu * mp.log(x / 2) - mp.loggamma(nu + 1) - x
    while abs(term) > mp.eps:
        j += 1
        term *= -(4 * nu**2 - (2 * j - 1) ** 2) / (8 * x * j)
        total += term
    return mp.log(total) - mp.log(2 * mp.pi * x) / 2


@pytest.mark.parametrize("nu", ORDERS)
def test_bessel_functions_equal_mpmath_over_orders_and_arguments(nu):
    xs = [x for x in ARGUMENTS if not (nu == 10_000 and x == 1e6)]  # there Hankel's series needs more than 60 digits
    with mp.workdps(60):
        low, high = [_log_bessel(nu, x) for x in xs], [_log_bessel(nu + 1, x) for x in xs]
        ratio = [mp.exp(b - a) for a, b in zip(low, high)]
        if nu == -0.5:
            slope = [mp.sech(x) ** 2 for x in xs]
        else:
            slope = [1 - r**2 - (2 * mp.mpf(nu) + 1) * r / x for r, x in zip(ratio, xs)]
        by_x = [r / mp.mpf(x) for r, x in zip(ratio, xs)]
        mgf = [log + x - nu * mp.log(mp.mpf(x) / 2) + mp.loggamma(mp.mpf(nu) + 1) for log, x in zip(low, xs)]
    x = _tensor(*xs)
    w, r, v, scaled_mgf = bessel_moments(nu, x, with_log=True)

    def worst(found, exact, scale):
        return max(abs(f - float(e)) / s for f, e, s in zip(found.tolist(), exact, scale) if s > 0)

    assert worst(r, ratio, map(float, ratio)) < 2e-15
    assert worst(bessel_ratio(nu, x), ratio, map(float, ratio)) < 2e-15
    assert worst(w, by_x, map(float, by_x)) < 2e-15
    assert worst(v, slope, map(float, slope)) < 5e-13
    assert worst(log_bessel_i(nu, x, scaled=True), low, [max(1.0, abs(float(log))) for log in low]) < 1e-12
    assert (
        worst(
            log_bessel_i(nu, x),
            [log + e for log, e in zip(low, xs)],
            [max(1.0, abs(float(log + e))) for log, e in zip(low, xs)],
        )
        < 1e-12
    )
    assert (
        worst(scaled_mgf, [g - e for g, e in zip(mgf, xs)], [max(1.0, abs(float(g - e))) for g, e in zip(mgf, xs)])
        < 1e-12
    )
    assert worst(log_sphere_mgf(nu, x), mgf, [max(1.0, abs(float(g))) for g in mgf]) < 1e-12


@pytest.mark.parametrize("nu", ORDERS)
def test_bessel_functions_at_zero(nu):
    w, r, v, log_mgf = bessel_moments(nu, _tensor(0.0), with_log=True)
    q = 2 * nu + 2
    assert r.item() == 0.0 and abs(log_mgf.item()) < 1e-13
    assert w.item() == pytest.approx(1 / q, rel=1e-15) and v.item() == pytest.approx(1 / q, rel=1e-14)
    assert log_bessel_i(nu, _tensor(0.0)).item() == (0.0 if nu == 0 else float("inf") if nu < 0 else -float("inf"))


def test_a_known_wrong_sphere_score_is_not_reproduced():
    """S^2 needs orders 3/2 and 1/2 (coth x - 1/x), not 1 and 0."""
    x = _tensor(0.7, 3.0, 20.0)
    assert torch.allclose(bessel_ratio(0.5, x), 1 / torch.tanh(x) - 1 / x, rtol=1e-14)
    assert float((bessel_ratio(0.0, x) - bessel_ratio(0.5, x)).abs().min()) > 0.02


@given(st.floats(-0.5, 300.0), st.floats(-9.0, 9.0))
@settings(max_examples=60, deadline=None)
def test_ratio_recurrence_and_bounds_hold_for_any_order(nu, log10_x):
    """1/r_nu = 2 (nu+1)/x + r_{nu+1} (DLMF 10.29.1), and Amos' bounds x/(a + 1 + sqrt((a+1)^2 + x^2)) <= r <= x/(a +
    sqrt(a^2 + x^2))."""
    x = 10.0**log10_x
    r, above = bessel_ratio(nu, _tensor(x)).item(), bessel_ratio(nu + 1, _tensor(x)).item()
    assert 1 / r == pytest.approx(2 * (nu + 1) / x + above, rel=5e-15)
    a = nu + 0.5
    assert x / (a + 1 + ((a + 1) ** 2 + x * x) ** 0.5) <= r * (1 + 1e-15)
    assert r <= x / (a + (a * a + x * x) ** 0.5) * (1 + 1e-15)


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_values_do_not_depend_on_the_batch(values):
    x = _tensor(*values)
    one_by_one = torch.cat([bessel_ratio(3.0, x[i : i + 1]) for i in range(len(x))])
    assert torch.equal(bessel_ratio(3.0, x), one_by_one)


def test_bessel_order_below_its_range_is_refused():
    with pytest.raises(ValueError, match="nu must be a number >= -1/2"):
        bessel_ratio(-0.6, _tensor(1.0))


def _truncated_reference(a, width):
    """[log mass, E Z - a, variance, third, fourth central moments] by mpmath quadrature split around the mode."""
    a, width = mp.mpf(a), mp.mpf(width)
    b = a + width
    mode = min(max(mp.mpf(0), a), b)
    reach = min(mp.mpf(40), 140 / abs(mode)) if mode else mp.mpf(40)
    lo, hi = max(a, mode - reach), min(b, mode + reach)
    steps = [mode + s * j * min(mp.mpf(1), reach / 40) for j in (0, 1, 2, 4, 8, 16) for s in (1, -1)]
    cuts = sorted({lo, hi, *[x for x in steps if lo < x < hi]})

    def integral(g):
        return mp.quad(lambda t: mp.exp(-(t - mode) * (t + mode) / 2) * g(t), cuts)

    mass = integral(lambda t: 1)
    offset = integral(lambda t: t - a) / mass
    centre = a + offset
    moments = [integral(lambda t, p=p: (t - centre) ** p) / mass for p in (2, 3, 4)]
    return [mp.log(mass) - mode**2 / 2 - mp.log(2 * mp.pi) / 2, offset, *moments]


@pytest.mark.parametrize("width", [1e-8, 1e-3, 0.11, 0.3, 2.9, 3.1, 8.0, 40.0, 1e8])
@pytest.mark.parametrize("a", [-60.0, -8.7, -1.6, -0.3, 0.0, 0.99, 1.01, 6.0, 9.9, 30.0, 1e6])
def test_truncated_normal_equals_mpmath(a, width):
    with mp.workdps(60):  # quad stops on absolute errors, and moments are as small as width^4
        exact = [float(v) for v in _truncated_reference(a, width)]
    got = [v.item() for v in truncated_normal(_tensor(a), _tensor(width))]
    scale = [max(1.0, abs(exact[0])), exact[1], exact[2], exact[2] ** 1.5, exact[4]]
    assert max(abs(g - e) / s for g, e, s in zip(got, exact, scale)) < 1e-12
    first = truncated_normal(_tensor(a), _tensor(width), order=1)  # by closed forms over a wider range
    assert abs(first.log_mass.item() - exact[0]) / scale[0] < 1e-12 and first.offset.item() == pytest.approx(
        exact[1], rel=1e-12
    )


@given(st.floats(-50, 50), st.floats(-6, 4))
@settings(max_examples=60, deadline=None)
def test_truncated_normal_reflects(a, log10_width):
    width = 10.0**log10_width
    here, there = truncated_normal(_tensor(a), _tensor(width)), truncated_normal(_tensor(-(a + width)), _tensor(width))
    # the mirrored end is rounded: its effect is eps |a| (|a| + 1)
    assert there.variance.item() == pytest.approx(here.variance.item(), rel=1e-10)
    assert there.third.item() == pytest.approx(-here.third.item(), rel=1e-9, abs=1e-10 * here.variance.item() ** 1.5)
    assert there.offset.item() + here.offset.item() == pytest.approx(width, rel=1e-10)


def test_truncated_normal_with_infinite_width_is_the_hazard_of_the_half_line():
    a = _tensor(-3.0, 0.5, 4.0)
    got = truncated_normal(a, torch.full_like(a, float("inf")))
    hazard = torch.exp(-0.5 * a * a) * (2 / torch.pi) ** 0.5 / torch.special.erfc(a / 2**0.5)
    assert torch.allclose(got.offset, hazard - a, rtol=1e-12)
    assert torch.allclose(got.variance, 1 + a * hazard - hazard**2, rtol=1e-11)
    assert torch.allclose(got.log_mass, torch.special.log_ndtr(-a), rtol=1e-13)


def test_truncated_normal_refuses_an_empty_interval():
    with pytest.raises(ValueError, match="width must be positive"):
        truncated_normal(_tensor(0.0), _tensor(0.0))


def test_the_circles_table_is_as_exact_as_its_arguments():
    """I_1/(x I_0) and log I_0 - x against mpmath, over the whole table and between its points; and at 0 and far
    beyond."""
    x = torch.cat([torch.zeros(1, dtype=torch.float64), 10.0 ** torch.linspace(-9, 3.3, 240, dtype=torch.float64)])
    ratio, log_mgf = circle_moments(x.reshape(1, -1))
    assert ratio.shape == log_mgf.shape == (1, 241)
    with mp.workdps(40):
        for at, r, log in zip(x.tolist(), ratio[0].tolist(), log_mgf[0].tolist()):
            i0 = mp.besseli(0, at)
            exact = mp.besseli(1, at) / i0 / at if at else mp.mpf(1) / 2
            assert abs(r / exact - 1) < 1.5e-15
            low = mp.log(i0) - mp.mpf(at)
            assert abs(log - low) < 1e-15 * max(1, abs(low))
    ratio, log_mgf = circle_moments(torch.tensor([1e12, 1e300], dtype=torch.float64))
    assert ratio.tolist() == pytest.approx([1e-12, 1e-300], rel=1e-11)
    assert log_mgf.tolist() == pytest.approx(
        [-0.5 * math.log(2.0 * math.pi * 1e12), -0.5 * (math.log(2.0 * math.pi) + 300.0 * math.log(10.0))], rel=1e-13
    )
