"""Modified Bessel functions I_nu(x) for nu >= -1/2 and every x >= 0, by one branch-free scheme.

The order is raised to N = nu + M >= 20, where expansions in 1/N that are uniform in x reach rounding error,
and brought back down by the backward recurrence of the ratio, which contracts errors:

    w_nu = I_{nu+1}/(x I_nu) = 1 / (2 (nu+1) + x^2 w_{nu+1})                          (DLMF 10.29.1)

At order N the ratio r = x w solves Riccati's equation r' = 1 - r^2 - 2 a r/x with a = N + 1/2. Its leading solution for
large a is r0 = x/(a + sqrt(a^2 + x^2)), which makes the right-hand side vanish, and r = r0 (1 + eps) with eps = sum_k
g_k(p) a^-k, p = a/sqrt(a^2+x^2). The g_k are polynomials (recursion in `_ratio_polynomials`, derived here), and g_k(1)
= (-1/2)^k, so the RELATIVE error is small also as x -> 0. Each has a factor p^2, which is taken out; what is left is
smooth on [0, 1] and is evaluated as a polynomial in 2 p - 1 of the degree that its Chebyshev series needs (23 of 58 at
a = 20, fewer at larger orders). Inserting r in the equation gives

    r' = -eps (1 + r0 r)

without any cancellation: this is the variance of the cosine under a von Mises-Fisher law, of size (2 nu+1)/(2 x^2) for
large x, where 1 - r^2 - (2 nu+1) r/x has lost all its digits. log I follows from Debye's expansion (DLMF 10.41.3)
in logarithmic form, normalised at x = 0 so that no gamma function is needed.

Errors measured against mpmath for nu in [-1/2, 1e4], x in [1e-8, 1e8]: ratio 4e-16 relative, derivative 3e-13 relative,
log I (scaled or not) 5e-13 max(1, |log I|).
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import comb, lgamma

import numpy as np
import torch
from torch import Tensor

from manifolds.special.circle import circle_moments

LARGE_ORDER = 20.0  # the expansions are used at orders N >= this
_RATIO_TERMS = 20
_LOG_TERMS = 12
_HUGE = 1e35  # from where on the leading order in 1/x is exact; eight powers of 1/x are still numbers
_CHUNK = 1 << 15  # elements at a time: the working set stays in cache

_Polynomial = Sequence[Fraction | int]  # in rising powers


def _multiply(p: _Polynomial, q: _Polynomial) -> list[Fraction]:
    out = [Fraction(0)] * (len(p) + len(q) - 1)
    for i, x in enumerate(p):
        if x:
            for j, y in enumerate(q):
                out[i + j] += x * y
    return out


def _add(p: _Polynomial, q: _Polynomial) -> list[Fraction]:
    size = max(len(p), len(q))
    return [Fraction(p[i] if i < len(p) else 0) + (q[i] if i < len(q) else 0) for i in range(size)]


def _derivative(p: _Polynomial) -> list[Fraction]:
    return [Fraction(i * c) for i, c in enumerate(p)][1:] or [Fraction(0)]


@lru_cache(maxsize=1)
def _ratio_polynomials() -> list[list[Fraction]]:
    """g_1 .. g_K, coefficients in rising powers of p: g_k = -1/2 [p^2 g - p^2 (1-p^2) g' + (1-p) sum_{0<i<k} g_i
    g_{k-i}], g = g_{k-1}."""
    square, window, rest = (0, 0, 1), (0, 0, -1, 0, 1), (1, -1)
    g = [[Fraction(1)]]
    for k in range(1, _RATIO_TERMS + 1):
        new = _add(_multiply(square, g[-1]), _multiply(window, _derivative(g[-1])))
        for i in range(1, k):
            new = _add(new, _multiply(rest, _multiply(g[i], g[k - i])))
        g.append([-c / 2 for c in new])
    return g[1:]


@lru_cache(maxsize=1)
def _log_polynomials() -> list[list[Fraction]]:
    """D_1 .. D_K with sum_k U_k(p) N^-k = exp sum_k D_k(p) N^-k, U_k Debye's polynomials (DLMF 10.41.9)."""
    u = [[Fraction(1)]]
    for _ in range(_LOG_TERMS):
        d = _multiply((0, 0, Fraction(1, 2), 0, Fraction(-1, 2)), _derivative(u[-1]))
        integrand = _multiply((1, 0, -5), u[-1])
        u.append(_add(d, [Fraction(0)] + [c / (8 * (i + 1)) for i, c in enumerate(integrand)]))
    logs: list[list[Fraction]] = []
    for k in range(1, _LOG_TERMS + 1):  # k u_k = sum_j j D_j u_{k-j}
        new = u[k]
        for j in range(1, k):
            new = _add(new, [-Fraction(j, k) * c for c in _multiply(logs[j - 1], u[k - j])])
        logs.append(new)
    return logs


