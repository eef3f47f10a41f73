"""What callers lean on besides the numbers: shapes, types, batches, streams, empty inputs, arguments left alone."""

from __future__ import annotations

import torch

from manifolds.checking.case import ANSWERS, Case
from manifolds.law import Law
from manifolds.shapes import Points

_EPS = torch.finfo(torch.float64).eps


def declared(case: Case) -> None:
    """Name, dimensions, radius, mean and second moment make sense together."""
    core, report = case.core, case.report
    where = core.name or type(core).__name__
    report.true(where, isinstance(core.name, str) and bool(core.name), "a name")
    for name in ("intrinsic_dim", "core_dim"):
        report.true(where, isinstance(getattr(core, name), int), f"{name} an int")
    k, m, d = core.intrinsic_dim, core.core_dim, case.reduced.ambient_dim
    report.true(where, 0 <= k <= d and 0 <= m <= d, f"0 <= k, m <= d, got k = {k}, m = {m}, d = {d}")
    report.true(where, core.finite or core.absorbs_normal or k <= m, f"k <= m, got k = {k}, m = {m}")
    report.true(where, core.mean.shape == (m,) and core.mean.dtype == torch.float64, f"mean float64 of shape ({m},)")
    least = float(core.mean @ core.mean)
    holds = least * (1 - 1e-12) <= core.second_moment <= core.radius**2 * (1 + 1e-12)
    report.true(where, holds, "|E X|^2 <= E|X|^2 <= R^2")


def _all(law: Law, y: Points, sigma: float) -> dict[str, torch.Tensor]:
    found = {answer: getattr(law, answer)(y, sigma) for answer in ANSWERS}
    return {**found, "project": law.project(y), "distance": law.distance(y)}


def shapes(case: Case) -> None:
    """Every answer is finite float64 of its shape, for no rows too, and leaves its argument alone."""
    for law, sigma, where in case.each():
        for n in (0, 1, 3):
            _, noisy = case.noisy(law, max(n, 1), sigma)
            y = noisy[:n].contiguous()
            before = y.clone()
            for answer, found in _all(law, y, sigma).items():
                wide = answer in ("denoise", "distance_covariance", "project")
                shape = (n, law.space.width) if wide else (n,)
                holds = found.shape == shape and found.dtype == torch.float64
                got = f"got {tuple(found.shape)} of {found.dtype}"
                case.report.true(where, holds, f"{answer} of {n} rows to be float64 of shape {shape}, {got}")
                case.report.true(where, bool(torch.isfinite(found).all()), f"{answer} finite")
            alone = torch.equal(y, before)
            case.report.true(where, alone, "answers that do not write into y")


def batches(case: Case) -> None:
    """A row's answer depends neither on the other rows nor on how sigma is given."""
    for law, sigma, where in case.each():
        _, y = case.noisy(law, 5, sigma)
        levels = sigma * torch.tensor([1.0, 1.3, 2.0, 3.0, 6.0], dtype=torch.float64)
        for answer in ANSWERS:
            together = getattr(law, answer)(y, levels)
            alone = torch.cat([getattr(law, answer)(y[i : i + 1], float(levels[i])) for i in range(5)])
            slack = 1e-11 * (float(alone.abs().max()) + 1e-290)
            case.report.near(where, together, alone, 1e-10, slack, f"{answer} row by row that of the batch")


def streams(case: Case) -> None:
    """Draws follow from the stream alone: the same labels, the same draws; the first rows do not depend on their
    number; the stream is advanced."""
    for form, law in case.laws:
        where = f"{law.name}, {form}"
        sigma, drawn = case.levels[0], []
        for n in (5, 5, 300):
            source = case.stream(form)
            drawn.append(law.add_noise(law.sample(n, source), sigma, source))
        first, again, many = drawn
        repeated = torch.equal(first, again)
        case.report.true(where, repeated, "the same draws from equal streams")
        # matrix products that place the points round by batch size
        tolerance = 8 * _EPS * float(many.abs().max())
        case.report.close(where, first, many[:5], 1.0, tolerance, "rows that do not depend on the number of rows")
        source = case.stream(form)
        one, two = law.sample(8, source), law.sample(8, source)
        moved = case.spread == 0 or case.core.finite or not torch.equal(one, two)
        case.report.true(where, moved, "a stream that is advanced by drawing")
