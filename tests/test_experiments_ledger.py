"""The ledger's command: its cells against closed forms, its table by hand, what it refuses."""

import argparse
import math

import numpy as np
import pandas
import pytest
import torch
from scipy import integrate

import manifolds
from analysis import ledger as instrument
from analysis import theorems
from analysis.ledger import command
from analysis.ledger.command import build, cell_ledger, cell_run, denoiser_name, show, terms
from analysis.runs.options import UsageError, complete, parse
from manifolds import stream
from manifolds.denoisers import BlindDenoiser, NoisePrior

EXPERIMENT = instrument.EXPERIMENT

RUN = {"law": "gaussian", "dim": 3, "ambient": 10**6, "steps": 16, "a": 0.5, "sigma_start": 8.0, "sigma_end": 0.1}


def test_the_command_is_found_under_the_instruments_name():
    assert EXPERIMENT is command.EXPERIMENT
    assert EXPERIMENT.module == "analysis.ledger"
    assert not hasattr(instrument, "nothing")


def test_ledger_cells_are_the_closed_forms_of_a_gaussian():
    """d = 1e6: f* is f_sigma to 1e-6, so that .93 f* misses by .07 f_sigma, E|f_sigma|^2 = k/(1 + sigma^2)."""
    rows = cell_ledger(RUN | {"denoiser": "scaled:0.93", "points": 3000}, 0)
    levels = np.geomspace(8.0, 0.1, 17)
    weights = (levels[1:] ** -2 - levels[:-1] ** -2) / 2
    assert [row["sigma"] for row in rows] == pytest.approx(levels[:-1])
    assert [row["weight"] for row in rows] == pytest.approx(weights)
    x = (levels[1:] ** -2 - levels[:-1] ** -2) / (1 + levels[:-1] ** -2)
    assert [row["discretisation"] for row in rows] == pytest.approx(1.5 * (x - np.log1p(x)), rel=1e-7)
    learning = weights * 0.07**2 * 3 / (1 + levels[:-1] ** 2)
    gap = np.array([row["learning"] for row in rows]) - learning
    assert (np.abs(gap) <= 4 * np.array([row["learning_se"] for row in rows])).all()
    assert sum(row["blind"] for row in rows) < 1e-5 < sum(row["learning"] for row in rows)
    r = 8.0**-2
    assert rows[0]["init"] == pytest.approx(1.5 * (r - math.log1p(r)), rel=1e-7)
    assert rows[0]["init_se"] == 0.0


@pytest.mark.parametrize("a", [0.5, 0.25])
def test_run_cells_state_the_papers_bounds(a):
    """Every bound by hand with constant 1; for learning A_T/4 times the excess risk of .93 f* under sigma^-3."""
    row = cell_run(RUN | {"a": a, "denoiser": "scaled:0.93", "points": 4000}, 0)[0]
    h = math.log(80.0) / (1 - a) / 16
    a_t = (0.1**-2 - 8.0**-2) / (2 * a * (1 - a))
    assert row["bound_init"] == pytest.approx(3 / (2 * 64.0))
    assert row["bound_blind"] == pytest.approx((3 + 3) * 9 / 10**6 * a_t)
    extra = 3 / 0.01 * 27 * h**2 if a != 0.5 else 0.0
    assert row["bound_discretisation"] == pytest.approx(9 * h + extra)
    risk = integrate.quad(lambda s: 0.07**2 * 3 / (1 + s**2) * s**-3, 0.1, 8.0)[0] / ((0.1**-2 - 8.0**-2) / 2)
    assert row["bound_learning"] == pytest.approx(a_t / 4 * risk, rel=0.05)
    assert row["tv_lower_truth"] < 0.05


def test_run_cells_see_a_run_that_is_wrong_and_charge_nothing_for_an_exact_one():
    honest, wrong = (
        cell_run(RUN | {"steps": 64, "denoiser": name, "points": 500}, 0)[0] for name in ("conditional", "scaled:0.3")
    )
    assert honest["bound_learning"] == 0.0
    assert honest["tv_lower"] < 0.3 < wrong["tv_lower"]
    assert cell_run(RUN | {"denoiser": "blind", "points": 300}, 0)[0]["bound_learning"] == 0.0