@lru_cache(maxsize=256)
def _series(which: str, order: float) -> list[float]:
    """sum_k (polynomial k) order^-k, for the ratio divided by p^2, as one polynomial in 2 p - 1, highest power first.

    Chebyshev coefficients on 0 <= p <= 1 that rounding hides (the ratio's derivative is relative, log I absolute) are
    dropped; the others fall faster than powers of 2 p - 1 grow, so that the sum of powers loses no digits.
    """
    polynomials = _ratio_polynomials() if which == "ratio" else _log_polynomials()
    total = [Fraction(0)] * max(len(p) for p in polynomials)
    for k, polynomial in enumerate(polynomials, start=1):
        scale = 1 / Fraction(order) ** k
        for i, c in enumerate(polynomial):
            total[i] += c * scale
    if which == "ratio":
        total = total[2:]
    # p^i = 2^(1-2i) sum_k C(2i, i-k) T_k(2p - 1), half of that for k = 0
    size = len(total)
    chebyshev = [
        float(sum(c * Fraction(comb(2 * i, i - k), 2 ** (2 * i)) for i, c in enumerate(total[k:], start=k)))
        for k in range(size)
    ]
    chebyshev[1:] = [2.0 * c for c in chebyshev[1:]]
    floor = 1e-16 * max(abs(c) for c in chebyshev) if which == "ratio" else 1e-17
    while len(chebyshev) > 3 and abs(chebyshev[-1]) < floor:
        chebyshev.pop()
    return np.polynomial.chebyshev.cheb2poly(chebyshev).tolist()[::-1]


def _horner(coefficients: list[float], x: Tensor) -> Tensor:
    out = torch.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        out.mul_(x).add_(c)
    return out


def _large_order(order: float, x: Tensor) -> tuple[Tensor, Tensor]:
    """(w0, eps) with w = w0 (1 + eps) at an order >= 20."""
    a = order + 0.5
    root = torch.hypot(x, torch.full_like(x, a))
    p = a / root
    return 1.0 / (root + a), _horner(_series("ratio", a), 2.0 * p - 1.0).mul_(p).mul_(p)


def large_order_ratio(order: float, x: Tensor) -> Tensor:
    """I_{order+1}(x)/(x I_order(x)) for an order >= 20, from which the recurrence goes down.

    >>> large_order_ratio(20.0, torch.tensor([0.0], dtype=torch.float64))  # 1/(2 order + 2)
    tensor([0.0238], dtype=torch.float64)
    """
    w0, eps = _large_order(order, x)
    return torch.addcmul(w0, w0, eps)


def large_order_log_mgf(order: float, x: Tensor) -> Tensor:
    """`log_sphere_mgf`, scaled, at an order >= 20.

    >>> float(large_order_log_mgf(20.0, torch.tensor([0.0], dtype=torch.float64)))
    0.0
    """
    big = torch.hypot(x, torch.full_like(x, order))  # order * sqrt(1 + z^2), z = x / order
    excess = x * x / (big + order)  # order * (sqrt(1 + z^2) - 1)
    series = _series("log", order)
    return (
        torch.where(x < order, excess - x, order * order / (big + x) - order)  # order (sqrt(1+z^2) - 1 - z)
        - order * torch.log1p(excess / (2 * order))
        - 0.5 * torch.log1p(excess / order)
        + _horner(series, 2.0 * order / big - 1.0)
        - sum(series)
    )


