"""The benchmark: competitors compute the same thing, and the clock and the table say what they should. Nothing here is
timed."""

from types import SimpleNamespace

import pandas as pd
import pytest
import torch

import manifolds
from analysis.benchmark import EXPERIMENT, costs, programs, timings
from analysis.benchmark.clock import LEAST, interleaved, ratio_row
from analysis.benchmark.figures.benchmark import draw
from analysis.benchmark.functions import ATOMS_DIM, PRIOR, denoisers, grid_mean, softmax_mean
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.laws.atoms import Atoms


def _atoms(points: int):
    source = manifolds.stream(0, "test benchmark")
    law = manifolds.Law(Atoms(source.normal(50, ATOMS_DIM)), ATOMS_DIM)
    sigma = 1.0 + 3.0 * source.uniform(points)
    return law, law.add_noise(law.sample(points, source), sigma, source), sigma


def test_the_plain_softmax_is_the_conditional_denoiser():
    law, y, sigma = _atoms(20)
    assert torch.allclose(softmax_mean(y, sigma, law.core.points), law.denoise(y, sigma), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("rival", [costs.cdist_mean, costs.product_mean, costs.broadcast_mean])
def test_competitors_of_a_data_set_are_the_conditional_denoiser(rival):
    law, y, _ = _atoms(20)
    found, exact = rival(y, 1.5, law.core.points), law.denoise(y, 1.5)
    assert torch.allclose(found, exact, rtol=1e-9, atol=1e-10)
    assert not torch.allclose(rival(y, 1.51, law.core.points), exact, rtol=1e-9, atol=1e-10)


def test_new_rows_hold_their_targets_and_what_they_are_of():
    copies = costs.copy_rows(("gaussian",), 50, 1, 0)
    assert [(row["case"].split()[0], row["at_most"]) for row in copies] == [("conditional", 6.0), ("blind", 8.0)]
    shares = costs.loop_rows(("gaussian",), 1, 0)
    assert shares[0]["at_most"] == 0.3 and 0.0 <= shares[0]["median"] < 1.0


def test_the_grid_of_levels_tends_to_the_blind_denoiser():
    law, y, _ = _atoms(20)
    exact = BlindDenoiser(law, NoisePrior.power(*PRIOR))(y)
    errors = [float((grid_mean(y, law.core.points, PRIOR, count) - exact).norm()) for count in (20, 1000)]
    assert errors[1] < 1e-9 * float(exact.norm()) < errors[0]


def test_rounds_are_interleaved_and_the_first_is_not_timed():
    order, ticks = [], iter(range(1000))
    times = interleaved((lambda: order.append("a"), lambda: order.append("b")), 2, clock=lambda: float(next(ticks)))
    assert order == ["a", "b"] * 3
    assert times == [[1.0, 1.0], [1.0, 1.0]]


def test_short_functions_are_timed_over_several_calls():
    now, order = [0.0], []

    def work(name, seconds):
        order.append(name)
        now[0] += seconds

    times = interleaved((lambda: work("short", 0.3 * LEAST), lambda: work("long", 2 * LEAST)), 1, clock=lambda: now[0])
    assert order == ["short", "long", "short", "long"] + ["short"] * 4 + ["long"]
    assert times == [[pytest.approx(0.3 * LEAST), pytest.approx(2 * LEAST)]]


def test_a_row_holds_the_spread_and_the_target():
    row = ratio_row("s", "c", "u", [3.0, 1.0, 2.0, 10.0], most=4.0)
    assert (row["low"], row["median"], row["high"], row["repeats"], row["at_most"], row["at_least"]) == (
        1.0,
        2.5,
        10.0,
        4,
        4.0,
        0.0,
    )


@pytest.mark.parametrize("where", ["inside", "ends"])
def test_both_denoisers_of_a_case_see_the_same_points(where):
    """At d = 10^9 the noise level is read off to 1e-5: blind and conditional answers are the same to about that."""
    blind, conditional = denoisers("sphere", 10**9, True, 50, where, 0)
    assert float((blind() - conditional()).abs().max()) < 1e-3
    assert float(conditional().norm(dim=1).min()) > 0.0


def test_the_unit_of_work_is_deterministic():
    assert timings.cell_unit({}, 3) == timings.cell_unit({}, 3)


def test_throughput_is_held_against_what_the_machine_gives(monkeypatch):
    seconds = {("unit", 1): 8.0, ("unit", 2): 5.0, ("bare", 1): 4.0, ("bare", 2): 2.0}
    monkeypatch.setattr(programs, "_seconds", lambda jobs, reference, part, cells: seconds[part, jobs])
    gain, machine, share, rate = programs.jobs_rows("somewhere", "unit", "bare", 16, 2)
    assert [row["median"] for row in (gain, machine, share, rate)] == [1.6, 2.0, 0.8, 2.0]
    assert [row["at_least"] for row in (gain, machine, share, rate)] == [1.7, 0.0, 0.0, 0.0]


def test_every_cell_of_a_series_is_computed_in_worker_processes():
    """And one that fails is not timed."""
    assert programs._seconds(2, timings.REFERENCE, "benchmark_bare", 3) > 0.0
    with pytest.raises(RuntimeError, match="KeyError: 'nothing'"):
        programs._seconds(1, timings.REFERENCE, "nothing", 1)


def test_timings_are_one_cell_and_decide_nothing():
    cells = EXPERIMENT.plan(SimpleNamespace(profile="paper"))
    assert [c.part for c in cells] == ["benchmark"]
    assert cells[0].cost <= 180.0
    assert EXPERIMENT.claims == ()


def _table():
    machine = {"milliseconds": None, "cpu": "a processor", "cores": 2, "torch": "2", "python": "3"}
    cases = [
        f"{law}, {form}, {where}"
        for law in ("gaussian", "torus")
        for form in ("dense d=1024", "reduced d=1000", "reduced d=1e+09")
        for where in ("inside", "ends")
    ]
    rows = [ratio_row("blind / conditional", case, "ratio of CPU time", [1.0, 1.2, 2.0], most=1.5) for case in cases]
    rows += [
        ratio_row("1000-level grid / blind", "1000 atoms", "ratio of CPU time", [90.0, 300.0, 310.0], least=100.0),
        ratio_row("memory", "all", "MB", [100.0]),
    ]
    return pd.DataFrame([{**row, **machine} for row in rows])


def test_the_screen_shows_medians_and_targets():
    lines = timings.show({"benchmark": _table()}, None).splitlines()
    assert lines[0].startswith("a processor, 2 cores, torch 2")
    assert any("1000-level grid" in line and "300" in line and ">= 100" in line for line in lines)
    assert sum("<= 1.5" in line for line in lines) == 12


def test_the_figure_draws_every_ratio_and_no_other_unit():
    figure = draw({"benchmark": _table()})
    left, right = figure.axes
    medians = sorted(float(x) for line in left.lines if line.get_linestyle() == "None" for x in line.get_xdata())
    assert medians == [1.2] * 12
    assert [text.get_text().splitlines()[0] for text in right.get_yticklabels()] == ["1000-level grid / blind"]
    assert draw({}) is None
