"""A law's samples against its answers, by unbiasedness, and against the dimensions that it declares."""

from __future__ import annotations

import math

import torch

from manifolds.checking.case import Case
from manifolds.law import Law
from manifolds.shapes import Points

_SAMPLES = 3000
_SIGMAS = 4.6  # standard errors: all statements about some twenty laws together hold at 99.9 %
_RARE = 25.0  # 7/3 log(2/p) at the p of so many standard errors
_COORDINATES = 6
_SHIFT = 0.7  # of sigma: the weights of shifted densities have variance at most e^.49 - 1
_FINE = 1e-4  # of the scale: a level at which a smooth support looks flat
_RANK_SAMPLES, _CENTRES, _STANDS_OUT = 40_000, 15, 0.25


def unbiased(case: Case) -> None:
    """E[(X - f).f] = 0, E|X - f|^2 = E tr Cov, E(|X - Y|^2 - its mean)^2 = E Var, E (X - f)(|X - Y|^2 - mean) = E W."""
    fine = [] if case.finest or case.core.finite else [_FINE * case.scale]
    law = case.dense or case.reduced
    for sigma in (*case.levels, *fine):
        where = f"{law.name}, d = {law.ambient_dim}, sigma = {sigma:.3g}, {_SAMPLES} samples"
        x, y = case.noisy(law, _SAMPLES, sigma)
        f, trace = law.mean_and_trace(y, sigma)
        statements = _by_coordinate(law, x, f)
        if not law.reduced:  # there Y, and with it |X - Y|, is known up to a rotation only
            statements |= _statements(law, x, y, f, sigma)
        known = law.mmse(torch.tensor([sigma], dtype=torch.float64))
        if known is not None:
            statements["mmse(sigma) = E tr Cov"] = trace - known
        floor = 1e-10 * (case.scale + sigma) ** 2 + 1e-12 * float(trace.max())
        for what, values in statements.items():
            words = f"{what} under the law's own samples (standard errors)"
            case.report.small(where, _standard_errors(values, floor), _SIGMAS, words)


def _standard_errors(values: torch.Tensor, floor: float) -> float:
    """|mean| (n,) over its standard error, to which rare large values add what Bernstein's inequality gives them."""
    n = len(values)
    spread = float(values.std()) / math.sqrt(n) + _RARE / _SIGMAS * float(values.abs().max()) / n
    return abs(float(values.mean())) / (spread + floor)


def _by_coordinate(law: Law, x: Points, f: Points) -> dict[str, torch.Tensor]:
    """E X_i = E f_i and E (X - f)_i f_j = 0 in core coordinates, a few of them."""
    m = min(law.core_dim, _COORDINATES)
    x, f = law.space.split(x)[0][:, :m], law.space.split(f)[0][:, :m]
    single = {f"E X_{i} = E f_{i}": x[:, i] - f[:, i] for i in range(m)}
    pairs = {f"E[(X - f)_{i} f_{j}] = 0": (x[:, i] - f[:, i]) * f[:, j] for i in range(m) for j in range(m)}
    return single | pairs


def _statements(law: Law, x: torch.Tensor, y: torch.Tensor, f: torch.Tensor, sigma: float) -> dict[str, torch.Tensor]:
    """What has mean zero."""
    gap = x - f
    excess = law.space.sqnorm(x - y) - law.squared_distance(y, sigma)
    w = law.distance_covariance(y, sigma)
    return {
        "E[(X - f).f] = 0": (gap * f).sum(dim=1),
        "E|X - f|^2 = E tr Cov": law.space.sqnorm(gap) - law.posterior_trace(y, sigma),
        "E|X - Y|^2 = its posterior mean": excess,
        "E(|X - Y|^2 - mean)^2 = its posterior variance": excess**2 - law.distance_variance(y, sigma),
        "E(X - f)(|X - Y|^2 - mean) = W": ((gap * excess[:, None] - w) * (y - f)).sum(dim=1),
    }


