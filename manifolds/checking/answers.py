"""A law's answers tied to each other by exact identities, by 4th-order differences in y and in sigma."""

from __future__ import annotations

import math
from functools import partial

import torch

from manifolds.checking.case import Case, derivative, directional
from manifolds.core import Core, Posterior, take
from manifolds.law import Law
from manifolds.shapes import Points, Statistics

_EPS = torch.finfo(torch.float64).eps
_STEP = 0.003  # of sigma: truncation and rounding of the differences are both below 1e-8


def _rounding(values: torch.Tensor, step: float = _STEP) -> float:
    """What rounding of values leaves of a difference quotient over a step."""
    return 8.0 * _EPS * float(values.abs().max()) / step


def tweedie(case: Case) -> None:
    """The denoiser is tied to the density: f = y + sigma^2 grad log p_sigma."""
    for law, sigma, where in case.each():
        _, y = case.noisy(law, 4, sigma)
        log_p = partial(law.log_marginal, sigma=sigma)
        along, slope = directional(log_p, y, _STEP * sigma, case.stream("along"))
        found, tolerance = (law.denoise(y, sigma) - y) @ along.T, 1e-6 + _rounding(log_p(y))
        case.report.close(where, found, sigma**2 * slope, sigma, tolerance, "f = y + sigma^2 grad log p_sigma(y)")


def slopes_in_sigma(case: Case) -> None:
    """Derivatives in sigma of log p, f and E|X - y|^2 are the next posterior moments."""
    for law, sigma, where in case.each():
        _, y = case.noisy(law, 5, sigma)
        d, felt = law.ambient_dim, law.ambient_dim if law.core.absorbs_normal else law.core_dim
        share = _STEP * min(1.0, math.sqrt(10.0 / felt))  # in log sigma the law changes within 1/sqrt(2 felt)
        level = max(sigma, case.finest / (1.0 - 2.1 * share))
        step = share * level
        square, third = law.squared_distance(y, level), law.distance_covariance(y, level)
        variance = law.distance_variance(y, level)
        slope = derivative(partial(law.log_marginal, y), level, step)
        expected = "sigma d log p/d sigma = E|X - y|^2/sigma^2 - d"
        tolerance = 1e-7 + _rounding(law.log_marginal(y, level), share) / d
        case.report.close(where, level * slope, square / level**2 - d, d, tolerance, expected)
        slope = derivative(partial(law.denoise, y), level, step) * level**3
        scale = float(slope.abs().max()) + 1e-3 * level**3
        case.report.close(where, slope, third, scale, 1e-6, "sigma^3 df/d sigma = Cov(X, |X - y|^2 | y)")
        slope = derivative(partial(law.squared_distance, y), level, step) * level**3
        scale = float(variance.max()) + _rounding(square, share) * level**2 * 1e5 + 1e-300
        case.report.close(where, slope, variance, scale, 1e-5, "sigma^3 d E|X - y|^2/d sigma = Var(|X - y|^2 | y)")


def trace_and_divergence(case: Case) -> None:
    """The Jacobian of f is Cov/sigma^2: symmetric, with tr Cov on its diagonal; and E|X - y|^2 = tr Cov + |f - y|^2."""
    for law, sigma, where in case.each():
        _, y = case.noisy(law, 3, sigma)
        trace, mean = law.posterior_trace(y, sigma), law.denoise(y, sigma)
        square = trace + law.space.sqnorm(mean - y)
        case.report.near(where, law.squared_distance(y, sigma), square, 1e-9, 1e-300, "E|X - y|^2 = tr Cov + |f - y|^2")
        both, joint = law.mean_and_trace(y, sigma)
        case.report.close(where, both, mean, case.scale + sigma, 1e-11, "mean_and_trace to give the denoiser")
        case.report.near(where, joint, trace, 1e-11, 1e-300, "mean_and_trace to give the trace")
        if law.reduced:
            continue  # coordinates on the quotient are curved: the Jacobian there lacks the other normal directions
        along, slope = directional(partial(law.denoise, sigma=sigma), y, _STEP * sigma, case.stream("along"))
        if type(law.core).covariance is not Core.covariance:
            product = law.covariance(y, sigma, along[:1].expand_as(y))
            scale = float(trace.max()) + 1e-7 * sigma**2
            case.report.close(
                where, product, sigma**2 * slope[..., 0], scale, 1e-5, "covariance v = sigma^2 df along v"
            )
        jacobian = torch.einsum("pd,ndq->npq", along, slope)
        case.report.close(where, jacobian, jacobian.transpose(1, 2), 1.0, 1e-5, "a symmetric Jacobian of f")
        if len(along) == y.shape[1]:
            found = sigma**2 * torch.diagonal(jacobian, dim1=1, dim2=2).sum(dim=1)
            scale = float(trace.max()) + 1e-7 * sigma**2
            case.report.close(where, found, trace, scale, 1e-5, "tr Cov = sigma^2 div f")


