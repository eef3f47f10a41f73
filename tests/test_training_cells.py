"""Cells of the training experiment: known controls, the two readings of the step size, the same rows in any worker."""

from __future__ import annotations

import math

import joblib
import pytest
import torch

from analysis.learning.risk import excess_at
from analysis.samplers import Schedule, sample
from analysis.training import fit as fitting
from analysis.training.bound import Bent, Bottom, bottom_ratio, sabotaged_bound, theorem_row, unit_bound
from analysis.training.excess_risk import control_rows
from analysis.training.laws import law_of, prior_of
from analysis.training.measure import Misread, levels_of, run_rows
from analysis.training.memory import memory_rows
from analysis.training.priors import cell_priors
from analysis.training.tracking import READINGS
from manifolds import stream
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law
from manifolds.laws.atoms import Atoms

RANGE = {"low": 0.05, "high": 5.0}
TINY = {
    "law": "mixture", "dim": 1, "ambient": 8, "blind": True, "architecture": "locally_linear", "width": 8, "steps": 12,
    "batch": 32, "lr": 4e-3, "prior": "-3", "replicate": 0, "points": 40, "run_steps": 6, "theorem_points": 500,
    **RANGE,
}  # fmt: skip


def measured(rows: list[dict], measure: str, series: str | None = None) -> list[dict]:
    return [r for r in rows if r["measure"] == measure and series in (None, r["series"])]


@pytest.fixture(scope="module")
def plane():
    """The law of figure 3 in R^24 and its blind optimum."""
    params = {"law": "figure3", "dim": 2, "ambient": 24, "prior": "-3", **RANGE}
    law = law_of(params)
    return params, law, BlindDenoiser(law, prior_of(params, law))


def test_controls_have_the_excess_that_they_are_made_with():
    """A shift worth 1 %; the shrinkage at 1.2 sigma (inside the range: where it ends, the optimum reads inwards)."""
    params = {"law": "figure3", "dim": 2, "ambient": 400, "prior": "-3", **RANGE, "levels": 4, "points": 8000}
    law = law_of(params)
    rows = control_rows(law, BlindDenoiser(law, prior_of(params, law)), params, stream(0, "controls"))
    for sigma in levels_of(params):
        null, power, shift = (
            next(r for r in measured(rows, name) if r["level"] == sigma)
            for name in ("gap_null", "gap_power", "variance_shift_power")
        )
        assert abs(null["value"] - 0.01) < 3.3 * null["se"] + 2e-4
        if not RANGE["low"] < 0.9 * sigma < 0.8 * RANGE["high"]:
            continue
        mmse = sum(s * s * sigma**2 / (s * s + sigma**2) for s in (1.0, 0.5))
        for r, factor in ((power, 1.2), (shift, 1.25)):
            gain = [[s * s / (s * s + (c * sigma) ** 2) for c in (1.0, factor)] for s in (1.0, 0.5)]
            spread = [s * s + sigma**2 for s in (1.0, 0.5)]
            excess = sum((b - a) ** 2 * v for (a, b), v in zip(gain, spread, strict=True)) / mmse
            more = sum(((1 - b) ** 2 - (1 - a) ** 2) * v for (a, b), v in zip(gain, spread, strict=True))
            expected = excess if r is power else more / (400 * sigma**2)
            assert abs(r["value"] - expected) < 3.3 * r["se"] + 0.05 * expected


def test_readings_of_the_step_size_are_the_paper_s_two():
    """h = a = .5 from 10 to .01: T = log(1000)/(1 - a) takes 27.6 steps; a line falling by e^{-.5} a step takes
    13.8."""
    span = math.log(10.0 / 0.01)
    assert {"as stated": math.ceil(span / (1 - 0.5) / 0.5), "as plotted": math.ceil(span / 0.5)} == READINGS


def test_laws_of_the_figures_are_one_law_in_every_dimension():
    """The plane is turned in R^d but the law in it is the same; d = k = 2 fills its space."""
    for name in ("figure3", "figure11"):
        laws = {d: law_of({"law": name, "dim": 2, "ambient": d}) for d in (2, 100)}
        assert laws[2].space.normal_dim == 0 and laws[100].space.normal_dim == 98
        points = {d: law.space.split(law.sample(500, stream(0, name)))[0] for d, law in laws.items()}
        assert torch.allclose(points[2], points[100], atol=1e-12)
        assert laws[100].space.frame is not None and float(laws[100].space.frame[2:].abs().max()) > 0.1


