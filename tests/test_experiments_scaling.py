"""The scaling experiment: its cells against independent references, its plan, what it refuses, its figure."""

import math
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
import torch
from scipy import integrate, signal, stats

import manifolds
from analysis import scaling
from analysis.metrics.intervals import Estimate
from analysis.runs import main
from analysis.scaling import held_runs, settings, start_reading, true_error
from analysis.scaling.certified_steps import cell_certificate
from analysis.scaling.figures import exponents_by_law
from analysis.scaling.held_runs import cell_run, cell_sabotage
from analysis.scaling.measured_steps import cell_coupled, measured_steps
from analysis.scaling.price_of_steps import cell_telescope
from analysis.scaling.price_over_d import cell_price
from analysis.scaling.settings import SIGMA_END, SIGMA_START, decades, make_law, wide
from analysis.scaling.start_reading import _law, cell_reading, total_variation_interval


def _gaussian_disc(k, steps, scale=1.0, end=SIGMA_END):
    """disc of a Gaussian by adaptive quadrature in log sigma: sum_i int (mmse_i - mmse) sigma^-2 dlog sigma."""

    def mmse(s):
        return k * s**2 / (1 + s**2 / scale**2)

    def fall(x, start):
        return (mmse(start) - mmse(math.exp(x))) * math.exp(-2 * x)

    levels = np.geomspace(SIGMA_START, end, steps + 1)
    return sum(integrate.quad(fall, math.log(b), math.log(a), args=(a,))[0] for a, b in zip(levels[:-1], levels[1:]))


def test_gaussian_price_cell_agrees_with_its_closed_form_and_its_controls_differ():
    row = cell_price({"law": "gaussian", "dim": 4, "ambient": 10**5, "points": 1 << 15}, 0)[0]
    form = 4 / (2 * (10**5 - 4))
    assert row["price_low"] < form < row["price_high"] and row["efficient_low"] < form < row["efficient_high"]
    assert row["price_high"] - row["price_low"] < 0.03 * form
    # levels read b too high cost k b^2 more, to first order: .22 standard errors 1/sqrt(2d), or d^.03 - 1 of the price
    assert row["misread"] == pytest.approx(form * (1 + 0.22**2), rel=0.02)
    assert row["coarse"] == pytest.approx(form * 10**0.15, rel=0.02)


def test_telescope_cell_is_one_and_a_noisier_earlier_time_is_not():
    """The earlier time with 6 % more variance over the later one adds .06 E|g_i|^2 Delta, g = 1/(1 + sigma^2)."""
    row = cell_telescope({"law": "gaussian", "dim": 2, "counts": "8", "points": 4000}, 0)[0]
    assert row["disc"] == pytest.approx(_gaussian_disc(2, 8), rel=1e-7)
    assert abs(row["ratio"] - 1) < 3.5 * row["ratio_se"] < 0.15
    levels, added = np.geomspace(SIGMA_START, SIGMA_END, 9), 0.0
    for start, end in zip(levels[:-1], levels[1:]):
        # int (start^2 - sigma^2) sigma^-2 d log sigma
        excess = ((start / end) ** 2 - 1) / 2 - math.log(start / end)
        added += 2 * 0.06 * excess / (1 + start**2) ** 2
    # on the same draws
    for name, share in (("noisy", 1.0), ("mild", 0.75)):
        exact = 1 + share * added / _gaussian_disc(2, 8)
        assert row[f"{name}_ratio"] / row["ratio"] == pytest.approx(exact, abs=0.004)
    assert row["level_range"] == pytest.approx(1 + math.log(1 / SIGMA_END)) and row["k_cov_low"] == math.inf


