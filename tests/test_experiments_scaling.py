"""The scaling experiment: cells against independent references, fits on made tables, verdicts that flip under sabotage."""

import math
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
from scipy import integrate, stats

import manifolds
from analysis import scaling
from analysis.ledger.certificate import radial_quantile
from analysis.ledger.telescope import constant_step_nats, mmse_curves, steps_for_nats
from analysis.runs import main
from analysis.runs.claims import judge
from analysis.scaling import certified_steps, held_runs, measured_steps, price_over_d, settings
from analysis.scaling.certified_steps import cell_certificate
from analysis.scaling.figures import exponents_by_law
from analysis.scaling.held_runs import cell_run
from analysis.scaling.measured_steps import cell_coupled, fits
from analysis.scaling.price_of_steps import cell_telescope
from analysis.scaling.price_over_d import cell_price
from analysis.scaling.settings import SIGMA_END, SIGMA_START, make_law
from analysis.scaling.start_reading import total_variation_interval

ENDS = (SIGMA_START, SIGMA_END)
CLAIMS = {claim.id: claim for claim in scaling.EXPERIMENT.claims}
PAPER = SimpleNamespace(profile="paper")


def _gaussian_disc(k, steps, scale=1.0, end=SIGMA_END):
    """disc of a Gaussian by adaptive quadrature in log sigma: sum_i int (mmse_i - mmse) sigma^-2 dlog sigma."""
    mmse = lambda s: k * s**2 / (1 + s**2 / scale**2)
    levels = np.geomspace(SIGMA_START, end, steps + 1)
    piece = lambda a, b: integrate.quad(
        lambda x: (mmse(a) - mmse(math.exp(x))) * math.exp(-2 * x), math.log(b), math.log(a)
    )[0]
    return sum(piece(a, b) for a, b in zip(levels[:-1], levels[1:]))


@pytest.mark.parametrize("k, steps", [(1, 8), (8, 32)])
def test_discretisation_of_the_splined_curve_equals_adaptive_quadrature(k, steps):
    curve = mmse_curves(make_law("gaussian", k, 10**6), SIGMA_END, SIGMA_START, 2, 1, manifolds.stream(0))[0]
    assert constant_step_nats(curve, steps, *ENDS) == pytest.approx(_gaussian_disc(k, steps), rel=1e-8)


def test_real_steps_solve_their_equation():
    curve = mmse_curves(make_law("sphere", 4, 10**6), SIGMA_END, SIGMA_START, 2, 1, manifolds.stream(0))[0]
    steps = steps_for_nats(curve, 0.2, *ENDS)
    below, above = (constant_step_nats(curve, n, *ENDS) for n in (math.ceil(steps), math.floor(steps)))
    assert below <= 0.2 <= above
    assert steps_for_nats(curve, -0.1, *ENDS) == math.inf


def test_a_measured_curve_agrees_with_a_known_one():
    """The sphere's MMSE by its radial integral and, as if it were unknown, by Monte Carlo."""
    law = make_law("sphere", 3, 10**6)
    known = mmse_curves(law, SIGMA_END, SIGMA_START, 2, 1, manifolds.stream(0))[0]
    blind_to_it = manifolds.Law(_Unknown(law.core), 10**6, reduced=True)
    curves = mmse_curves(blind_to_it, SIGMA_END, SIGMA_START, 400, 8, manifolds.stream(1))
    measured = np.array([constant_step_nats(curve, 16, *ENDS) for curve in curves])
    half = stats.t.ppf(0.9995, 7) * measured.std(ddof=1) / math.sqrt(8)
    assert abs(measured.mean() - constant_step_nats(known, 16, *ENDS)) < half
    assert half < 0.1 * measured.mean()


class _Unknown:
    """A core that does not tell its MMSE."""

    def __init__(self, core):
        self._core = core

    def mmse(self, sigma):
        return None

    def __getattr__(self, name):
        return getattr(self._core, name)


