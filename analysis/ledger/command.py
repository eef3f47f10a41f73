"""The error ledger: the path KL of a blind sampler, term by term, beside the paper's bound for each term."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas
import torch

import manifolds
from analysis.ledger.calculation import ledger
from analysis.ledger.direct import perturbed
from analysis.ledger.sizes import radius
from analysis.metrics.total_variation import tv_lower_from_samples
from analysis.runs import Argument, Cell, Experiment, Question, between, whole
from analysis.runs.experiment import Tables
from analysis.samplers import Schedule, sample
from analysis.theory.blindness import blindness_bound_form
from analysis.theory.discretisation import discretisation_bound_form
from analysis.theory.initial import initial_bound
from analysis.theory.learning import learning_equality, nats
from analysis.theory.rates import total_variation_bound, total_variation_bound_large
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior, PlugInDenoiser
from manifolds.law import Law
from manifolds.registry import law_name
from manifolds.streams import Stream

__all__ = ["EXPERIMENT", "build", "denoiser_name"]

_FACTOR = 1e6  # of a scaled denoiser: squares of squares of points must have room
_PLAIN = ("blind", "conditional", "plug-in", "perturbed")
_RUN = ("law", "dim", "ambient", "steps", "a", "denoiser", "sigma_start", "sigma_end")
_STEPWISE = ("blind", "discretisation", "learning", "cross", "total")


def denoiser_name(text: str) -> str:
    """A denoiser's name (blind, conditional, plug-in, perturbed, scaled:0.93), checked: the type of an option.

    >>> denoiser_name("scaled:0.93")
    'scaled:0.93'
    """
    kind, _, factor = text.partition(":")
    if text in _PLAIN:
        return text
    try:
        good = kind == "scaled" and abs(float(factor)) <= _FACTOR
    except ValueError:
        good = False
    if not good:
        raise argparse.ArgumentTypeError(
            f"must be {', '.join(_PLAIN)} or scaled:FACTOR (at most {_FACTOR:g}), got {text!r}"
        )
    return text


_LEVEL = between(1e-50, 1e50)  # priors and squared distances have room for 60 decades; see manifolds.checks
ARGUMENTS = (
    Argument("--law", type=law_name, nargs="+", default=("sphere",), help="data laws"),
    Argument("--dim", type=whole(1, 10**4), nargs="+", default=(8,), help="intrinsic dimensions k"),
    # counted in 64 bits
    Argument("--ambient", type=whole(1, 10**18), nargs="+", default=(20, 100, 1000), help="ambient dimensions d"),
    Argument("--steps", type=whole(1, 10**6), default=256, help="steps N", by_profile={"smoke": 32}),
    # the time of a run grows as 1/(1 - a)
    Argument("--a", type=between(1e-100, 0.99), default=0.5, help="injection a_t = a sigma_t^2"),
    Argument(
        "--denoiser",
        type=denoiser_name,
        nargs="+",
        default=("blind", "scaled:0.99"),
        help="blind, conditional, plug-in, perturbed or scaled:FACTOR",
    ),
    Argument("--sigma-start", type=_LEVEL, default=20.0, help="largest noise level sigma_0"),
    Argument("--sigma-end", type=_LEVEL, default=0.02, help="smallest noise level sigma_T"),
)


def cells(options: Any) -> list[Cell]:
    """The ledgers that were asked for; refuses what cannot be built, naming the argument."""
    start, end = options.sigma_start, options.sigma_end
    if not end < start:
        raise ValueError(f"argument --sigma-end: must be smaller than --sigma-start ({start:g}), got {end:g}")
    points = {"smoke": 64, "paper": 256, "full": 4096}[options.profile]
    found = []
    for law, dim, ambient, slow in _laws(options):
        for denoiser in options.denoiser:
            run = {"law": law, "dim": dim, "ambient": ambient, "steps": options.steps, "a": options.a}
            run |= {"denoiser": denoiser, "sigma_start": start, "sigma_end": end}
            # at least 16 fine steps per unit of time where a != 1/2
            fine = 16 * math.log(start / end) / (1 - options.a) if options.a != 0.5 else 0.0
            cost = 1e-5 * slow * (options.steps + fine)
            found.append(Cell("ledger", run | {"points": points}, cost=cost * points))
            found.append(Cell("ledger_run", run | {"points": 2 * points}, cost=cost * points * 3))
    return found


def _laws(options: Any) -> Iterator[tuple[str, int, int, float]]:
    """Name, k, d and relative cost of every law of a selection that can be built and resolved."""
    for law in options.law:
        for dim in options.dim:
            for ambient in options.ambient:
                try:
                    built = manifolds.make(law, dim=dim, ambient=ambient, reduced=True)
                except (ValueError, TypeError) as error:
                    asked = f"--law {law} --dim {dim} --ambient {ambient}"
                    raise ValueError(f"argument --law/--dim/--ambient: {error} ({asked})") from error
                finest = getattr(built.core, "finest_sigma", 0.0)
                if options.sigma_end < finest:
                    raise ValueError(
                        f"argument --sigma-end: must be at least {finest:g} for --law {law}, got {options.sigma_end:g}"
                    )
                yield law, dim, ambient, 40.0 if hasattr(built.core, "points") else 1.0


def build(name: str, law: Law, low: float, high: float) -> tuple[Callable, BlindDenoiser | None]:
    """(f^, the f* that splits its gap into blindness and learning); None for a conditional denoiser, whose gap is 0.

    >>> law = manifolds.make("sphere", dim=2, ambient=20, reduced=True)
    >>> build("scaled:0.9", law, 0.1, 5.0)[1]
    BlindDenoiser(Law(sphere, k=2, m=3, d=20, reduced), sigma in [0.1, 5])
    """
    if name == "conditional":
        return ConditionalDenoiser(law), None
    # the prior of the theory: with it the terms add up as the steps become fine
    best = BlindDenoiser(law, NoisePrior.power(-3.0, low, high), tol=1e-6)
    if name == "plug-in":
        return PlugInDenoiser(law, low, high), best
    if name == "perturbed":
        return perturbed(best), best
    if name.startswith("scaled:"):
        factor = float(name.partition(":")[2])
        return (lambda y: factor * best(y)), best
    return best, best


def _setting(params: dict) -> tuple[Law, Schedule, Callable, BlindDenoiser | None]:
    law = manifolds.make(params["law"], dim=params["dim"], ambient=params["ambient"], reduced=True)
    low, high = params["sigma_end"], params["sigma_start"]
    schedule = Schedule.proportional(high, low, a=params["a"], steps=params["steps"])
    return law, schedule, *build(params["denoiser"], law, low, high)


def cell_ledger(params: dict, seed: int) -> list[dict]:
    """Every step of the ledger: nats of each term, with standard errors, and per unit of log sigma."""
    law, schedule, f, best = _setting(params)
    # common draws over ambient dimensions and denoisers
    stream = manifolds.stream(seed, "ledger", "terms", params["law"], params["dim"])
    found = ledger(law, f, schedule, params["points"], stream, reference=best)
    start = {"init": found.init.value, "init_se": found.init.standard_error}
    return [row | start for row in found.rows()]


def cell_run(params: dict, seed: int) -> list[dict]:
    """The run itself: a lower 95 % limit on the total variation between p_{sigma_T} and the law of Y_N; and the bounds.

    The bounds are those of arXiv 2602.09639 with their universal constants set to 1; for the learning term the excess
    risk under the prior of the run is measured along the same levels.
    """
    law, schedule, f, best = _setting(params)
    stream = manifolds.stream(seed, "ledger", "run", params["law"], params["dim"])
    low, high, n, a = params["sigma_end"], params["sigma_start"], params["points"], params["a"]
    end = sample(f, law, schedule, n, stream.child("run"))
    truth, other = (law.add_noise(law.sample(n, s), low, s) for s in (stream.child("truth"), stream.child("other")))
    y, truth, other = (_features(law, p) for p in (end.y, truth, other))
    k, d, size = law.intrinsic_dim, law.ambient_dim, radius(law)
    row = {
        "tv_lower": tv_lower_from_samples(y, truth, stream.child("tv")),
        "tv_lower_truth": tv_lower_from_samples(other, truth, stream.child("tv")),
        "bound_init": initial_bound(law.second_moment, high),
        "bound_blind": blindness_bound_form(k, d, size, high, low, a),
        "bound_discretisation": discretisation_bound_form(k, float(schedule.h[0]), size, low, a),
    }
    return [row | {"bound_learning": _learning_bound(law, f, best, high, low, a, n, stream.child("risk"))}]


def _features(law: Law, y: torch.Tensor) -> torch.Tensor:
    """Core coordinates and the norm of the rest: what tells two laws of the reduced form apart."""
    u, rho2 = law.space.split(y)
    return torch.cat([u, rho2.sqrt()[:, None]], dim=1)


def _learning_bound(
    law: Law, f: Callable, best: Callable | None, high: float, low: float, a: float, n: int, stream: Stream
) -> float:
    """Theorem 3.12 in nats: excess risk / min a(1-a) sigma^3 Theta, for Theta proportional to sigma^-3 A_T/4 of it."""
    if best is None or f is best:
        return 0.0
    p = (torch.arange(n, dtype=torch.float64) + stream.child("level").uniform(n)) / n
    sigma = (high**-2 + p * (low**-2 - high**-2)).rsqrt()
    y = law.add_noise(law.sample(n, stream.child("data")), sigma, stream.child("noise"))
    return nats(learning_equality(float(law.space.sqnorm(f(y) - best(y)).mean()), high, low, a))


def derive(tables: Tables, options: Any) -> Tables:
    """The terms of each run beside their bounds."""
    if not {"ledger", "ledger_run"} <= set(tables):
        return {}
    return {"ledger_terms": terms(tables["ledger"], tables["ledger_run"])}


def terms(steps: pandas.DataFrame, runs: pandas.DataFrame) -> pandas.DataFrame:
    """A row a term of each run: nats, standard error, the paper's bound with constant 1; a total its certificate."""
    rows = []
    for key, group in steps.groupby(list(_RUN), sort=False):
        run = runs[np.logical_and.reduce([runs[c] == v for c, v in zip(_RUN, key)])].iloc[0]
        init = float(group["init"].iloc[0])
        found = {"init": (init, float(group["init_se"].iloc[0]))}
        for name in _STEPWISE:
            found[name] = (float(group[name].sum()), math.sqrt(float((group[f"{name}_se"] ** 2).sum())))
        found["total"] = (found["total"][0] + init, math.hypot(found["total"][1], found["init"][1]))
        kl = max(found["total"][0], 0.0)
        tv = min(total_variation_bound(kl), total_variation_bound_large(kl))
        for name, (value, error) in found.items():
            row = dict(zip(_RUN, key)) | {"term": name, "nats": value, "nats_se": error}
            row["bound"] = run.get(f"bound_{name}", math.nan)
            last = name == "total"
            row["tv_certified"] = tv if last else math.nan
            row["tv_measured"] = run["tv_lower"] if last else math.nan
            row["tv_truth"] = run["tv_lower_truth"] if last else math.nan
            rows.append(row)
    return pandas.DataFrame(rows)