def noisy_density(case: Case) -> None:
    """Y, weighted by another density over its own, has total weight one: the density at another level, or shifted."""
    law = case.reduced
    for sigma in case.levels:
        where = f"{law.name}, d = {law.ambient_dim}, sigma = {sigma:.3g}, {_SAMPLES} samples"
        above = sigma * (1.0 + 0.3 / math.sqrt(law.ambient_dim))
        _, y = case.noisy(law, _SAMPLES, above)
        weight = torch.exp(law.log_marginal(y, sigma) - law.log_marginal(y, above))
        words = "samples of Y to have the density p_sigma (standard errors)"
        case.report.small(where, _standard_errors(weight - 1.0, 1e-12), _SIGMAS, words)
        for axis in range(min(law.core_dim, _COORDINATES)):
            moved = y.clone()
            moved[:, axis] += _SHIFT * above
            weight = torch.exp(law.log_marginal(moved, above) - law.log_marginal(y, above))
            case.report.small(where, _standard_errors(weight - 1.0, 1e-12), _SIGMAS, words)


def moments(case: Case) -> None:
    """Mean, second moment and radius as declared."""
    n = 20_000
    law = case.dense or case.reduced
    where = f"{law.name}, {n} samples"
    x = law.sample(n, case.stream())
    square, slack = law.space.sqnorm(x), 1e-9 * case.scale
    error = abs(float(square.mean()) - law.second_moment)
    allowed = 3.3 * float(square.std()) / math.sqrt(n) + slack * case.scale
    case.report.small(where, error, allowed, f"E|X|^2 = second_moment = {law.second_moment:.6g}")
    if not (law.reduced and law.core.absorbs_normal):
        shift = (x.mean(dim=0) - law.space.center).abs()
        size = (shift / (4.5 * x.std(dim=0) / math.sqrt(n) + slack)).max()
        case.report.small(where, size, 1.0, "E X = mean (4.5 standard errors)")
    case.report.small(where, square.max().sqrt(), law.radius * (1 + 1e-12), "|x| <= radius for every sample")


def dimension(case: Case) -> None:
    """k is what the posterior shows at a fine level, tr Cov/sigma^2, and the local rank of samples.

    A finite set has no dimension, and a law that absorbs the normal coordinates fills R^d, whatever k it is counted
    with: there samples span what is declared. Quadrature nodes refuse fine levels; their samples have the rank all the
    same.
    """
    law = case.dense or case.reduced
    where, k = f"{law.name}, d = {law.ambient_dim}", law.intrinsic_dim
    if law.core.finite or law.core.absorbs_normal:
        if not law.reduced:
            x = law.sample(2000, case.stream("rank"))
            span = law.ambient_dim if law.core.absorbs_normal and law.radius > 0 else law.core_dim
            rank = int(torch.linalg.matrix_rank(x)) if float(x.abs().max()) > 0 else 0
            case.report.true(where, rank <= span, f"samples of rank at most {span}, got {rank}")
        return
    if not case.finest:
        sigma = _FINE * case.scale
        _, y = case.noisy(law, 400, sigma)
        ratio = law.posterior_trace(y, sigma) / sigma**2
        case.report.small(
            where, abs(float(ratio.max()) / k - 1.0), 0.1, f"tr Cov/sigma^2 to reach k = {k} at fine levels"
        )
    if k <= 3:
        _local_rank(case, law, where)


def _local_rank(case: Case, law: Law, where: str) -> None:
    """Singular values of small neighbourhoods, relative to the first: k of them are of order one, the rest small."""
    x, k = law.sample(_RANK_SAMPLES, case.stream("rank")), law.intrinsic_dim
    ranks = []
    for centre in x[:_CENTRES]:
        near = x[(x - centre).norm(dim=1).argsort()[: 8 * k + 8]]
        values = torch.linalg.svdvals(near - near.mean(dim=0))
        width = max(float(values[0]) / math.sqrt(len(near)), case.finest)
        seen = float(law.posterior_trace(centre[None], width)) / width**2
        if seen >= 0.7 * k:  # else the support is thinner than the neighbourhood in some direction
            ranks.append(int((values > _STANDS_OUT * values[0]).sum()))
    if ranks:
        got = sorted(ranks)[len(ranks) // 2]
        case.report.true(where, got == k, f"samples of local rank k = {k}, got {got}")