def test_certificate_cell_solves_for_its_steps_at_every_dimension_and_final_level():
    """Gaussian: at the steps found init + k/(2(d-k)) + disc is eps, by quadrature; larger sigma_T takes fewer."""
    k, rows = 2, cell_certificate({"law": "gaussian", "dim": 2, "ambients": "1000000 1000", "points": 1 << 14}, 0)
    init = 0.5 * k * (1 / SIGMA_START**2 - math.log1p(1 / SIGMA_START**2))
    for row in rows:
        n, rest = row["steps"], init + k / (2 * (row["ambient"] - k))
        tolerance = 0.1 * k / (2 * row["ambient"])  # of the sampled price
        above, below = (_gaussian_disc(k, whole(n), end=row["sigma_T"]) for whole in (math.ceil, math.floor))
        assert above <= row["eps"] - rest + tolerance and below >= row["eps"] - rest - tolerance
    assert {row["ambient"] for row in rows} == {1000, 10**6} and len(rows) == 2 * 3 + 3
    assert all(row["steps_low"] == row["steps"] == row["steps_high"] for row in rows)  # its curve is closed
    seen = cell_certificate({"law": "mixture", "dim": 2, "ambients": "1000000", "points": 512}, 0)[0]
    assert seen["steps_low"] < seen["steps"] < seen["steps_high"] < 1.5 * seen["steps_low"]
    last = sorted((row["sigma_T"], row["steps"]) for row in rows if row["ambient"] == 10**6 and row["eps"] == 0.2)
    assert len(last) == 4 and all(a[1] > b[1] for a, b in zip(last, last[1:]))


def test_run_cell_reports_a_certificate_above_what_it_measures():
    params = {"law": "gaussian", "dim": 2, "ambient": 10**6, "steps": 32, "points": 500, "ledger_points": 4096}
    row = cell_run(params, 0)[0]
    assert row["discretisation"] == pytest.approx(_gaussian_disc(2, 32), rel=1e-7)
    assert row["total"] == pytest.approx(row["init"] + row["blind"] + row["discretisation"], rel=1e-9)
    assert row["exact_kl"] < row["total"] and row["tv_lower"] <= row["tv_bound"]


def test_a_sabotaged_run_is_held_against_the_honest_certificate():
    params = {"law": "gaussian", "dim": 2, "ambient": 10**6, "steps": 128, "points": 600, "ledger_points": 4096}
    row = cell_sabotage(params, 0)[0]
    init = 1 / SIGMA_START**2 - math.log1p(1 / SIGMA_START**2)
    assert row["total"] == pytest.approx(_gaussian_disc(2, 128) + init, abs=4 * row["total_se"] + 2e-6)
    assert row["tv_honest"] <= row["tv_bound"] < row["tv_sabotaged"]


def test_total_variation_intervals_cover_the_truth():
    rng, weights = np.random.default_rng(3), np.array([0.55, 0.15, 0.15, 0.15])
    true = np.array([0.35, 0.25, 0.2, 0.2])
    exact = 0.5 * np.abs(true - weights).sum()
    found = [total_variation_interval(rng.multinomial(400, true), tuple(weights)) for _ in range(200)]
    assert np.mean([e.low <= exact <= e.high for e in found]) >= 0.95
    nothing = [total_variation_interval(rng.multinomial(400, weights), tuple(weights)).low for _ in range(200)]
    assert np.mean([low == 0.0 for low in nothing]) >= 0.9


def test_total_variation_intervals_are_clopper_pearson_limits():
    """Two components, 40 and 60 of 100 against (.5, .5): both limits by the binomial tails at 5 %/4."""
    found = total_variation_interval(np.array([40.0, 60.0]), (0.5, 0.5))
    assert found.value == pytest.approx(0.1)
    low, high = (stats.binomtest(40, 100).proportion_ci(0.975, method="exact")[i] for i in (0, 1))
    assert (found.low, found.high) == pytest.approx((max(0.5 - high, 0.0), 0.5 - low))
    far = total_variation_interval(np.array([20.0, 80.0]), (0.5, 0.5))
    limit = stats.binomtest(20, 100).proportion_ci(0.975, method="exact")
    assert (far.low, far.value, far.high) == pytest.approx((0.5 - limit.high, 0.3, 0.5 - limit.low))
    none = total_variation_interval(np.array([0.0, 50.0]), (0.0, 1.0))
    assert none.value == none.low == 0.0 < none.high