def test_gaussian_price_cell_agrees_with_its_closed_form_and_its_controls_differ():
    row = cell_price({"law": "gaussian", "dim": 4, "ambient": 10**5, "points": 1 << 15}, 0)[0]
    form = 4 / (2 * (10**5 - 4))
    assert row["price_low"] < form < row["price_high"] and row["efficient_low"] < form < row["efficient_high"]
    assert row["price_high"] - row["price_low"] < 0.03 * form
    # reading levels 5 % high costs int 4 k s^4 sigma^2/(s^2+sigma^2)^3 dlog sigma * .05^2 = k * .05^2 whatever d, to first order
    assert row["biased"] == pytest.approx(4 * 0.05**2, rel=0.08)


def test_telescope_cell_is_one_and_a_false_joint_law_is_not():
    row = cell_telescope({"law": "gaussian", "dim": 2, "counts": "8", "points": 2000}, 0)[0]
    assert row["disc"] == pytest.approx(_gaussian_disc(2, 8), rel=1e-7)
    assert abs(row["ratio"] - 1) < 3.5 * row["ratio_se"] < 0.15
    assert row["false_ratio"] - 3.5 * row["false_ratio_se"] > 1.2


def test_certificate_cell_solves_for_its_steps_at_every_dimension_and_final_level():
    """Gaussian: at the steps found init + k/(2(d-k)) + disc is eps, by closed forms and adaptive quadrature; larger sigma_T takes fewer."""
    k, rows = 2, cell_certificate({"law": "gaussian", "dim": 2, "ambients": "1000000 1000", "points": 1 << 14}, 0)
    init = 0.5 * k * (1 / SIGMA_START**2 - math.log1p(1 / SIGMA_START**2))
    for row in rows:
        disc = lambda n: _gaussian_disc(k, n, end=row["sigma_T"])
        n, rest = row["steps"], init + k / (2 * (row["ambient"] - k))
        tolerance = 0.1 * k / (2 * row["ambient"])  # of the sampled price
        assert (
            disc(math.ceil(n)) <= row["eps"] - rest + tolerance and disc(math.floor(n)) >= row["eps"] - rest - tolerance
        )
    assert {row["ambient"] for row in rows} == {1000, 10**6} and len(rows) == 2 * 3 + 3
    last = sorted((row["sigma_T"], row["steps"]) for row in rows if row["ambient"] == 10**6 and row["eps"] == 0.2)
    assert len(last) == 4 and all(a[1] > b[1] for a, b in zip(last, last[1:]))


def test_run_cell_reports_a_certificate_above_what_it_measures():
    row = cell_run(
        {"law": "gaussian", "dim": 2, "ambient": 10**6, "steps": 32, "points": 500, "ledger_points": 4096}, 0
    )[0]
    assert row["discretisation"] == pytest.approx(_gaussian_disc(2, 32), rel=1e-7)
    assert row["total"] == pytest.approx(row["init"] + row["blind"] + row["discretisation"], rel=1e-9)
    # KL of N(0, v) from N(0, 1 + sigma_T^2), v by the recursion of the variance with the true level
    v = SIGMA_START**2
    h = 2 * math.log(SIGMA_START / SIGMA_END) / 32
    for i in range(32):
        level2 = SIGMA_START**2 * math.exp(-h * i)
        keep = 1 / (1 + level2)
        v = (keep + math.exp(-h) * (1 - keep)) ** 2 * v + level2 * (math.exp(-h) - math.exp(-2 * h))
    r = (1 + SIGMA_END**2) / v
    assert row["exact_kl"] == pytest.approx(r - 1 - math.log(r), rel=1e-9)
    assert row["exact_kl"] < row["total"] and row["tv_lower"] <= row["tv_bound"]


@pytest.mark.parametrize("name", ["gaussian", "sphere"])
def test_radial_quantiles_are_those_of_sampled_radii(name):
    law = make_law(name, 3, 100)
    source = manifolds.stream(0, "radii", name)
    y = law.add_noise(law.sample(20000, source), 0.3, source)
    quantile = radial_quantile(law, 0.3)
    uniform = np.interp(
        law.space.split(y)[0].norm(dim=1).numpy(), quantile(np.linspace(0, 1, 5001)), np.linspace(0, 1, 5001)
    )
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3