def test_figure_3_fails_at_d_equal_k_for_the_exact_optimum_and_works_at_100():
    """The paper's point, without training: bounds of the claims on both sides."""
    deviation = {}
    for d in (2, 100):
        params = {"law": "figure3", "dim": 2, "ambient": d, "prior": "-1", "low": 0.01, "high": 10.0}
        law = law_of(params)
        rows = run_rows(
            BlindDenoiser(law, prior_of(params, law)),
            law,
            Schedule.proportional(10.0, 0.01, 0.5, 28),
            500,
            stream(0, "f3"),
            "exact",
        )
        deviation[d] = max(abs(r["value"]) for r in measured(rows, "log_ratio"))
    # at d = 100 sigma_hat^2/sigma^2 is (1 - k_eff/d) chi^2-like: mean log about -k/(2d) - 1/(2d)
    assert deviation[100] < 0.03 and deviation[2] > 0.5


def test_rows_of_a_run_are_what_the_sampler_returned(plane):
    params, law, optimum = plane
    schedule = Schedule.proportional(5.0, 0.05, 0.5, 10)
    rows = run_rows(optimum, law, schedule, 300, stream(0, "rows"), "exact", paths=2, shown=3)
    run = sample(optimum, law, schedule, 300, stream(0, "rows").child("run"))
    expected = torch.log(run.sigma_hat / schedule.sigma[:, None]).mean(dim=1)
    assert [r["value"] for r in measured(rows, "log_ratio")] == pytest.approx(expected.tolist(), abs=1e-12)
    assert [r["value"] for r in measured(rows, "path", "exact:1")] == pytest.approx(
        run.sigma_hat[:, 1].tolist(), rel=1e-12
    )
    own = law.space.split(run.x)[0]
    assert [[r["u1"], r["u2"]] for r in measured(rows, "output")] == [
        pytest.approx(row, abs=1e-12) for row in own[:3].tolist()
    ]
    assert measured(rows, "off_core")[0]["value"] < 1e-10  # exact denoisers of core laws have no normal part


def test_theorem_is_an_equality_for_the_cube_of_the_precision(plane):
    """learn / bound is 1 for sigma^-3, whatever the perturbation."""
    params, law, optimum = plane
    found = theorem_row("x", Bent(optimum), law, optimum, {**params, "theorem_points": 60_000}, stream(0, "bent"))
    assert abs(found["value"] - 1.0) < 3.3 * found["se"] and found["se"] < 0.022


def test_theorem_bound_for_other_priors_is_loose_by_the_known_factor(plane):
    """f = f* + constant c: int |c|^2 sigma^-3 / ((excess = |c|^2) / min sigma^3 Theta) = A sigma_T^3 Theta(sigma_T) in
    closed form."""
    _, law, _ = plane
    prior = NoisePrior.power(-1.0, **RANGE)
    optimum = BlindDenoiser(law, prior)

    class Moved(Bent):
        def __call__(self, y):
            return self.optimum(y) + 0.3

    found = theorem_row("x", Moved(optimum), law, optimum, {**RANGE, "theorem_points": 40_000}, stream(0, "moved"))
    low, high = RANGE["low"], RANGE["high"]
    integral = (low**-2 - high**-2) / 2
    assert abs(found["value"] - integral * low**2 / math.log(high / low)) < 3.3 * found["se"]
    assert unit_bound(prior, None) == pytest.approx(4.0 * math.log(high / low) / low**2, rel=1e-6)
    # the minimum missed by the lowest 5 % of the levels
    assert sabotaged_bound({"prior": "-1", **RANGE}) == pytest.approx(unit_bound(prior, None) / 1.05**2, rel=1e-6)
    # A_T = 2 (low^-2 - high^-2) by a sum that is short by about half a step in log sigma^2
    short = sabotaged_bound({"prior": "-3", **RANGE}) / (2.0 * (low**-2 - high**-2))
    assert short == pytest.approx(1.0 - math.log(high / low) / 200, abs=1e-3)