def test_the_distance_of_a_reading_is_between_the_mass_and_the_least_and_largest_way(monkeypatch):
    """D_X in [(near - 2 w) low, (far + 2 w) high + 2 w h], w = scale sqrt k = .1; all centres are equally far."""
    monkeypatch.setattr(start_reading, "total_variation_interval", lambda *_: Estimate(0.2, 0.1, 0.3))
    row = cell_reading({"reading": "proof", "dim": 4, "eps": 0.5, "factor": 20.0, "points": 10}, 0)[0]
    shifts = torch.stack([piece.shift for piece in _law(4, (0.55, 0.15, 0.15, 0.15)).core.components])
    near, far = float(torch.pdist(shifts).min()), float(torch.pdist(shifts).max())
    h = 2 * math.log(row["sigma_0"] / row["sigma_T"]) / row["steps"]
    expected = ((near - 0.2) * 0.1, near * 0.2, (far + 0.2) * 0.3 + 2 * 0.1 * h)
    found = (row["over_eps_low"], row["over_eps"], row["over_eps_high"])
    assert found == pytest.approx(tuple(value / 0.5 for value in expected))


@pytest.mark.parametrize("reading", ["printed", "proof", "proof, sabotaged"])
def test_readings_of_the_start_move_the_mass_that_they_must(reading):
    """Weights (.35, .22, .22, .22) for (.55, .15, .15, .15) move .2; the proof's start none; the printed some."""
    row = cell_reading({"reading": reading, "dim": 4, "eps": 0.2, "factor": 20.0, "points": 2500}, 0)[0]
    radius = math.sqrt(1 + 4 * 0.05**2)
    assert row["sigma_0"] == pytest.approx(0.2 / radius if reading == "printed" else radius / 0.2)
    assert row["sigma_T"] == pytest.approx(0.2 / 2)
    h = 20 * 0.04 / 16
    assert row["steps"] == math.ceil(2 * math.log(row["sigma_0"] / row["sigma_T"]) / h)
    assert row["over_eps_low"] <= row["over_eps"] <= row["over_eps_high"]
    shifts = torch.stack([piece.shift for piece in _law(4, (0.55, 0.15, 0.15, 0.15)).core.components])
    assert shifts.norm(dim=1).numpy() == pytest.approx(1.0)
    assert row["over_eps"] == pytest.approx(float(torch.pdist(shifts).min()) * row["moved"] / 0.2)
    if reading == "proof":
        assert row["moved"] < 0.05 and row["over_eps_high"] < 1.0
    elif reading == "proof, sabotaged":
        assert row["moved"] == pytest.approx(0.2, abs=0.05) and row["over_eps_low"] > 0.8
    else:
        assert row["moved"] > 0.15 and row["over_eps_low"] > 0.9


def _gap_of_coupled_gaussian_runs(coarse, fine):
    """sd of Y_coarse - Y_fine in one coordinate of a unit Gaussian, true level told, linear in start and noise."""

    def response(steps):
        span, per = math.log(SIGMA_START / SIGMA_END), fine // steps
        h = 2 * span / fine

        def level(j):
            return SIGMA_START * math.exp(-span * j / fine)

        found = np.zeros(fine + 1)
        found[0] = SIGMA_START
        for i in range(steps):
            keep = 1 / (1 + level(i * per) ** 2)
            found *= keep + math.exp(-per * h) * (1 - keep)
            for j in range(i * per, (i + 1) * per):  # noise of the fine step j, carried to the end of the coarse step
                found[j + 1] = math.exp(-h * ((i + 1) * per - j - 1)) * math.sqrt(
                    level(j + 1) ** 2 - (math.exp(-h) * level(j)) ** 2
                )
        return found

    return float(np.linalg.norm(response(coarse) - response(fine)))


def test_error_of_coupled_runs_is_that_of_linear_recursions():
    params = {"law": "gaussian", "dim": 1, "ambient": 10**9, "steps": "4 8", "points": 4000}
    rows = cell_coupled(params, 0)
    for row in rows:
        exact = math.sqrt(2 / math.pi) * _gap_of_coupled_gaussian_runs(row["N"], 64)
        assert row["error"] == pytest.approx(exact, abs=4 * row["error_se"]) and row["error_se"] < 0.02 * exact


