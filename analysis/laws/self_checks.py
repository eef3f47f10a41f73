"""Do the answers of every law agree with its samples, its density and its limits, whatever its formulas?

Each check gives an error, its tolerance, and the error that a deliberate mistake makes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd
import torch

from analysis.laws.derivatives import first
from analysis.laws.settings import LAW, build, case, noisy, rms, shape
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.claims import Revision
from manifolds import Law, Stream, stream

__all__ = ["CLAIMS", "QUESTION", "cell_self_checks", "decide"]

CLAIMS = (
    # a tolerance is its check's own: rounding for identities, four standard errors for Monte Carlo, 10 % for a rank
    Claim(
        "V1",
        "control",
        "derived here",
        "answers of every law agree with its samples, its density and its limits (every registered law, k = 2 where it "
        "exists, three normal directions)",
        "worst error over tolerance, over laws and checks",
        "<= 1",
        (0.0, 1.0),
        revised=Revision(
            "the same, beside gross mistakes",
            "the check that noticed its mistake least saw it at 248 tolerances: nothing near one was tried",
        ),
    ),
)

_NORMAL_DIM = 3


def cells(options) -> list[Cell]:
    """One cell a law, at k = 2 where the law has it, in a few more dimensions than it needs."""
    return [Cell("self_checks", {**case(name, 2, _NORMAL_DIM), **_small_level(name)}, cost=1.0) for name in options.law]


def _small_level(name: str) -> dict:
    """The small noise level of the limits, in units of the data's size; for a surface what 10^5 nodes allow."""
    found = shape(name, 2)
    if found.finest == 0 or found.dim is None:
        return {"level": 1e-3}
    finer = {1: 8.0, 2: 3.0}.get(found.dim, 1.0)  # by which its default nodes are refined
    size = rms(build(case(name, 2, _NORMAL_DIM), reduced=True))
    # in six digits: a cell is known by its parameters, and the last ones of a measured size vary with the threads
    return {
        name: float(f"{value:.6g}")
        for name, value in (("level", 1.01 * found.finest / finer), ("finest", found.finest * size / finer))
    }


_POINTS = 40
_NEIGHBOURS = 3000  # draws for the local dimension: standard error k/sqrt(n) = 2 %
_MOMENT_DRAWS = 20_000
# mistakes of one to two tolerances, whatever the law: of the denoiser (in units of the noise), of the second moment (in
# standard errors), of the distances' log ratio and of the posterior trace
_ASIDE, _OFF_SUPPORT, _MORE, _STEEP, _WIDE = 1.5e-8, 0.15, 6.0, 1.15, 1.03


class Check(NamedTuple):
    """An error that must not exceed its tolerance, and the error that a deliberate mistake makes."""

    check: str
    error: float
    tolerance: float
    sabotaged: float


def cell_self_checks(params: dict, seed: int) -> list[dict]:
    """One row a check of one law."""
    source = stream(seed, "self checks", params["law"])
    found = [c for check in _CHECKS for c in check(params, source.child(check.__name__))]
    return [{**c._asdict(), "passed": c.error <= c.tolerance} for c in found]


