"""The formula of the true level against recursions by hand and runs of the sampler; I6 and M9 from made-up tables."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
import torch

from analysis.images.radial import radial_error, reading_rows, recursion
from analysis.images.runs import KEEPING, Setting
from analysis.images.true_level import CLAIMS, decide
from analysis.learning import LevelReader
from analysis.runs.claims import judge
from manifolds import stream
from manifolds.space import Space

ANCESTRAL, EULER = KEEPING[0], Setting("euler", 0.0, 28)


@pytest.mark.parametrize("setting", [*KEEPING[::2], EULER], ids=lambda s: s.name)
def test_coefficients_alone_are_the_closed_form(setting):
    """Normal-consistent coefficients keep the level; plain Euler at a = 0 contracts by 1 - h, not by e^-h."""
    steps = setting.method.coefficients(setting.schedule)
    levels, c, noise = (v.numpy() for v in (steps.levels, steps.contraction, steps.noise_variance))
    found = recursion(levels, c, noise, np.zeros(28))
    h = math.log(80) / 28
    expected = np.arange(29) * (math.log(1 - h) + h) if setting is EULER else np.zeros(29)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("setting", KEEPING[::2], ids=lambda s: s.name)
def test_the_network_s_part_is_right_to_first_order(setting):
    """Data at the origin, f(y) = delta y: v+ = (c + (1 - c) delta)^2 v + eta^2 exactly, tau = delta (1 - delta)."""
    steps = setting.method.coefficients(setting.schedule)
    levels, c, noise = (v.numpy() for v in (steps.levels, steps.contraction, steps.noise_variance))

    def both(delta):
        y = torch.ones(1, 5, dtype=torch.float64)
        tau = float(radial_error(0 * y, y, delta * y, 1.0))
        variance = [levels[0] ** 2]
        for a, eta2 in zip(c, noise, strict=True):
            variance.append((a + (1 - a) * delta) ** 2 * variance[-1] + eta2)
        return recursion(levels, c, noise, np.full(28, tau)), 0.5 * np.log(variance) - np.log(levels)

    formula, exact = both(0.01)
    assert np.abs(exact).max() > 0.009 and np.abs(formula - exact).max() < 0.07 * np.abs(exact).max()
    (one, truth), (half, halved) = both(0.002), both(0.001)
    assert np.abs(one - truth).max() / np.abs(half - halved).max() == pytest.approx(
        4.0, rel=0.1
    )  # second order is left


def test_ancestral_forgets_and_ddim_adds_up():
    tau, shifts = 0.01, {}
    for setting in KEEPING[::2]:
        steps = setting.method.coefficients(setting.schedule)
        parts = [v.numpy() for v in (steps.levels, steps.contraction, steps.noise_variance)]
        shifts[setting.integrator] = recursion(*parts, np.full(28, tau))[-1]
    assert shifts["ancestral"] == pytest.approx(tau, rel=0.05)
    assert shifts["ddim"] == pytest.approx(tau * math.log(80), rel=0.15)


def test_readings_follow_a_run_of_the_sampler():
    """The origin in R^400, f(y) = .02 y under VE-DDPM, read by the root mean square: shifts are the exact ones."""
    f = lambda y, sigma: 0.02 * y  # noqa: E731
    run = ANCESTRAL.run(f, Space(400, 1), 50, stream(0), path=True)
    flat = (0.0, 0.0)
    reader = LevelReader(lambda y: y.square().mean(dim=1).sqrt(), (0.01, 10.0), flat, flat, 100)
    rows = pandas.DataFrame(reading_rows(reader, ANCESTRAL, run, stream(1)))
    variance, steps = [16.0], ANCESTRAL.method.coefficients(ANCESTRAL.schedule)
    for c, eta2 in zip(steps.contraction.tolist(), steps.noise_variance.tolist(), strict=True):
        variance.append((c + (1 - c) * 0.02) ** 2 * variance[-1] + eta2)
    exact = 0.5 * np.log(variance) - np.log(steps.levels.numpy())
    read, shift = (rows[rows.measure == name] for name in ("reading", "shift"))
    assert read.value.to_numpy() == pytest.approx(exact, abs=4 * 0.05 / math.sqrt(2 * 50))
    # beside the run's own outputs .02 y, which are no images of the origin: their norm is part of what is read there
    assert shift.value.to_numpy() == pytest.approx(read.value.to_numpy(), abs=0.03) and (shift.se > 0).all()
    assert rows[rows.measure == "coefficients"].value.abs().max() < 1e-12


# -- verdicts -----------------------------------------------------------------------------------------------------

LEVELS = (4.0, 1.0, 0.2, 0.05)
NAMES = tuple(s.name for s in KEEPING[::2])


def table(shift=0.0, formula=0.0, reading=0.0, se=0.003, planted=0.9, above=1.05, kind="conditional"):
    rows = []

    def add(measure, values, series="", error=se):
        for level, value in zip(LEVELS, values, strict=True):
            rows.append({"measure": measure, "series": series, "level": level, "value": value, "se": error})

    for name in NAMES:
        add("shift", (9.0, 0.0, shift / 2, shift), name)  # what is read at the start does not count
        add("formula", (9.0, 0.0, formula / 2, formula), name, 0.0005)
        add("reading", (9.0, 0.0, 0.0, reading), name)
    add("known", (0.0,) * 4)
    add("known below", (math.log(planted),) * 4)
    add("known above", (math.log(above),) * 4)
    return pandas.DataFrame(rows).assign(images="mnist", kind=kind, training=0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("violated", "holds")),
        ({"shift": -0.12, "formula": -0.12}, ("holds", "holds")),
        ({"shift": -0.12}, ("holds", "violated")),
        ({"formula": 0.09}, ("violated", "violated")),
        ({"shift": -0.05}, ("inconclusive", "violated")),
        ({"reading": -0.3}, ("violated", "holds")),  # images that a network has drawn are read wrongly
        ({"planted": 0.97}, ("inconclusive", "holds")),
        ({"above": 1.01}, ("violated", "inconclusive")),
        ({"above": 1.2}, ("violated", "inconclusive")),  # too crude a sabotage
        ({"se": 0.03}, ("inconclusive", "inconclusive")),
    ],
)
def test_verdicts_on_the_true_level(changes, expected):
    found = decide({"image_samples": table(**changes)}, SimpleNamespace(profile="paper"))
    verdicts = {m.claim: judge(next(c for c in CLAIMS if c.id == m.claim), m).outcome for m in found}
    assert tuple(verdicts[name] for name in ("I6", "M9")) == expected


def test_other_images_smoke_runs_and_blind_networks_decide_nothing():
    paper = SimpleNamespace(profile="paper")
    assert not decide({"image_samples": table()}, SimpleNamespace(profile="smoke"))
    assert not decide({"image_samples": table().assign(images="own")}, paper)
    assert not decide({"image_samples": table(kind="blind")}, paper)
