"""A law's support: projection, distance, the limits of little and of much noise, covering numbers."""

from __future__ import annotations

import math

import torch

from manifolds.checking.case import Case


def projection(case: Case) -> None:
    """project gives the nearest point, again on the support; samples lie there; distance is the length of the way."""
    for form, law in case.laws:
        sigma = max(0.5 * case.scale, case.finest)
        where, scale = f"{law.name}, {form}, d = {law.ambient_dim}", case.scale
        x, y = case.noisy(law, 40, sigma)
        p, far = law.project(y), law.distance(y)
        case.report.close(where, law.project(p), p, scale, 1e-8, "project(project(y)) = project(y)")
        case.report.small(where, law.distance(p).max() / scale, 1e-8, "distance 0 from the projection to the support")
        case.report.small(where, law.distance(x).max() / scale, 1e-6, "samples on the support")
        case.report.near(
            where, far, law.space.sqnorm(y - p).sqrt(), 1e-9, 1e-9 * scale, "distance(y) = |y - project(y)|"
        )
        if not law.reduced:
            others = law.sample(2000, case.stream("others"))
            least = torch.cdist(y, others, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1).values
            beyond = float((far - least).max()) / scale
            case.report.small(where, beyond, 1e-9, "no sample nearer to y than its projection")


def little_noise(case: Case) -> None:
    """At a fine level the denoiser is the projection, but for curvature, which moves it by sigma^2 k/(2 r).

    Laws on all of R^d are not asked: a part of theirs of lower dimension, which the projection ignores, holds the mean.
    """
    if case.core.absorbs_normal:
        return
    sigma = case.finest or 1e-4 * case.scale
    for form, law in case.laws:
        where = f"{law.name}, {form}, sigma = {sigma:.3g}"
        _, y = case.noisy(law, 50, sigma)
        gap = law.space.sqnorm(law.denoise(y, sigma) - law.project(y)).sqrt()
        tolerance = 0.7 if case.finest else 0.05
        case.report.small(where, float(gap.median()) / sigma, tolerance, "f near the projection, in units of sigma")


def far_off(case: Case) -> None:
    """Off the support and at small levels, where log p is of size sigma^-2, the mean is the nearest point.

    Laws that refuse fine levels are not asked, nor are laws on all of R^d: nothing is off them.
    """
    law = case.reduced
    for sigma in () if case.finest or case.core.absorbs_normal else (1e-4, 1e-6, 1e-8):
        level = sigma * case.scale
        source = case.stream(law.name)
        y = law.add_noise(law.sample(20, source), 0.5 * case.scale, source)
        error = float((law.denoise(y, level) - law.project(y)).norm(dim=1).max()) / level
        where = f"{law.name}, reduced, sigma = {level:.3g}, half a scale off the support"
        case.report.small(where, error, 1.0, "f = project(y) up to sigma")


def much_noise(case: Case) -> None:
    """Under huge noise the prior is left, and the density is that of the noise about the mean."""
    sigma = 1e5 * case.scale
    for form, law in case.laws:
        where, d = f"{law.name}, {form}, sigma = {sigma:.3g}", law.ambient_dim
        shift = 0.01 * sigma * case.stream(form).normal(3, law.space.width)
        if law.reduced:
            shift[:, -1].abs_()
        y = law.space.center + shift
        size = math.sqrt(case.spread) or case.scale
        case.report.close(where, law.denoise(y, sigma), law.space.center.expand_as(y), size, 1e-4, "f = E X")
        spread = torch.full((3,), case.spread, dtype=torch.float64)
        case.report.close(where, law.posterior_trace(y, sigma), spread, size**2, 1e-3, "tr Cov = E|X - E X|^2")
        log_p = -0.5 * law.space.sqnorm(shift) / sigma**2 - d * (math.log(sigma) + 0.5 * math.log(2.0 * math.pi))
        log_p = log_p - 0.5 * case.spread / sigma**2
        case.report.near(where, law.log_marginal(y, sigma), log_p, 1e-12, 1e-6, "log p that of N(E X, sigma^2 I)")


def covering(case: Case) -> None:
    """Bounds on the covering number are ordered, fall with eps, and end at one ball."""
    law = case.reduced
    where = law.name
    bounds = [law.log_covering_number(eps * case.scale) for eps in (0.01, 0.1, 1.0, 1e3)]
    case.report.true(where, all(0 <= low <= high for low, high in bounds), "0 <= lower bound <= upper bound")
    falls = all(a[0] >= b[0] and a[1] >= b[1] for a, b in zip(bounds, bounds[1:]))
    case.report.true(where, falls, f"bounds that fall with eps, got {bounds}")
    if law.bounded:
        low, high = law.log_covering_number(2.0 * law.radius + case.scale)
        parts = len(getattr(law.core, "components", (law.core,)))  # a mixture may count a ball for each part
        case.report.true(where, low == 0.0 and high <= math.log(parts) + 1e-12, "one ball of twice the radius to do")