def _wasserstein_of_a_segment(steps, scale):
    """W_2 by a chain of histograms on a grid of its own: mass moved step by step, then quantiles."""
    levels, x = np.geomspace(SIGMA_START, 0.05, steps + 1), np.linspace(-70, 70, 14001)
    dx = x[1] - x[0]

    def density(sigma):
        p = stats.norm.cdf((x + 1) / sigma) - stats.norm.cdf((x - 1) / sigma)
        return p / (p.sum() * dx)

    def mean(sigma):
        a, b = (-1 - x) / sigma, (1 - x) / sigma
        inside = stats.norm.cdf(b) - stats.norm.cdf(a)  # 0 where rounding leaves no mass, far out
        found = x + sigma * (stats.norm.pdf(a) - stats.norm.pdf(b)) / np.where(inside > 1e-12, inside, 1.0)
        return np.where(inside > 1e-12, found, np.sign(x))

    q = density(levels[0])
    for now, then in zip(levels[:-1], levels[1:]):
        c = (then / now) ** 2
        f = scale * mean(now)
        centre, eta = f + c * (x - f), math.sqrt(then**2 - (c * now) ** 2)
        edges = np.concatenate([x - dx / 2, [x[-1] + dx / 2]])
        moved = np.histogram(centre, edges, weights=q * dx)[0]
        reach = int(8 * eta / dx) + 1
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * dx / eta) ** 2)
        q = signal.fftconvolve(moved, kernel / kernel.sum() / dx, mode="same").clip(min=0)
    u = (np.arange(4000) + 0.5) / 4000
    ours, theirs = (np.interp(u, np.cumsum(p) * dx, x + dx / 2) for p in (q, density(levels[-1])))
    return math.sqrt(((ours - theirs) ** 2).mean())


@pytest.mark.parametrize("scale", [1.0, 0.9])
def test_the_true_error_of_a_segment_is_that_of_histograms_moved_along(scale):
    row = true_error.cell_truth({"law": "cube", "dim": 1, "steps": 8, "scale": scale}, 0)[0]
    assert row["w2"] == pytest.approx(_wasserstein_of_a_segment(8, scale), rel=0.02)


def test_the_true_error_of_a_gaussian_is_a_quarter_of_the_step():
    """The standard deviation is off by h/4 to leading order, and W_2 of two centred Gaussians is that gap."""
    row = true_error.cell_truth({"law": "gaussian", "dim": 1, "steps": 512, "scale": 1.0}, 0)[0]
    assert row["w2"] == pytest.approx(2 * math.log(400) / 512 / 4, rel=0.02)


def test_the_impostor_of_the_held_runs_is_scaled(monkeypatch):
    seen = {}
    monkeypatch.setattr(held_runs, "impostor_run", lambda *given: seen.update(given=given) or {})
    params = {"law": "sphere", "dim": 2, "ambient": 50, "steps": 8, "points": 5, "ledger_points": 7}
    cell_sabotage(params, 0)
    law, f, impostor, schedule, n, points, _ = seen["given"]
    y = law.add_noise(law.sample(4, manifolds.stream(0)), 0.5, manifolds.stream(1))
    assert impostor(y).numpy() == pytest.approx(0.8 * f(y).numpy())
    assert (schedule.sigma_start, schedule.sigma_end, schedule.steps, n, points) == (20.0, 0.02, 8, 5, 7)


# -- what is planned ------------------------------------------------------------------------------------------------


def _options(**changes):
    base = {"dim": (2,), "law": ("gaussian",), "ambient": (1000,), "steps": (8,), "profile": "smoke"}
    return SimpleNamespace(**(base | changes))


def test_the_default_sweep_holds_every_registered_law_that_can_be_swept():
    """Not: a data set that must be given, and laws that fill their space, whose k is d."""
    defaults = next(a for a in scaling.EXPERIMENT.arguments if a.flag == "--law").default
    assert set(defaults) == set(manifolds.names()) - {"atoms", "full_gaussian", "scale_mixture", "two_scale"}
    cells = scaling.EXPERIMENT.plan(
        _options(dim=settings.DIMS, law=defaults, ambient=(10**3, 10**6, 10**9), steps=(8, 16), profile="paper")
    )
    priced = {
        law: {
            (c.params["dim"], c.params["ambient"])
            for c in cells
            if c.part == "scaling_price" and c.params["law"] == law
        }
        for law in defaults
    }
    for law, found in priced.items():
        assert len({k for k, _ in found}) >= (1 if law in settings.TABULATED else 3)
        assert all(len({d for j, d in found if j == k}) >= 3 for k, _ in found)
        assert all(d >= 10 * make_law(law, k, 10**9).core_dim for k, d in found) or law in settings.CENTRAL
    assert {c.params["law"] for c in cells if c.part == "scaling"} == set(settings.CENTRAL)
    # a law that is named alone is swept like the central ones
    alone = scaling.EXPERIMENT.plan(_options(law=("torus",)))
    assert [c.part for c in alone if c.params.get("law") == "torus"].count("scaling") == 1


