"""Malformed Python calls of the public functions: each must be a ValueError, in one line that names the argument."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from analysis.faults.processes import Tick, never
from analysis.runs.screen import say

__all__ = ["Call", "calls", "python_calls"]

_NO_NUMBER: tuple[Any, ...] = (None, "x", "", [], {}, (1, 2), True, 1j, math.nan)
BAD: dict[str, tuple[Any, ...]] = {  # what no function may take for an argument of that kind
    "count": (*_NO_NUMBER, math.inf, -math.inf, -1, 0, 1.5, -(10**400)),
    "positive": (*_NO_NUMBER, math.inf, -math.inf, -1, 0, 0.0, -1e-300, 10**400),
    "number": (*_NO_NUMBER[:6], 1j, math.nan, math.inf, -math.inf, 10**400),
    "fraction": (*_NO_NUMBER, math.inf, -0.5, 1.5, 10**400),
    # of a formula: True is 1, and several are taken one by one
    "size": (None, "x", "", {}, 1j, math.nan, -math.inf, -1, -1e-300, 10**400),
    "level": (None, "x", "", {}, 1j, math.nan, math.inf, -math.inf, 0, -1.0, 10**400),
    "share": (None, "x", "", {}, [], (1, 2), 1j, math.nan, math.inf, -0.5, 1.5, 10**400),
    "seed": (*_NO_NUMBER, math.inf, -1, 1.5),
    "law name": (None, "", "spher", 3, [], "nowhere:law", "math:pi", ":", "a:", "os:nothing", "\udcff", "../x:y"),
    "word": (None, "", "nothing", 3, [], {}, 1.5, "\udcff"),
    "law": (None, "sphere", 3, [], object()),
    "stream": (None, 0, "x", object()),
    "schedule": (None, 3, "x", [1.0, 0.5], object()),
    "prior": (None, 3, "x", object(), -3.0),
    "function": (None, 3, "x", []),
    "device": ("cud", "", "cuda:x", 3, "tpu"),
    "levels": (None, 3.0, "x", [], [1.0], [0.5, 1.0], [1.0, 1.0], [1.0, math.nan], [1.0, 0.0], [1.0, -1.0], [[2.0, 1]]),
}  # fmt: skip


class Call(NamedTuple):
    """A function, arguments that it takes, and of which kind each is that is to be spoilt."""

    function: Callable[..., Any]
    good: dict[str, Any]
    kinds: dict[str, str]
    also: tuple[str, ...] = ()  # other names that a message may give to an argument


def calls() -> list[Call]:
    """The functions that outside users call."""
    import manifolds
    from analysis.learning import Network, Recipe, train
    from analysis.ledger import ledger
    from analysis.metrics import intervals
    from analysis.samplers import Schedule, sample
    from analysis.theory import blindness, discretisation, initial, noise, rates, schedule
    from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior, PlugInDenoiser

    law = manifolds.make("sphere", dim=2, ambient=12, reduced=True)
    prior = NoisePrior.power(-3.0, 0.1, 4.0)
    f, run, stream = BlindDenoiser(law, prior), Schedule.proportional(4.0, 0.1, 0.5, 4), manifolds.stream(0)
    x, dense = law.sample(3, manifolds.stream(1)), manifolds.make("sphere", dim=2, ambient=12)
    ends = {"sigma_start": 4.0, "sigma_end": 0.1, "a": 0.5, "steps": 4}
    end_kinds = {"sigma_start": "positive", "sigma_end": "positive", "a": "fraction", "steps": "count"}
    theory = {"k": 2.0, "d": 20.0, "a": 0.5}
    theory_kinds = {"k": "size", "d": "size", "a": "share"}
    level_kinds = {"sigma_0": "level", "sigma_T": "level"}
    trained = {"recipe": Recipe(steps=1, batch=4, warmup=0), "progress": False}
    return [
        Call(
            manifolds.make,
            {"name": "sphere", "dim": 2, "ambient": 12},
            {"name": "law name", "dim": "count", "ambient": "count"},
            ("law",),
        ),
        Call(manifolds.stream, {"seed": 0}, {"seed": "seed"}),
        Call(manifolds.check_law, {"law": law}, {"law": "law"}),
        Call(law.with_ambient, {"ambient": 20}, {"ambient": "count"}),
        Call(law.sample, {"n": 2, "stream": stream}, {"n": "count", "stream": "stream"}),
        Call(law.add_noise, {"x": x, "sigma": 0.5, "stream": stream}, {"sigma": "level", "stream": "stream"}),
        Call(law.denoise, {"y": x, "sigma": 0.5}, {"sigma": "level"}),
        Call(law.log_marginal, {"y": x, "sigma": 0.5}, {"sigma": "level"}),
        Call(law.posterior_trace, {"y": x, "sigma": 0.5}, {"sigma": "level"}),
        Call(
            NoisePrior.power,
            {"exponent": -3.0, "low": 0.1, "high": 4.0},
            {"exponent": "number", "low": "positive", "high": "positive"},
        ),
        Call(prior.sample, {"n": 2, "stream": stream}, {"n": "count", "stream": "stream"}),
        Call(
            BlindDenoiser,
            {"law": law, "prior": prior, "tol": 1e-6},
            {"law": "law", "prior": "prior", "tol": "positive"},
        ),
        Call(ConditionalDenoiser, {"law": law}, {"law": "law"}),
        Call(
            PlugInDenoiser,
            {"law": law, "low": 0.1, "high": 4.0},
            {"law": "law", "low": "positive", "high": "positive"},
        ),
        Call(Schedule.proportional, ends, end_kinds),
        Call(Schedule.karras, ends, end_kinds),
        Call(Schedule.cosine, ends, end_kinds),
        Call(Schedule.from_levels, {"levels": [4.0, 1.0, 0.1], "a": 0.5}, {"levels": "levels", "a": "fraction"}),
        Call(run.refine, {"factor": 2}, {"factor": "count"}),
        Call(
            sample,
            {"f": f, "law": law, "schedule": run, "n": 2, "stream": stream}
            | {"integrator": "ddim", "record": "none", "chunk": 2, "device": "cpu"},
            {"f": "function", "law": "law", "schedule": "schedule", "n": "count", "stream": "stream"}
            | {"integrator": "word", "record": "word", "device": "device"},
        ),
        Call(
            ledger,
            {"law": law, "denoiser": f, "schedule": run, "n": 4, "stream": stream, "substeps": 2},
            {"law": "law", "denoiser": "function", "schedule": "schedule", "n": "count", "stream": "stream"}
            | {"substeps": "count"},
        ),
        Call(
            train,
            {"data": dense, "network": Network("mlp"), "prior": prior, "stream": stream} | trained,
            {"data": "law", "network": "function", "prior": "prior", "stream": "stream", "device": "device"}
            | {"validate_every": "count", "threads": "count", "precision": "word"},
            ("law",),
        ),
        Call(
            Recipe,
            {},
            {"steps": "count", "batch": "count", "lr": "positive", "decay": "word", "clip": "positive"},
        ),
        Call(intervals.mean, {"x": [1.0, 2.0, 3.0], "confidence": 0.95}, {"confidence": "share"}),
        Call(intervals.binomial, {"successes": 1, "trials": 3, "confidence": 0.95}, {"confidence": "share"}),
        Call(blindness.gaussian_price, theory, theory_kinds),
        Call(
            blindness.blindness_bound_form,
            {**theory, "radius": 1.0, "sigma_0": 4.0, "sigma_T": 0.1},
            theory_kinds | {"radius": "size"} | level_kinds,
        ),
        Call(
            discretisation.gaussian_mmse,
            {"sigma": 0.5, "k": 2.0, "s": 1.0},
            {"sigma": "level", "k": "size", "s": "size"},
        ),
        Call(
            discretisation.gaussian_discretisation,
            {"levels": [4.0, 1.0, 0.1], "k": 2.0, "s": 1.0},
            {"levels": "levels", "k": "size", "s": "size"},
        ),
        Call(initial.initial_bound, {"second_moment": 1.0, "sigma_0": 4.0}, {"sigma_0": "level"}),
        Call(noise.linear_second_moment, {"n": 20.0}, {"n": "level"}),
        Call(rates.blind_steps_form, {"k": 2.0, "epsilon": 0.1}, {"k": "size", "epsilon": "level"}),
        Call(
            schedule.proportional_horizon,
            {"sigma_0": 4.0, "sigma_T": 0.1, "a": 0.5},
            level_kinds | {"a": "share"},
        ),
    ]


def python_calls(folder: Path, count: int, seed: int, tick: Tick = never) -> dict[str, int]:
    """`count` calls with one bad argument each, drawn from all there are; what is not refused as it should is shown."""
    found = {"malformed calls": 0, "taken": 0, "other errors": 0, "not one line": 0, "unnamed": 0}
    for call, name, value in _drawn(count, seed):
        found["malformed calls"] += 1
        fault = _fault(call, name, value)
        if fault:
            found[fault] += 1
        tick()
    return found


def _drawn(count: int, seed: int) -> Iterator[tuple[Call, str, Any]]:
    everything = [(c, name, value) for c in calls() for name, kind in c.kinds.items() for value in BAD[kind]]
    moments = random.Random(seed)
    yield from moments.sample(everything, min(count, len(everything)))
    yield from (moments.choice(everything) for _ in range(count - len(everything)))


def _fault(call: Call, name: str, value: Any) -> str:
    """What is wrong with the answer; empty if nothing is."""
    where = f"{getattr(call.function, '__qualname__', call.function)}({name}={value!r:.40})"
    try:
        call.function(**{**call.good, name: value})
    except ValueError as error:
        said = str(error)
        if len(said.splitlines()) != 1:
            return _shown("not one line", where, said)
        return "" if re.search(rf"\b({'|'.join((name, *call.also))})\b", said) else _shown("unnamed", where, said)
    except Exception as error:  # the count is the finding
        return _shown("other errors", where, f"{type(error).__name__}: {error}")
    return _shown("taken", where, "")


def _shown(fault: str, where: str, said: str) -> str:
    say(f"  {fault}: {where} {' '.join(said.split())[:150]}")
    return fault