def representations(case: Case) -> None:
    """Dense points, turned at random, and reduced coordinates of the same points have the same answers."""
    if case.dense is None:
        return
    given = case.dense
    m, d = given.core_dim, given.ambient_dim
    frame = torch.linalg.qr(case.stream("frame").normal(d, m))[0] if m else None
    dense, reduced = case.kind(given.core, d, frame=frame), case.kind(given.core, d, reduced=True)
    for sigma in case.levels:
        where = f"{given.name}, dense against reduced, d = {d}, sigma = {sigma:.3g}"
        _, y = case.noisy(dense, 7, sigma)
        u, rho2 = dense.space.split(y)
        z = torch.cat([u, rho2.sqrt()[:, None]], dim=1)
        for answer in ("log_marginal", "posterior_trace", "squared_distance", "distance_variance"):
            a, b = getattr(dense, answer)(y, sigma), getattr(reduced, answer)(z, sigma)
            case.report.near(
                where, a, b, 1e-9, 1e-11 * max(float(b.abs().max()), 1e-290), f"one {answer} in both forms"
            )
        for answer in ("denoise", "distance_covariance"):
            a, b = _quotient(dense, getattr(dense, answer)(y, sigma), y), getattr(reduced, answer)(z, sigma)
            case.report.near(
                where, a, b, 1e-9, 1e-11 * max(float(b.abs().max()), 1e-290), f"one {answer} in both forms"
            )
        scale = case.scale + sigma
        case.report.close(where, dense.distance(y), reduced.distance(z), scale, 1e-9, "one distance in both forms")


def _quotient(law: Law, answer: Points, y: Points) -> Points:
    """A dense answer at y in reduced coordinates: core coordinates and the component along y's normal direction."""
    normal = law.space.normal_part(y)
    size = normal.norm(dim=1, keepdim=True)
    # none where there is no normal coordinate: rounding has no direction
    unit = torch.where(size > 1e-9 * y.norm(dim=1, keepdim=True), normal / size, torch.zeros_like(normal))
    return torch.cat([law.space.split(answer)[0], (answer * unit).sum(dim=1, keepdim=True)], dim=1)


def levels_together(case: Case) -> None:
    """Several levels a point, shared or not, and every order of moments: the answers of one level at a time."""
    core, law = case.core, case.reduced
    for sigma in case.levels:
        where = f"{core.name}, core posterior, sigma = {sigma:.3g}"
        _, y = case.noisy(law, 6, sigma)
        stats, _ = law.statistics(y)
        shared = sigma * torch.tensor([[1.02, 1.05, 1.1, 1.5, 4.0]], dtype=torch.float64)
        own = shared * torch.linspace(1.0, 1.3, len(y), dtype=torch.float64)[:, None]
        for levels in (shared, own, own[:, :3]):
            wide = levels.expand(len(y), levels.shape[1])
            single = [core.posterior(stats, wide[:, j : j + 1], 4) for j in range(wide.shape[1])]
            for order in range(5):
                _same(case, where, stats, core.posterior(stats, levels, order), single, order)
        rows = torch.tensor([4, 1])
        few, whole = core.posterior(take(stats, rows), own[rows], 0), core.posterior(stats, own, 0)
        expected = "rows of the statistics to be statistics of the rows"
        case.report.near(where, few.log_p + few.offset, (whole.log_p + whole.offset)[rows], 1e-11, 1e-11, expected)
        hints = core.level_hints(stats, y[:, -1] ** 2, law.space.normal_dim)
        holds = hints.ndim == 2 and len(hints) == len(y) and bool((torch.isfinite(hints) & (hints >= 0)).all())
        case.report.true(where, holds, f"level_hints to be ({len(y)}, P) finite variances >= 0")


def _same(case: Case, where: str, stats: Statistics, post: Posterior, single: list[Posterior], order: int) -> None:
    core = case.core
    words = f"level by level, at order {order}, one answer: "
    log_p = torch.cat([one.log_p + one.offset for one in single], dim=1)
    case.report.near(where, post.log_p + post.offset, log_p, 1e-10, 1e-9, words + "log_p")
    least = {"sqdist": 2, "trace": 2, "var_sqdist": 4}
    for field in (name for name, needed in least.items() if order >= needed):
        exact = torch.cat([getattr(one, field) for one in single], dim=1)
        case.report.near(where, getattr(post, field), exact, 1e-8, 1e-280, words + field)
    for field in (name for name, needed in {"coef": 1, "third": 3}.items() if order >= needed):
        got = getattr(post, field)
        shape = (*log_p.shape, core.coef_width(stats))
        case.report.true(where, got.shape == shape, f"{field} of shape {shape}, got {tuple(got.shape)}")
        for j, one in enumerate(single):
            found, exact = core.assemble(stats, got[:, j]), core.assemble(stats, getattr(one, field)[:, 0])
            scale = float(exact.abs().max()) + 1e-12 * case.scale
            case.report.close(where, found, exact, scale, 1e-8, words + field)