def test_dimensions_that_are_wide_enough_are_kept_or_taken_in_steps_of_ten():
    """A torus of k = 8 spans 16: a dimension is wide from 160 on; of three that are asked, fewer are taken finer."""
    assert decades((50, 2000, 10**5)) == [50, 100, 1000, 2000, 10**4, 10**5]
    assert wide("torus", 8, (10**3, 10**6, 10**9)) == [10**3, 10**6, 10**9]
    assert wide("torus", 8, (100, 10**3)) == [10**3]
    assert wide("torus", 8, (100, 10**3, 10**5)) == [10**3, 10**4, 10**5]


def test_a_law_in_short_that_is_too_large_for_every_dimension_has_no_certificate():
    options = _options(law=("gaussian", "sphere", "mixture", "torus"), dim=(2,), ambient=(30,))
    planned = {c.part for c in scaling.EXPERIMENT.plan(options) if c.params.get("law") == "torus"}
    assert planned == {"scaling_coupled", "scaling_telescope"}


def test_plan_refuses_laws_that_do_not_fit():
    with pytest.raises(
        ValueError, match=r"argument --ambient: ambient must be >= 1021 for mixture .*--law mixture --dim 255"
    ):
        scaling.EXPERIMENT.plan(_options(dim=(255,), law=("mixture",), ambient=(1000,)))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--dim", "0"], "--dim"),
        (["--dim", "-2"], "--dim"),
        (["--dim", "x"], "--dim"),
        (["--law", "moon"], "--law"),
        (["--profile", "huge"], "--profile"),
        (["--steps", "0"], "--steps"),
        (["--dim", "4", "--ambient", "4"], "--ambient"),
    ],
)
def test_bad_arguments_are_one_line_and_write_nothing(arguments, message, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(scaling.EXPERIMENT, [*arguments, "--out", str(out)]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and "\n" not in error
    assert not out.exists()


def test_the_figure_of_exponents_shows_each_law_at_its_fits():
    rows = [
        {
            "quantity": "price of blindness",
            "law": law,
            "against": "ambient",
            "held": f"dim={k}",
            "exponent": -1 + 0.01 * k,
            "low": -1.02,
            "high": -0.9,
        }
        for law in ("sphere", "cube")
        for k in (1, 3)
    ]
    figure = exponents_by_law.draw({"scaling_fits": pandas.DataFrame(rows)})
    first, second = figure.axes[0], figure.axes[1]
    assert [label.get_text() for label in first.get_yticklabels()] == ["sphere", "cube"]
    points = [line.get_xydata() for line in first.lines if line.get_marker() == "o"]
    assert [tuple(p[0]) for p in points] == [(-0.98, 0), (-0.98, 1)]
    assert not [line for line in second.lines if line.get_marker() == "o"]
    assert exponents_by_law.draw({"scaling_fits": pandas.DataFrame(rows[:2])}) is None


def test_runs_that_all_project_alike_count_as_the_least_error_that_was_seen():
    """A further seed of a code: no error at 32 steps. It is not divided by, nor taken for less than is seen."""
    shown = {"law": "code", "dim": 2, "ambient": 100, "N": [8, 16, 32], "error": [1.0, 0.15, 0.0]}
    rows = measured_steps(pandas.DataFrame(shown | {"error_se": [0.1, 0.15, 0.0]})).set_index("target")
    again = measured_steps(pandas.DataFrame(shown | {"error": [1.0, 0.15, 0.15], "error_se": [0.1, 0.15, 0.15]}))
    assert rows.equals(again.set_index("target"))
    assert rows.reached[0.2] == "reached" and 8 < rows.steps[0.2] < 16 and rows.reached[0.1] == "not reached"
    none = measured_steps(pandas.DataFrame(shown | {"error": [0.0, 0.0, 0.0], "error_se": [0.0, 0.0, 0.0]}))
    assert set(none.reached) == {"always below"}
