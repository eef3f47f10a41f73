"""Are planted faults named by their kind, with their size? (C1b)"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

import manifolds
from analysis.certify import Finding, certify, certify_sampler, wrap
from analysis.certify.levels import noisy
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.samplers import Schedule
from analysis.samplers.integrators import Euler, Heun
from analysis.theory.coefficients import plain_euler
from analysis.theory.gaussian_run import run_variances
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.denoisers.prior import DiscretePrior

CLAIMS = (
    Claim(
        id="C1b",
        kind="own",
        source="analysis.certify",
        statement="ten planted faults are named by their kind with their size to a fifth: on S^8 in R^128 scaled by "
        "1.02, level read x 1.05, residual declared clean, noise declared score, off-centre by R/100, noise of .1 "
        "sigma in the answers, dimension off by one, an 81-point grid of levels (d = 1024); plain Euler; Heun with a "
        "wrong last step",
        quantity="largest relative error of a size, 1 where the kind is another; exact truths",
        predicted="0",
        allowed=(-math.inf, 0.2),
        profile="full",
        wide="a number without sampling error of its own",
    ),
)
FAULTS = (
    "scaled", "level", "residual", "noise", "off_centre", "stochastic", "dimension", "grid", "euler", "last_step",
)  # fmt: skip
LARGER = 1.25  # of the sabotage: the fault is planted a quarter larger than it is said to be


class Case(NamedTuple):
    """What was found, and what should have been."""

    findings: tuple[Finding, ...]
    kind: str
    size: float


def cells(options) -> list[Cell]:
    """A cell a fault, and the sabotage of one; a smoke run has two."""
    found = [Cell("planted", {"fault": name, "larger": 1.0}, 4.0) for name in FAULTS]
    found.append(Cell("planted", {"fault": "scaled", "larger": LARGER}, 2.0))
    return found[:1] + found[-1:] if options.profile == "smoke" else found


def cell_planted(params: dict, seed: int) -> list[dict]:
    """The certificate of one fault."""
    case = _SAMPLERS[params["fault"]]() if params["fault"] in _SAMPLERS else _denoiser(params, seed)
    first = case.findings[0] if case.findings else None
    named = len(case.findings) == 1 and first is not None and first.kind == case.kind and first.size is not None
    size = first.size if named and first is not None and first.size is not None else math.nan
    error = abs(size / case.size - 1) if named else 1.0
    kinds = " ".join(finding.kind for finding in case.findings)
    return [{"planted_kind": case.kind, "found": kinds, "truth": case.size, "size": size, "error": error}]


def _denoiser(params: dict, seed: int) -> Case:
    fault, larger = params["fault"], params["larger"]
    law = manifolds.make("sphere", dim=8, ambient=1024 if fault == "grid" else 128)
    told = law.denoise
    if fault == "scaled":
        return _case(lambda y, s: (1 + 0.02 * larger) * told(y, s), law, seed, "not_optimal", 0.02)
    if fault == "level":
        return _case(lambda y, s: told(y, 1.05 * s), law, seed, "level_bias", 0.05, less=1.0)
    if fault == "residual":
        return _declared(lambda y, s: y - told(y, s), law, seed, lambda y, s, x: y - 2 * x)
    if fault == "noise":
        f = wrap(lambda y, s: (y - told(y, s)) / s[:, None], "score")
        return _declared(f, law, seed, lambda y, s, x: y + s * (y - x) - x)
    if fault == "off_centre":
        b = torch.zeros(128, dtype=torch.float64)
        b[50] = 0.01
        return _case(lambda y, s: told(y - b, s) + b, law, seed, "not_equivariant", 0.01)
    if fault == "stochastic":
        draw = torch.Generator().manual_seed(seed)

        def stochastic(y, s):
            return told(y, s) + 0.1 * s * torch.randn(y.shape, generator=draw, dtype=y.dtype) / math.sqrt(128)

        return _case(stochastic, law, seed, "not_deterministic", 0.1)
    if fault == "dimension":
        other = manifolds.make("sphere", dim=9, ambient=11)

        def lifted(y, s):
            u = y[:, :9]
            norm = u.norm(dim=1, keepdim=True)
            point = torch.cat([norm, norm.new_zeros(len(y), 10)], dim=1)
            return law.space.embed(u / norm * other.denoise(point, s)[:, :1])

        return _case(lifted, law, seed, "wrong_dimension", 1.0)
    levels = DiscretePrior(torch.logspace(-2, 1, 81, dtype=torch.float64), torch.ones(81, dtype=torch.float64))
    coarse = BlindDenoiser(law, levels)
    prior = NoisePrior.power(-1.0, 0.01, 10.0)
    return _case(lambda y: coarse(y), law, seed, "coarse_level_grid", math.log(1000) / 80, prior=prior)


def _case(
    f: Callable,
    law: manifolds.Law,
    seed: int,
    kind: str,
    size: float,
    less: float = 0.0,
    prior: NoisePrior | None = None,
) -> Case:
    findings = certify(f, law, seed=seed, runs=False, prior=prior).findings
    return Case(tuple(_less(finding, less) for finding in findings), kind, size)


def _less(finding: Finding, less: float) -> Finding:
    """A factor's distance from 1."""
    size = None if finding.size is None else finding.size - less
    return Finding(finding.kind, finding.sentence, finding.level, size)