def test_total_variation_intervals_cover_the_truth():
    rng, weights = np.random.default_rng(3), np.array([0.55, 0.15, 0.15, 0.15])
    true = np.array([0.35, 0.25, 0.2, 0.2])
    exact = 0.5 * np.abs(true - weights).sum()
    found = [total_variation_interval(rng.multinomial(400, true), tuple(weights)) for _ in range(200)]
    assert np.mean([e.low <= exact <= e.high for e in found]) >= 0.95
    nothing = [total_variation_interval(rng.multinomial(400, weights), tuple(weights)).low for _ in range(200)]
    assert np.mean([low == 0.0 for low in nothing]) >= 0.9


def _gap_of_coupled_gaussian_runs(coarse, fine):
    """sd of Y_coarse - Y_fine in one coordinate of a unit Gaussian, true level told: both are linear in the start and the fine noise."""

    def response(steps):
        span, per = math.log(SIGMA_START / SIGMA_END), fine // steps
        level = lambda j: SIGMA_START * math.exp(-span * j / fine)
        h = 2 * span / fine
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
    params = {"law": "gaussian", "dim": 1, "ambient": 10**9, "steps": "4 8", "points": 4000, "scale": 1.0}
    rows = cell_coupled(params, 0)
    for row in rows:
        exact = math.sqrt(2 / math.pi) * _gap_of_coupled_gaussian_runs(row["N"], 64)
        assert row["error"] == pytest.approx(exact, abs=4 * row["error_se"]) and row["error_se"] < 0.02 * exact
    sabotaged = cell_coupled(params | {"scale": 0.8}, 0)
    assert all(bad["error"] > good["error"] for bad, good in zip(sabotaged, rows)) and sabotaged[1]["error"] > 0.5


def _coupled(order=1.0, in_k=0.5):
    """A made table: error = 2 N^-order k^in_k, seen to 2 %."""
    rows = []
    rng = np.random.default_rng(0)
    for dim in (2, 4, 8, 16):
        for ambient in (10**3, 10**9):
            for steps in (8, 16, 32, 64):
                error = 2 * steps**-order * dim**in_k * math.exp(0.02 * rng.standard_normal())
                rows.append(
                    {
                        "law": "gaussian",
                        "dim": dim,
                        "ambient": ambient,
                        "N": steps,
                        "scale": 1.0,
                        "error": error,
                        "error_se": 0.02 * error,
                    }
                )
    return pandas.DataFrame(rows)


def test_fits_recover_made_exponents_within_their_intervals():
    found = fits({"scaling_coupled": _coupled(order=0.8, in_k=0.4)}).set_index(["quantity", "against"])
    for against, exact in (("inverse_error", 1.25), ("dim", 0.5), ("ambient", 0.0)):
        row = found.loc[("measured steps", against)]
        assert row["low"] <= exact <= row["high"] and row["high"] - row["low"] < 0.25


def test_measured_steps_are_where_the_made_error_meets_the_target():
    table = measured_steps.measured_steps(_coupled(order=1.0, in_k=0.0))
    row = table[(table["dim"] == 2) & (table["ambient"] == 1000) & (table["target"] == 0.1)].iloc[0]
    assert (
        row["reached"] == "reached" and row["steps"] == pytest.approx(20, rel=0.06) and row["low"] <= 20 <= row["high"]
    )


@pytest.mark.parametrize("order, in_k, outcome", [(1.0, 0.5, "holds"), (1.0, 3.0, "violated"), (0.4, 0.0, "violated")])
def test_the_polynomial_step_claim_can_be_refuted(order, in_k, outcome):
    """Steps ~ k^{in_k/order} (1/error)^{1/order}."""
    table = _coupled(order, in_k)
    sabotaged = table[table["dim"] == 2].assign(scale=0.8, error=1.0)
    tables = {"scaling_coupled": pandas.concat([table, sabotaged])}
    tables["scaling_fits"] = fits(tables)
    assert judge(CLAIMS["R1"], *measured_steps.decide(tables, PAPER)).outcome == outcome


def test_discretisation_of_a_fixed_radius_has_exponent_one_over_its_exact_logarithm():
    """A sphere of radius 1 loses log k in the logarithm: raw exponent far below 1, and 1 once one Gaussian coordinate is divided out."""
    rows = [
        {"law": "sphere", "dim": k} | cell_telescope({"law": "sphere", "dim": k, "counts": "32", "points": 128}, 0)[0]
        for k in (4, 16, 64)
    ]
    found = fits({"scaling_telescope": pandas.DataFrame(rows)}).set_index("quantity")["exponent"]
    assert found["discretisation"] < 0.8 and abs(found["discretisation over its logarithm"] - 1) < 0.05
    assert rows[0]["logarithm"] == pytest.approx(_gaussian_disc(1, 32, 1 / math.sqrt(5)), rel=1e-8)


