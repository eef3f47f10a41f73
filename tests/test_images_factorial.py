"""Cells of the comparison of samples, what is matched in them, and verdicts from tables that are made by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
import torch
from scipy import stats

from analysis.images import EXPERIMENT, factorial, pair, sampling, true_level
from analysis.images.figures import image_quality, paper_fig5, paper_fig6_network, sample_levels
from analysis.images.quality import BLOCKS
from analysis.images.runs import ALGORITHM_2, KEEPING, RUNS, SIGMA_END, SIGMA_START, told_estimates
from analysis.images.sampling import PLANTED
from analysis.learning import LevelReader
from analysis.runs.claims import judge
from analysis.runs.options import parse
from manifolds import stream
from manifolds.space import Space

PAPER, FULL = SimpleNamespace(profile="paper"), SimpleNamespace(profile="full")


def smoke(*arguments):
    found = factorial.cells(parse(EXPERIMENT, ["--profile", "smoke", "--part", "samples", *arguments]))
    return {cell.params["kind"]: dict(cell.params) for cell in found}


@pytest.fixture(scope="module")
def tables():
    """Of the smoke profile, the level read by the root mean square of a point: its estimator is not trained enough."""
    rows, levels = [], (0.01, 10.0)
    known = LevelReader(lambda y: y.square().mean(dim=1).sqrt(), levels, (0.0, 0.0), (0.0, 0.0), 100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "_reader", lambda *arguments: known)
        for params in smoke().values():
            rows += [{**params, **r} for r in sampling.cell_samples(params, 0)]
    return {"image_samples": pandas.DataFrame(rows)}


def test_samplers_are_those_of_the_paper_and_end_where_they_should():
    names = [s.name for s in RUNS]
    assert len(set(names)) == len(RUNS) and set(KEEPING) <= set(RUNS)
    assert math.ceil(math.log(SIGMA_START / SIGMA_END) / (0.8 * 0.2)) == ALGORITHM_2  # h = .2, a = .2 sigma^2
    for s in RUNS:
        steps = s.method.coefficients(s.schedule)
        assert steps.steps == s.steps and float(steps.levels[-1]) == pytest.approx(SIGMA_END)
        left = steps.levels[1:] ** 2 - steps.contraction**2 * steps.levels[:-1] ** 2 - steps.noise_variance
        keeps = float((left / steps.levels[1:] ** 2).abs().max()) < 1e-9
        assert keeps == (s.integrator != "euler")
    ancestral, exponential = (RUNS[names.index(n)] for n in ("ancestral a=0.5 N=28", "exponential_euler a=0.2 N=28"))
    assert torch.equal(ancestral.schedule.sigma, exponential.schedule.sigma)  # one grid: one thing changes at a time


def test_denoisers_that_agree_draw_the_same_samples():
    """Starts and injected noise are functions of the stream alone; told an estimate, a conditional one is blind."""
    space, draws = Space(6, 1), stream(0, "matched")
    told = lambda y, sigma: 0.5 * y / (1.0 + sigma)  # noqa: E731
    for s in (KEEPING[0], KEEPING[4]):
        levels = s.schedule.sigma.tolist()
        by_level = lambda y, sigma: 0.5 * y / (1.0 + sigma[:, None])  # noqa: E731
        blind = told_estimates(by_level, lambda y, levels=levels: torch.full((len(y),), levels.pop(0)).double())
        expected = s.run(told, space, 5, draws).x
        assert torch.allclose(expected, s.run(blind, space, 5, draws).x, rtol=1e-5) and not levels


def test_a_cell_measures_matched_samples_and_errors(tables):
    table = tables["image_samples"]
    assert set(table.kind) == {"blind", "conditional", "free"} and set(table.side) == {7}
    first = KEEPING[0].name
    for kind in ("blind", "conditional"):
        rows = table[(table.kind == kind) & (table.series == first)]
        assert {"frechet", "frechet_random", "kernel", "precision", "recall", "nearest", "sharpness"} <= set(
            rows.measure
        )
        assert len(rows[rows.measure == "frechet_without"]) == BLOCKS
        pixels = rows[rows.measure == "pixels"].pixels
        assert len(pixels) == 8 and all(len(bytes.fromhex(p)) == 49 for p in pixels)
        assert len(rows[rows.measure == "shift"]) == ALGORITHM_2 + 1
    planted = table[(table.measure == "frechet") & table.series.str.startswith("planted")].set_index("series").value
    plain = table[(table.measure == "frechet") & (table.kind == "conditional") & (table.series == first)].value.iloc[0]
    for factor in PLANTED:
        assert planted[f"planted {factor:g}: {first}"] / plain == pytest.approx(factor, rel=2e-3)
    risk = table[(table.measure == "risk") & (table.series == "itself") & np.isclose(table.level, 3.0)]
    assert risk.set_index("kind").value.between(0.01, 9.0).all() and len(risk) == 3
    assert set(table[table.measure == "told_risk"].series) == {"0.025", "0.15", "0.6"}
    assert not len(table[(table.kind == "free") & (table.measure == "frechet")])
    assert not factorial.decide(tables, SimpleNamespace(profile="smoke"))


def test_a_wrong_level_is_measured_on_the_noise_of_the_right_one(monkeypatch):
    """Told the level times one, the errors on the few copies are those of the network itself, to the last bit."""
    monkeypatch.setattr(sampling, "FACTORS", (1.0, 1.1))
    held, draws = stream(0, "held").normal(40, 9), stream(0, "few copies")
    images = SimpleNamespace(held=held, groups=torch.arange(40))
    f = lambda y, sigma: y / (1.0 + sigma**2)  # noqa: E731
    f.blind = False
    params = {"copies": 6, "levels": 2, "top": 3.0, "high": 4.0, "wrong": 2}
    rows = pandas.DataFrame(sampling.risk_rows(f, images, params, draws))
    risk = rows[rows.measure == "risk"].pivot_table(index="level", columns="series", values="value")
    assert (risk["told 1"] == risk["itself, few copies"]).all() and (risk["told 1"] != risk["itself"]).all()
    assert (risk["told 1.1"] != risk["told 1"]).all()
    for sigma, value in risk["told 1"].items():
        noisy = [held + sigma * draws.child("risk", sigma, copy).normal(40, 9) for copy in range(4)]
        exact = torch.stack([(f(y, sigma) - held).square().mean() for y in noisy]).mean()
        assert value == pytest.approx(float(exact), rel=1e-12)


def test_a_reader_s_own_colour_images_are_drawn_and_decide_nothing(tmp_path):
    own = tmp_path / "own.npz"
    np.savez(own, images=np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3)).astype(np.uint8))
    params = smoke("--images", str(own))["conditional"]
    assert (params["side"], params["colours"]) == (8, 3) and params["content"]
    table = pandas.DataFrame([{**params, **r} for r in sampling.cell_samples(params, 0)])
    assert all(len(bytes.fromhex(p)) == 3 * 64 for p in table[table.measure == "pixels"].pixels)
    found = table[(table.measure == "frechet") & (table.series == KEEPING[0].name)]
    assert len(found) == 1 and found.value.item() > 0
    assert table[table.measure == "read"].value.item() == 0.0 and "shift" not in set(table.measure)
    for question in (factorial, pair, true_level):
        assert not question.decide({"image_samples": table}, PAPER)


def test_cells_of_the_profiles():
    paper = factorial.cells(parse(EXPERIMENT, ["--part", "samples"]))
    assert [c.params["kind"] for c in paper] == ["blind", "conditional", "free"]
    shared = ("steps", "batch", "lr", "prior", "low", "high", "training", "width", "depth", "most")
    assert all(len({str(c.params[name]) for c in paper}) == 1 for name in shared)  # seeds, batches and budget are one
    full = factorial.cells(parse(EXPERIMENT, ["--part", "samples", "--profile", "full"]))
    assert [c.params["architecture"] for c in full] == ["unet-paper", "unet-paper", "unet-free"] + ["unet-paper"] * 4
    assert not factorial.cells(parse(EXPERIMENT, ["--part", "known"]))


# -- verdicts -----------------------------------------------------------------------------------------------------


def net(kind, logs, spread=0.02, training=0, seed=0):
    """A table of one network: run -> log of its distance; deleted blocks move with what all runs share, and alone."""
    rows, shared = [], np.random.default_rng(99).standard_normal(BLOCKS)
    for i, (series, log) in enumerate(logs.items()):
        own = np.random.default_rng(1000 * seed + i).standard_normal(BLOCKS)
        for measure in ("frechet", "frechet_random"):
            rows.append({"measure": measure, "series": series, "value": math.exp(log), "level": math.nan})
            parts = np.exp(log + 0.05 * shared + spread / math.sqrt(BLOCKS) * (own - own.mean()))
            rows += [
                {"measure": f"{measure}_without", "series": series, "value": v, "level": b} for b, v in enumerate(parts)
            ]
    return pandas.DataFrame(rows).assign(images="mnist", kind=kind, training=training, se=0.0)


def samples(blind=0.0, estimate=0.0, injection=-0.2, spread=0.02, planted=0.0, training=0, euler=-0.5):
    told = {s.name: 3.0 + (injection if s.integrator != "ancestral" else 0.0) for s in KEEPING}
    few = {n: v for n, v in told.items() if n.endswith("N=28")}
    conditional = told | {f"estimate: {n}": v + estimate for n, v in few.items()}
    conditional |= {f"planted {f:g}: {n}": v + math.log(f) + planted for f in PLANTED for n, v in told.items()}
    conditional |= dict.fromkeys(factorial.LOSING, 4.0)
    other = dict.fromkeys(factorial.LOSING, 4.0 + euler)
    other |= {n: v + blind for n, v in told.items()} | {"exponential_euler a=0.2 N=28 adaptive": 3.0}
    return pandas.concat(
        [net("blind", other, spread, training, 1), net("conditional", conditional, spread, training, 2)]
    )


def outcomes(question, table):
    found = question.decide({"image_samples": table}, FULL)
    return {m.claim: (judge(next(c for c in question.CLAIMS if c.id == m.claim), m).outcome, m) for m in found}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("violated", "holds", "holds", "holds")),
        ({"blind": -0.2}, ("holds", "holds", "holds", "holds")),
        ({"blind": 0.25}, ("violated", "violated", "holds", "holds")),
        ({"blind": -0.1}, ("inconclusive", "holds", "holds", "holds")),
        ({"estimate": 0.2}, ("violated", "holds", "violated", "holds")),
        ({"estimate": -0.2}, ("violated", "holds", "violated", "holds")),
        ({"injection": 0.0}, ("violated", "holds", "holds", "violated")),
        ({"planted": -0.2}, ("inconclusive",) * 4),  # the instrument does not see what was planted
        ({"spread": 1.0}, ("inconclusive",) * 4),
    ],
)
def test_verdicts_on_samples(changes, expected):
    found = outcomes(factorial, samples(**changes))
    assert {m.claim for m in factorial.decide({"image_samples": samples()}, PAPER)} == set(found) - {"I7"}
    assert tuple(found[name][0] for name in ("I5", "I5b", "I5c", "I7")) == expected


def test_the_note_says_how_bright_samples_are():
    table = samples()
    bright = table[table.measure == "frechet"].assign(measure="brightness")
    bright["value"] = np.where(bright.kind == "blind", 0.2, -0.01)
    found = outcomes(factorial, pandas.concat([table, bright]))["I5"][1]
    assert "brighter than the data by blind +20 to +20 %, conditional -1 to -1 %" in found.note


def test_intervals_leave_out_what_matched_runs_share():
    """Half widths are Student's of the runs' own spreads, six of each network; the shared part, larger, drops."""
    _, measured = outcomes(factorial, samples(blind=0.1))["I5"]
    logs = [factorial.log_frechet(rows, s.name) for s in KEEPING for rows in (samples(blind=0.1),) if len(rows)]
    assert len(logs) == 6 and measured.measured == pytest.approx(0.1)
    expected = stats.t.ppf(0.975, BLOCKS - 1) * (BLOCKS - 1) / math.sqrt(BLOCKS) * 0.02 / math.sqrt(BLOCKS)
    half = (measured.high - measured.low) / 2
    assert half == pytest.approx(expected * math.sqrt(2 / 6), rel=0.35)
    assert measured.measured - measured.low == pytest.approx(half)


def test_every_training_has_to_say_so():
    agree = pandas.concat([samples(blind=b, training=i) for i, b in enumerate((0.2, 0.3, 0.4))])
    outcome, measured = outcomes(factorial, agree)["I5b"]
    assert outcome == "violated" and measured.measured == pytest.approx(0.3)
    assert measured.low < 0.2 and measured.high > 0.4
    differ = pandas.concat([samples(blind=b, training=i) for i, b in enumerate((0.5, 0.5, -0.1))])
    assert outcomes(factorial, differ)["I5b"][0] == "inconclusive"


def risks(kind, decibels, told=None, spread=0.001):
    rows = []
    for level in (0.1, 1.0, 3.0):
        curves = {"itself": decibels} | ({f"told {f:g}": decibels - loss for f, loss in (told or {}).items()})
        if kind == "conditional":
            curves |= {"other noise": decibels + 0.001, "itself, few copies": decibels}
        for i, (series, value) in enumerate(curves.items()):
            own = np.random.default_rng([i, int(10 * level), len(kind)]).standard_normal(BLOCKS)
            for block, log in [("", 0.0), *((f"#{b}", spread * v / 4) for b, v in enumerate(own))]:
                measure = "risk_without" if block else "risk"
                v = 0.01 * 10 ** (-value / 10) * math.exp(log)
                rows.append({"measure": measure, "series": series + block, "level": level, "value": v})
    return pandas.DataFrame(rows).assign(images="mnist", kind=kind, training=0, se=0.0)


TOLD = {1.05: 0.01, 1.1: 0.05, 1.2: 0.17, 1.35: 0.45, 1.5: 0.9}


@pytest.mark.parametrize(("euler", "expected"), [(-0.5, "holds"), (0.0, "violated"), (-0.1, "inconclusive")])
def test_where_the_level_is_not_kept_blind_samples_have_to_be_better(euler, expected):
    outcome, measured = outcomes(factorial, samples(euler=euler))["I5d"]
    assert outcome == expected and measured.measured == pytest.approx(euler)


@pytest.mark.parametrize(
    ("blind", "free", "expected"),
    [
        (0.0, -0.6, ("holds", "holds")),
        (-0.3, -0.9, ("violated", "holds")),
        (0.3, 0.25, ("violated", "violated")),
        (-0.1, -0.4, ("inconclusive", "inconclusive")),
    ],
)
def test_verdicts_on_psnr(blind, free, expected):
    table = pandas.concat([risks("blind", blind), risks("conditional", 0.0, TOLD), risks("free", free)])
    found = outcomes(pair, table)
    assert tuple(found[name][0] for name in ("I2c", "I2d")) == expected
    assert found["I2c"][1].measured == pytest.approx(abs(blind), abs=1e-9)
    assert found["I2d"][1].measured == pytest.approx(blind - free)
    gap = pair.derive({"image_samples": table}, PAPER)["image_psnr"]
    assert gap[gap.kind == "free"].value.to_numpy() == pytest.approx(free) and (gap.low < gap.high).all()


def test_figures_decline_tables_that_are_too_narrow(tables):
    derived = factorial.derive(tables, PAPER) | pair.derive(tables, PAPER)
    assert len(derived["image_comparison"]) == 2 and image_quality.draw(tables | derived) is None
    assert paper_fig5.draw(tables) is None and sample_levels.draw(tables) is None
    assert paper_fig6_network.draw(tables | derived) is not None
    for figure in (image_quality, paper_fig5, sample_levels, paper_fig6_network):
        assert figure.draw({}) is None
