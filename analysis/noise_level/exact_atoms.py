"""The truth beside `identities`: the same for five atoms in R^3 with 40 digits, by sums and mpmath, no law of ours.

A file of its own, so that an oracle shares no code with what it checks.
"""

from __future__ import annotations

import mpmath

from manifolds import stream

__all__ = ["cell_exact_atoms"]

_ATOMS, _DIM, _DIGITS = 5, 3, 40


def cell_exact_atoms(params: dict, seed: int) -> list[dict]:
    """One row an identity: relative error |left - right| / |right|, by numerical differentiation at 40 digits."""
    source = stream(seed, "exact atoms", params["case"])
    points = [[mpmath.mpf(c) for c in row] for row in source.normal(_ATOMS, _DIM).tolist()]
    y = [mpmath.mpf(c) for c in source.normal(_DIM).tolist()]
    v = [mpmath.mpf(c) for c in source.normal(_DIM).tolist()]
    with mpmath.workdps(_DIGITS):
        return [
            {"identity": name, "error": float(abs((left - right) / right))}
            for name, (left, right) in _sides(points, y, v).items()
        ]


def _dot(a: list, b: list):
    return mpmath.fsum(s * t for s, t in zip(a, b))


class _Moments:
    """Posterior moments of equal atoms at (y, w)."""

    def __init__(self, points: list, y: list, w):
        distance = [mpmath.fsum((p - c) ** 2 for p, c in zip(x, y)) for x in points]
        mass = [mpmath.exp(-q / (2 * w**2)) for q in distance]
        total = mpmath.fsum(mass)
        share = [q / total for q in mass]

        def mean(values):
            return mpmath.fsum(p * q for p, q in zip(share, values))

        axes = range(len(y))
        self.log_p = mpmath.log(total) - len(y) * mpmath.log(w)  # up to a constant
        self.f = [mean([x[i] for x in points]) for i in axes]
        self.distance = mean(distance)
        self.spread = mean([(q - self.distance) ** 2 for q in distance])
        self.third = [mean([(x[i] - self.f[i]) * (q - self.distance) for x, q in zip(points, distance)]) for i in axes]
        self.cov = [[mean([(x[i] - self.f[i]) * (x[j] - self.f[j]) for x in points]) for j in axes] for i in axes]
        self.trace = mpmath.fsum(self.cov[i][i] for i in axes)


def _sides(points: list, y: list, v: list) -> dict:
    """identity -> (left by differentiation, right by posterior moments), at w = 0.8 (lambda = w^-2)."""
    w, d = mpmath.mpf("0.8"), len(y)
    at = _Moments(points, y, w)
    residual = [f - c for f, c in zip(at.f, y)]

    def along(answer, direction):
        return mpmath.diff(lambda t: answer(_Moments(points, [c + t * e for c, e in zip(y, direction)], w)), 0)

    def in_level(answer):
        return mpmath.diff(lambda level: answer(_Moments(points, y, level)), w)

    def minus_log(lam):  # -log of the posterior density of lambda under a flat prior in lambda
        return -_Moments(points, y, lam ** mpmath.mpf("-0.5")).log_p

    lam = w**-2
    covariance_v = [_dot(row, v) for row in at.cov]
    return {
        "score": (along(lambda m: m.log_p, v), _dot(residual, v) / w**2),
        "level of f": (in_level(lambda m: _dot(m.f, v)), _dot(at.third, v) / w**3),
        "Hessian": (w**2 * along(lambda m: _dot(m.f, residual), v), _dot(covariance_v, residual)),
        "gradient of trace": (w**2 * along(lambda m: m.trace, v), _dot(at.third, v) - 2 * _dot(covariance_v, residual)),
        "level of log p": (in_level(lambda m: m.log_p), at.distance / w**3 - d / w),
        "level of distance": (in_level(lambda m: m.distance), at.spread / w**3),
        "Lemma 3.7, first": (mpmath.diff(minus_log, lam), -d / (2 * lam) + at.distance / 2),
        "Lemma 3.7, second": (mpmath.diff(minus_log, lam, 2), d / (2 * lam**2) - at.spread / 4),
    }