def _evaluate(
    nu: float, x: Tensor, want_derivative: bool, want_log: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """(w, r', log mgf - x) for a chunk x (n,)."""
    steps = max(0, -int(-(LARGE_ORDER - nu) // 1))
    order = nu + steps
    x2 = x * x
    w0, eps = _large_order(order, x)
    w = torch.addcmul(w0, w0, eps)
    derivative = -eps * torch.addcmul(torch.ones_like(x), x2, w0 * w) if want_derivative else None
    log_mgf = None
    if want_log:
        log_mgf = large_order_log_mgf(order, x)
    product, at_zero = torch.ones_like(x) if want_log and steps else None, 1.0
    for i in range(steps):
        twice = 2.0 * (order - i)  # 2 (j + 1), j = order - 1 - i the order reached by this step
        w.mul_(x2).add_(twice).reciprocal_()
        if derivative is not None:
            derivative.mul_(x2).neg_().add_(twice).mul_(w).mul_(w)
        if product is not None and log_mgf is not None:
            product.mul_(w)
            at_zero *= twice
            if i % 8 == 7 or i == steps - 1:  # before products of 1/x can underflow
                log_mgf.sub_(product.mul_(at_zero).log_())
                product.fill_(1.0)
                at_zero = 1.0
    return w, derivative, log_mgf


def _over_chunks(
    nu: float, x: Tensor, want_derivative: bool, want_log: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    nu = float(nu)
    if not nu >= -0.5:
        raise ValueError(f"nu must be a number >= -1/2, got {nu}")
    flat = x.to(torch.float64).reshape(-1)
    parts = [_evaluate(nu, chunk, want_derivative, want_log) for chunk in flat.split(_CHUNK)] or [
        _evaluate(nu, flat, want_derivative, want_log)
    ]

    def joined(index: int) -> Tensor | None:
        found = [part[index] for part in parts]
        return torch.cat([f for f in found if f is not None]).reshape(x.shape) if found[0] is not None else None

    return torch.cat([part[0] for part in parts]).reshape(x.shape), joined(1), joined(2)


def bessel_moments(
    nu: float, x: Tensor, with_log: bool = False, with_derivative: bool = True
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """(r/x, r, r', log mgf - x) with r = I_{nu+1}(x)/I_nu(x); r and r' come with the derivative, and what is not asked
    for is None.

    With q = 2 nu + 2 these are the exact moments of t = cosine to the axis of a von Mises-Fisher law in R^q of
    concentration x: E t = r, Var t = r', and 1 - r^2 = r' + (q-1) r/x is a sum of positive terms.

    >>> r_by_x, r, slope, _ = bessel_moments(0.5, torch.tensor([1e-9, 1.0], dtype=torch.float64))
    >>> r  # x/3 to leading order, coth(1) - 1
    tensor([3.3333e-10, 3.1304e-01], dtype=torch.float64)
    """
    if x.numel() and float(x.max()) > _HUGE:
        at = x.clamp(max=_HUGE)
        scale, known = at / x, bessel_moments(nu, at, with_log, with_derivative)
        by_x, ratio, slope, log_mgf = known  # to leading order 1/x, 1, (2 nu + 1)/(2 x^2), -(nu + 1/2) log x
        return (
            by_x * scale,
            ratio,
            None if slope is None else slope * scale * scale,
            None if log_mgf is None else log_mgf + (nu + 0.5) * torch.log(scale),
        )
    if nu == 0.0 and not with_derivative and x.dtype == torch.float64:  # circles, from a table
        by_x, log_circle = circle_moments(x)
        return by_x, None, None, log_circle if with_log else None
    w, derivative, log_mgf = _over_chunks(nu, x, with_derivative, with_log)
    if nu == -0.5 and with_derivative:  # r = tanh: the recurrence's last subtraction would cancel
        e = torch.exp(-2.0 * x)
        derivative = 4.0 * e / (1.0 + e) ** 2
    return w, x * w if with_derivative else None, derivative, log_mgf


def bessel_ratio(nu: float, x: Tensor) -> Tensor:
    """I_{nu+1}(x) / I_nu(x), to relative 1e-15.

    >>> bessel_ratio(-0.5, torch.tensor([1.0], dtype=torch.float64))  # tanh(1)
    tensor([0.7616], dtype=torch.float64)
    """
    return x * bessel_moments(nu, x.to(torch.float64), with_derivative=False)[0]


def log_sphere_mgf(nu: float, x: Tensor, scaled: bool = False) -> Tensor:
    """log E exp(x t) for t the first coordinate of a uniform point of the unit sphere of R^q, q = 2 nu + 2 (minus x if
    scaled).

    Equals log[Gamma(nu+1) (2/x)^nu I_nu(x)], zero at x = 0.

    >>> log_sphere_mgf(0.5, torch.tensor([1.0], dtype=torch.float64)).exp()  # sinh(1)
    tensor([1.1752], dtype=torch.float64)
    """
    scaled_value = bessel_moments(nu, x.to(torch.float64), with_log=True, with_derivative=False)[3]
    assert scaled_value is not None
    return scaled_value if scaled else scaled_value + x


def log_bessel_i(nu: float, x: Tensor, scaled: bool = False) -> Tensor:
    """log I_nu(x), or log(exp(-x) I_nu(x)) if scaled; at x = 0: 0 for nu = 0, -inf for nu > 0, +inf for nu < 0.

    >>> log_bessel_i(0, torch.tensor([1.0], dtype=torch.float64)).exp()
    tensor([1.2661], dtype=torch.float64)
    """
    value = log_sphere_mgf(nu, x, scaled)
    if nu == 0:
        return value
    return value + nu * torch.log(x / 2) - lgamma(nu + 1)