def test_terms_are_the_sums_over_steps_with_independent_errors():
    run = {
        "law": "x",
        "dim": 2,
        "ambient": 9,
        "steps": 2,
        "a": 0.5,
        "denoiser": "blind",
        "sigma_start": 4.0,
        "sigma_end": 1.0,
    }
    values = {
        "blind": (0.1, 0.2),
        "discretisation": (0.3, 0.4),
        "learning": (0.0, 0.0),
        "cross": (0.0, 0.0),
        "total": (0.4, 0.6),
    }
    steps = [
        run
        | {"init": 0.05, "init_se": 0.0}
        | {n: v[i] for n, v in values.items()}
        | {f"{n}_se": 0.03 + 0.01 * i for n in values}
        for i in (0, 1)
    ]
    other = run | {
        "tv_lower": 0.1,
        "tv_lower_truth": 0.0,
        "bound_init": 1.0,
        "bound_blind": 2.0,
        "bound_discretisation": 3.0,
        "bound_learning": 0.0,
    }
    found = terms(pandas.DataFrame(steps), pandas.DataFrame([other])).set_index("term")
    assert found.loc["total", "nats"] == pytest.approx(1.05)
    assert found.loc["blind", "nats_se"] == pytest.approx(0.05)
    assert found.loc["discretisation", "bound"] == 3.0
    assert found.loc["total", "nats_se"] == pytest.approx(0.05) and math.isnan(found.loc["blind", "tv_certified"])
    assert found.loc["total", "tv_measured"] == 0.1 and math.isnan(found.loc["cross", "bound"])
    text = show({"ledger_terms": found.reset_index()}, None)
    assert text.splitlines()[0] == "x  k=2  d=9  N=2  a=0.5  denoiser blind"
    assert "certified <= 0.7246, measured >= 0.1000" in text
    assert text.splitlines()[3].split() == ["blind", "0.3000", "0.0500", "2.0000"]
    assert found.loc["total", "tv_certified"] == pytest.approx(min(math.sqrt(1.05 / 2), math.sqrt(1 - math.exp(-1.05))))


def test_a_selection_is_one_ledger_and_one_run_a_denoiser():
    options = parse(
        EXPERIMENT, ["--law", "sphere", "--dim", "8", "--ambient", "1000", "--steps", "64", "--denoiser", "blind"]
    )
    assert sorted(cell.part for cell in EXPERIMENT.plan(options)) == ["ledger", "ledger_run"]


@pytest.mark.parametrize("experiment", [EXPERIMENT, theorems.EXPERIMENT])
def test_defaults_plan_every_part(experiment):
    options = complete(
        experiment, {"profile": "paper", "seed": 0, "device": "cpu", "backend": "loky", "address": None}, "x"
    )
    assert {cell.part for cell in experiment.plan(options)} == set(experiment.parts)


@pytest.mark.parametrize(
    "words", [["--sigma-end", "30"], ["--law", "cube", "--ambient", "4"], ["--ambient", "5"], ["--law", "atoms"]]
)
def test_impossible_selections_are_refused_by_name(words):
    with pytest.raises(ValueError, match="argument --"):
        EXPERIMENT.plan(parse(EXPERIMENT, words))


@pytest.mark.parametrize("text", ["scaled:", "scaled:x", "scaled:inf", "exact"])
def test_unknown_denoisers_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="scaled:FACTOR"):
        denoiser_name(text)
    with pytest.raises(UsageError):
        parse(EXPERIMENT, ["--denoiser", text])


def test_named_denoisers_are_what_they_say():
    law = manifolds.make("sphere", dim=2, ambient=20, reduced=True)
    y = law.add_noise(law.sample(5, stream(0)), 0.7, stream(1))
    exact = BlindDenoiser(law, NoisePrior.power(-3.0, 0.1, 5.0))
    f, best = build("scaled:0.9", law, 0.1, 5.0)
    assert f(y).numpy() == pytest.approx(0.9 * exact(y).numpy(), rel=1e-5, abs=1e-9)
    assert best(y).numpy() == pytest.approx(exact(y).numpy(), rel=1e-5, abs=1e-9)
    conditional, none = build("conditional", law, 0.1, 5.0)
    assert none is None
    assert torch.equal(conditional(y, 0.7), law.denoise(y, 0.7))