def show(tables: Tables, options: Any) -> str:
    """A block a run: its terms, their standard errors and bounds, the certificate and the measured divergence."""
    if "ledger_terms" not in tables:
        return ""
    blocks = []
    for (law, k, d, n, a, f), group in tables["ledger_terms"].groupby(list(_RUN[:6]), sort=False):
        lines = [
            f"{law}  k={k}  d={d}  N={n}  a={a:g}  denoiser {f}",
            f"  {'term':<16}{'nats':>12}{'s.e.':>12}{'bound (C = 1)':>16}",
        ]
        lines += [
            f"  {r.term:<16}{_number(r.nats):>12}{_number(r.nats_se):>12}{_number(r.bound):>16}"
            for r in group.itertuples()
        ]
        total = group[group["term"] == "total"].iloc[0]
        lines.append(
            f"  total variation: certified <= {total['tv_certified']:.4f}, measured >= {total['tv_measured']:.4f} "
            f"(95 %; truth against truth {total['tv_truth']:.4f})"
        )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _number(value: float) -> str:
    if pandas.isna(value):
        return ""
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e3 else f"{value:.2e}"


QUESTION = Question(
    parts={"ledger": cell_ledger, "ledger_run": cell_run},
    cells=cells,
    derive=derive,
    show=show,
    figures=("ledger_over_sigma",),
    arguments=ARGUMENTS,
)
EXPERIMENT = Experiment("ledger", __doc__, questions=(QUESTION,))