def _declared(f: Callable, law: manifolds.Law, seed: int, error: Callable) -> Case:
    """Its size is the root mean square of f - f* over sigma at the level that is named, here by points of its own."""
    findings = certify(f, law, seed=seed, runs=False).findings
    level = next((finding.level for finding in findings if finding.level is not None), 1.0)
    y = noisy(law, level, 4000, manifolds.stream(seed, "planted"))
    size = float((error(y, level, law.denoise(y, level)) ** 2).sum(dim=1).mean().sqrt()) / level
    return Case(findings, "wrong_prediction_type", size)


class _WrongLast(Heun):
    """Heun whose last step leaves the correction out."""

    name = "wrong_last"

    def mean(self, y, fy, i, steps, evaluate):
        first = fy + steps.contraction[i] * (y - fy)
        return first if i == steps.steps - 1 else super().mean(y, fy, i, steps, evaluate)


def _euler() -> Case:
    levels = Schedule.proportional(10.0, 0.1, steps=16).sigma.numpy()
    _, normal = run_variances(*plain_euler(levels, 0.5), levels, 0.7)
    return Case(certify_sampler(Euler()).findings, "level_not_kept", math.sqrt(normal[-1]) / 0.1 - 1)


def _last_step() -> Case:
    """On a line every step is a factor: what Heun's last one is, and what it is without its correction."""
    sigma, s2 = Schedule.proportional(10.0, 0.1, steps=16).sigma.tolist(), 0.2**2
    right, ahead, whole = 1.0, 1.0, 1.0
    for a, b in zip(sigma[:-1], sigma[1:]):
        slope = a / (s2 + a * a)
        ahead = 1 + (b - a) * slope
        whole = 1 + (b - a) / 2 * (slope + ahead * b / (s2 + b * b))
        right *= whole
    size = right**2 * ((ahead / whole) ** 2 - 1) * (s2 + 100.0) / (s2 + 0.01)
    return Case(certify_sampler(_WrongLast()).findings, "wrong_last_step", size)


_SAMPLERS = {"euler": _euler, "last_step": _last_step}


def decide(tables, options) -> list[Measurement]:
    """C1b, from all faults at once."""
    table = tables["planted"]
    own, larger = table[table.larger == 1.0], table[table.larger != 1.0]
    if len(own) < len(FAULTS) or larger.empty:
        return []
    worst = own.loc[own.error.idxmax()]
    spoilt = float(larger.error.max())
    controls = [
        Control("null", "a fault of the size that it is said to have", *2 * (float(own.error.min()),)),
        Control("power", f"a fault {LARGER} times as large as it is said to be", spoilt, spoilt),
    ]
    note = f"{len(own)} faults, all but {int((own.error >= 1).sum())} named"
    return [Measurement("C1b", worst.error, worst.error, worst.error, controls, note, str(worst.fault))]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"planted": cell_planted}, decide=decide)