def _gap(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest difference over the largest size."""
    return float((a - b).abs().max() / torch.maximum(a.abs().max(), b.abs().max()).clamp(min=1e-300))


def _answers(law: Law, y: torch.Tensor, sigma: float) -> torch.Tensor:
    """(n, 5): log p per dimension, tr Cov, Var(|X-y|^2), |f|, |W|: what dense and reduced forms must share."""
    log_p = law.log_marginal(y, sigma) / law.ambient_dim
    norms = [law.space.sqnorm(answer(y, sigma)).sqrt() for answer in (law.denoise, law.distance_covariance)]
    return torch.stack([log_p, law.posterior_trace(y, sigma), law.distance_variance(y, sigma), *norms], dim=1)


def _columns_gap(a: torch.Tensor, b: torch.Tensor) -> float:
    return max(_gap(x, y) for x, y in zip(a.T, b.T))


def dense_is_reduced(params: dict, source: Stream) -> Iterator[Check]:
    """The same numbers from R^d and from quotient coordinates; and another ambient dimension must show."""
    dense, reduced = build(params), build(params, reduced=True)
    sigma = 0.5 * rms(dense)
    _, y = noisy(dense, sigma, _POINTS, source)
    u, rho2 = dense.space.split(y)
    small = torch.cat([u, rho2.sqrt()[:, None]], dim=1)
    truth = _answers(dense, y, sigma)
    wrong = _columns_gap(truth, _answers(_one_more_dimension(reduced, params), small, sigma))
    yield Check("dense = reduced", _columns_gap(truth, _answers(reduced, small, sigma)), 1e-10, wrong)
    # the same point of the same law, turned: equal by symmetry alone, so it shows what rounding does
    turned = build(params, rotation=1)
    along = torch.zeros_like(y)
    if dense.space.normal_dim > 0:
        along = turned.space.normal_part(source.child("normal").normal(*y.shape))
        along = along / along.norm(dim=1, keepdim=True) * rho2.sqrt()[:, None]
    moved = turned.space.embed(u) + along
    yield Check("rotated = plain", _columns_gap(truth, _answers(turned, moved, sigma)), 1e-10, wrong)


def _one_more_dimension(law: Law, params: dict) -> Law:
    d = law.ambient_dim + 1
    if not law.core.absorbs_normal:
        return law.with_ambient(d)
    return build(
        {**params, "ambient": d, "dim": d if params["dim"] == params["ambient"] else params["dim"]}, reduced=True
    )


def tweedie(params: dict, source: Stream) -> Iterator[Check]:
    """f = y + sigma^2 grad log p along a random direction, by differences; and of a denoiser that is off that way."""
    law = build(params)
    sigma = 0.5 * rms(law)
    _, y = noisy(law, sigma, _POINTS, source)
    v = source.child("direction").normal(*y.shape)
    v = v / v.norm(dim=1, keepdim=True)
    step = torch.full((len(y),), 0.2 * sigma, dtype=torch.float64)
    slope = sigma * first(lambda t: torch.stack([law.log_marginal(y + r[:, None] * v, sigma) for r in t]), step)
    f = law.denoise(y, sigma)
    error = float((slope - ((f - y) * v).sum(1) / sigma).abs().max())
    wrong = float((slope - ((f + _ASIDE * sigma * v - y) * v).sum(1) / sigma).abs().max())
    yield Check("Tweedie", error, 1e-8, wrong)


def limits(params: dict, source: Stream) -> Iterator[Check]:
    """sigma -> infinity: f is the mean, up to rms^2/sigma. sigma -> 0: the support's nearest point, to second order."""
    law = build(params)
    size = rms(law)
    wide, fine = 1e3 * size, params["level"] * size
    _, y = noisy(law, wide, _POINTS, source)
    centre = law.space.center
    shift = (law.denoise(y, wide) - centre).norm(dim=1).max() / size
    yield Check("far: the mean", float(shift), 0.05, float((law.denoise(y, size) - centre).norm(dim=1).max() / size))
    if law.core.absorbs_normal:
        return  # the support is all of R^d
    _, y = noisy(law, fine, _POINTS, source)
    # most points: near an edge of the support f stays off it by about sigma
    gap = law.denoise(y, fine) - law.project(y)
    aside = source.child("aside").normal(*y.shape)
    wrong = gap + _OFF_SUPPORT * fine * aside / aside.norm(dim=1, keepdim=True)
    error, mistaken = (float(g.norm(dim=1).median() / fine) for g in (gap, wrong))
    yield Check("near: the support", error, 0.1, mistaken)


def moments(params: dict, source: Stream) -> Iterator[Check]:
    """E|X|^2 by Monte Carlo within four standard errors; and of draws that are six too large."""
    law = build(params, reduced=True)
    square = law.space.sqnorm(law.sample(_MOMENT_DRAWS, source))
    se = float(square.std()) / math.sqrt(_MOMENT_DRAWS) / law.second_moment
    ratio = float(square.mean()) / law.second_moment
    yield Check("second moment", abs(ratio - 1.0), 4.0 * se + 1e-12, abs(ratio + _MORE * se + 2e-12 - 1.0))


def _two_nearest(part: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """(n, 2) distances from points of x to their two nearest others; by differences, as squares would cancel."""
    distance = torch.cdist(part, x, compute_mode="donot_use_mm_for_euclid_dist")
    return distance.topk(3, largest=False).values[:, 1:]


def dimension(params: dict, source: Stream) -> Iterator[Check]:
    """The declared k: from samples (ratio of the two nearest distances), and from tr Cov/sigma^2 as sigma falls."""
    law = build(params)
    if law.core.absorbs_normal and law.name != "full_gaussian":
        return  # a mixture of scales has no one dimension
    x = law.sample(_NEIGHBOURS, source)
    nearest = torch.cat([_two_nearest(part, x) for part in x.split(500)])
    finite_set = bool((nearest[:, 0] == 0).float().mean() > 0.5)
    # Facco et al. (2017): the log of the ratio is exponential with rate k
    found = 0.0 if finite_set else float(1.0 / torch.log(nearest[:, 1] / nearest[:, 0]).mean())
    k = 0 if finite_set else law.intrinsic_dim
    wrong = 1.0 if finite_set else abs(_STEEP * found - k)  # a finite set with a dimension
    yield Check("local rank of samples", abs(found - k), 0.1 * k + 1e-12, wrong)
    fine = params["level"] * rms(law)
    shares = []
    for sigma in (fine, 2.0 * fine):
        _, y = noisy(law, sigma, _POINTS, source.child("noise"))
        shares.append(float(law.posterior_trace(y, sigma).median()) / sigma**2)
    slope = (4.0 * shares[0] - shares[1]) / 3.0  # curvature enters as sigma^2
    wrong = abs((_WIDE * slope if k else slope + 2e-3) - k)
    yield Check("tr Cov/sigma^2 -> k", abs(slope - k), 0.02 * k + 1e-3, wrong)


_CHECKS = (dense_is_reduced, tweedie, limits, moments, dimension)


def decide(tables, options) -> list[Measurement]:
    """V1: the worst check; its sabotage is that of the check that notices least."""
    rows = tables["self_checks"]
    ratio = rows.error / rows.tolerance
    worst = rows.loc[ratio.idxmax()]
    caught = (rows.sabotaged / rows.tolerance).groupby(rows.check).max()
    symmetric = ratio[rows.check == "rotated = plain"].max()
    controls = [
        Control("null", "a law turned in space", symmetric, symmetric),
        Control("power", f"a mistake in each check, least seen by: {caught.idxmin()}", caught.min(), caught.min()),
    ]
    return [Measurement("V1", ratio.max(), ratio.max(), ratio.max(), controls, f"{worst.law}: {worst.check}")]


def show(tables, options) -> str:
    """Error over tolerance, a line a law and a column a check."""
    rows = tables["self_checks"].assign(share=lambda t: t.error / t.tolerance)
    table = rows.pivot(index="law", columns="check", values="share").map(lambda v: "-" if pd.isna(v) else f"{v:.1g}")
    head = "error over tolerance of each check (- where it does not apply; images are checked at 8 x 8 pixels)"
    return f"{head}\n{table.to_string()}"


QUESTION = Question(
    cells=cells,
    parts={"self_checks": cell_self_checks},
    claims=CLAIMS,
    arguments=(LAW,),
    decide=decide,
    show=show,
)