def test_a_denoiser_that_is_wrong_at_the_bottom_reaches_the_bound_up_to_what_chi_square_says(plane):
    params, law, _ = plane
    prior = NoisePrior.power(-1.0, **RANGE)
    optimum = BlindDenoiser(law, prior)
    wrong = Bottom(optimum, law, 0.9 * RANGE["low"], 0.5)
    found = theorem_row("x", wrong, law, optimum, {**RANGE, "theorem_points": 40_000}, stream(0, "bottom"))
    expected = bottom_ratio(prior, law.space.normal_dim, 0.9 * RANGE["low"])
    assert abs(found["value"] - expected) < 3.3 * found["se"] and found["se"] < 0.03
    assert 0.8 < expected < 0.9


def test_reading_a_wrong_level_costs_what_it_must():
    """Gaussian: f at c sigma instead of sigma; its excess is that of the two shrinkages, up to the price of
    blindness."""
    law = law_of({"law": "figure3", "dim": 2, "ambient": 200})
    optimum = BlindDenoiser(law, NoisePrior.power(-3.0, 0.05, 5.0))
    for sigma in (0.3, 1.0):
        found = excess_at(Misread(law, optimum, 1.2), law, optimum, sigma, 4000, stream(0, "misread", sigma))
        gain = [[s * s / (s * s + (c * sigma) ** 2) for c in (1.0, 1.2)] for s in (1.0, 0.5)]
        excess = sum((b - a) ** 2 * (s * s + sigma**2) for (a, b), s in zip(gain, (1.0, 0.5), strict=True))
        mmse = sum(s * s * sigma**2 / (s * s + sigma**2) for s in (1.0, 0.5))
        assert found["gap"] == pytest.approx(excess / mmse, abs=3.3 * found["gap_se"] + 0.004)


class Between:
    """(1 - p) f* + p f_n."""

    blind = True

    def __init__(self, p, first, second):
        self.p, self.first, self.second = p, first, second

    def __call__(self, y):
        return (1 - self.p) * self.first(y) + self.p * self.second(y)


def test_position_between_the_optima_is_that_of_the_mixture_that_is_measured():
    """f = (1 - p) f* + p f_n lies at p with no residual; its excess is p^2 times that of f_n."""
    params = {"law": "sphere", "dim": 2, "ambient": 12, "prior": "-3", **RANGE}
    law = law_of(params)
    prior = prior_of(params, law)
    data = law.sample(30, stream(0, "atoms"))
    population = BlindDenoiser(law, prior)
    memory = BlindDenoiser(Law(Atoms(law.space.split(data)[0]), 12, frame=law.space.frame), prior)
    for p in (0.0, 0.3, 1.0):
        between = Between(p, population, memory)
        rows = memory_rows(between, law, population, memory, law.sample(200, stream(1)), 0.2, stream(2), "x")
        found = {r["measure"]: r["value"] for r in rows}
        assert found["position"] == pytest.approx(p, abs=1e-12)
        assert found["residual"] < 1e-20
        assert found["excess"] == pytest.approx(p * p * found["memory_excess"], rel=1e-9)
        assert found["memory_excess"] > 0.1


def test_rows_do_not_depend_on_the_worker():
    here = cell_priors(TINY, 0)
    there = joblib.Parallel(n_jobs=2)(joblib.delayed(cell_priors)(TINY, 0) for _ in range(2))
    assert repr(here) == repr(there[0]) == repr(there[1])  # nan levels compare by their text
    assert repr(cell_priors(TINY, 1)) != repr(here)


def test_a_state_left_by_other_laws_or_priors_is_not_taken_up(tmp_path, monkeypatch):
    """Its file has another name: what a training aims at is made of the laws' code too."""
    paths = []

    def record(*_, checkpoint_path, **__):
        paths.append(checkpoint_path)

    (tmp_path / "denoisers").mkdir()
    (tmp_path / "denoisers" / "prior.py").write_text("first", encoding="utf-8")
    monkeypatch.setattr(fitting.manifolds, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(fitting, "train", record)
    law = law_of(TINY)
    for text in ("first", "first", "second"):
        (tmp_path / "denoisers" / "prior.py").write_text(text, encoding="utf-8")
        fitting.fit(TINY, law, stream(0, "left"))
    assert paths[0] == paths[1] != paths[2]