def _price_table(bias):
    rows = []
    for dim in (2, 4, 8):
        for ambient in (10**3, 10**6, 10**9):
            form = dim / (2 * (ambient - dim))
            rows.append(
                {
                    "law": "gaussian",
                    "dim": dim,
                    "ambient": ambient,
                    "gaussian_form": form,
                    "price": bias * form,
                    "price_low": (bias - 0.01) * form,
                    "price_high": (bias + 0.01) * form,
                    "efficient": form,
                    "efficient_low": 0.99 * form,
                    "efficient_high": 1.01 * form,
                    "biased": 0.01,
                    "biased_low": 0.0099,
                    "biased_high": 0.0101,
                }
            )
    return pandas.DataFrame(rows)


@pytest.mark.parametrize("bias, outcome", [(1.0, "holds"), (1.1, "violated"), (1.03, "inconclusive")])
def test_the_price_claim_follows_its_rule(bias, outcome):
    tables = {"scaling_price": _price_table(bias)}
    tables["scaling_fits"] = fits(tables)
    found = {m.claim: m for m in price_over_d.decide(tables, PAPER)}
    assert judge(CLAIMS["B2"], found["B2"]).outcome == outcome
    assert judge(CLAIMS["B3"], found["B3"]).outcome == "holds"  # a constant factor does not touch the exponent


def test_a_control_that_does_not_flip_leaves_the_claim_open():
    table = _price_table(1.0).assign(
        biased=lambda t: t["price"], biased_low=lambda t: t["price_low"], biased_high=lambda t: t["price_high"]
    )
    tables = {"scaling_price": table}
    tables["scaling_fits"] = fits(tables)
    found = {m.claim: m for m in price_over_d.decide(tables, PAPER)}
    assert judge(CLAIMS["B2"], found["B2"]).outcome == "inconclusive"


def _slopes(in_k, in_d=(0.0, -0.01, 0.01)):
    """Joint fits of a Gaussian certificate at EPS: exponent with interval in k and in d, and the two controls as they should be."""
    rows = [
        ("certificate's steps", "dim", in_k),
        ("certificate's steps", "ambient", in_d),
        ("certificate's steps times k (power)", "dim", (2.0, 1.99, 2.01)),
        ("steps for disc alone, Gaussian closed form (null)", "dim", (1.0, 0.995, 1.005)),
    ]
    held = lambda q: "eps=0.2" if "null" in q else "eps=0.2, jointly"
    return pandas.DataFrame(
        [
            {"quantity": q, "law": "gaussian", "against": a, "held": held(q), "exponent": v, "low": low, "high": high}
            for q, a, (v, low, high) in rows
        ]
    )


@pytest.mark.parametrize(
    "in_k, outcome", [((1.0, 0.99, 1.01), "holds"), ((1.2, 1.1, 1.3), "violated"), ((1.02, 0.98, 1.06), "inconclusive")]
)
def test_the_certified_exponent_can_be_refuted(in_k, outcome):
    (measurement,) = certified_steps.decide({"scaling_fits": _slopes(in_k)}, PAPER)
    assert judge(CLAIMS["R2"], measurement).outcome == outcome


@pytest.mark.parametrize("worst, outcome", [(-0.1, "holds"), (0.2, "violated")])
def test_one_run_above_its_certificate_refutes_it(worst, outcome):
    """Many runs within their certificates do not make up for one beyond."""
    runs = pandas.DataFrame(
        {
            "tv_bound": [0.5, 0.5, 0.5],
            "tv_lower": [0.1, 0.2, 0.5 + worst],
            "tv_lower_truth": 0.0,
            "exact_kl": math.nan,
            "total": 0.5,
        }
    )
    sabotage = pandas.DataFrame({"tv_bound": [0.1], "tv_sabotaged": [0.9]})
    (measurement,) = held_runs.decide({"scaling": runs, "scaling_sabotage": sabotage}, PAPER)
    assert judge(CLAIMS["L2"], measurement).outcome == outcome


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
