"""The cells of the theorems experiment against closed forms, sums over grids, and references of their own."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from deciding import PAPER
from scipy import special, stats
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from analysis import theorems
from analysis.ledger.sizes import scale
from analysis.theorems import corners, marginal_law, price_path, recipe_laws
from analysis.theorems.marginal_law import _gaussian_tv, cell_marginal
from analysis.theorems.price_bound import cell_price
from analysis.theorems.price_path import cell_path
from analysis.theorems.pythagoras import cell_sum
from analysis.theorems.recipe import cell_recipe
from analysis.theorems.settings import case, levels
from analysis.theorems.start import cell_init
from manifolds import stream


def test_cantor_law_has_the_variance_of_cantors_set():
    """Sum of independent two-point digits: (1/8)(1 - 9^-n) after n generations, and mean zero."""
    law = case("cantor", 1000)
    assert scale(law) ** 2 == pytest.approx((1 - 9.0**-9) / 8, rel=1e-12)
    assert float(law.core.mean.abs().max()) < 1e-15


def test_levels_of_a_case_are_in_units_of_its_size():
    law = case("two_atoms", 1000)
    assert levels(law, 0.05) == pytest.approx((0.05, 20.0))
    ellipse = case("ellipse", 1000)
    assert levels(ellipse, 0.001) == pytest.approx((1.3 * 0.05, 20 * scale(ellipse)))


def test_price_of_a_gaussian_and_its_information_are_closed_forms():
    """J = k [(1 + sigma_T^2)^-2 - (1 + sigma_0^2)^-2] and price = J/(2(d - k)) to leading order."""
    row = cell_price({"law": "gaussian", "ambient": 10**5, "end": 0.05, "points": 8000, "added": 0.05}, 3)[0]
    exact = 4 * ((1 + row["sigma_T"] ** 2) ** -2 - (1 + row["sigma_0"] ** 2) ** -2)
    assert row["J"] == pytest.approx(exact, rel=0.03)
    assert row["price_over_low"] - 1e-3 <= 1 <= row["price_over_high"] + 1e-3
    assert row["price_over_high"] - row["price_over_low"] < 0.01
    # levels read sqrt(.05/(2d)) too high cost J .05/(2d) more
    assert row["misread_over"] == pytest.approx(1.05, abs=0.005)


def test_two_atoms_have_the_known_information():
    row = cell_price({"law": "two_atoms", "ambient": 10**3, "end": 0.05, "points": 3000, "added": 0.2}, 1)[0]
    assert row["information"] * 2000 == pytest.approx(0.5173, rel=0.08)
    assert row["price_over_low"] <= 1.0 <= row["price_over_high"] + 0.002


def test_price_cells_state_the_bound_with_both_k_and_what_grows_as_the_level_falls():
    """(R^2 + k) k^2/d A_T with R^2 = E|X|^2 = 4; levels so misread that the price is 20^.22 times what it is."""
    params = {"law": "gaussian", "ambient": 1000, "end": 0.01, "points": 8000, "added": 0.05}
    row = cell_price(params, 0)[0]
    low, high = 0.01 * 2, 20.0 * 2
    assert row["bound"] == pytest.approx((4 + 4) * 16 / 1000 * 2 * (low**-2 - high**-2))
    assert row["growing"] / row["price"] == pytest.approx(20**0.22, rel=0.02)
    assert row["bound_cov"] is None  # its support is unbounded
    atoms = cell_price(params | {"law": "two_atoms", "points": 400}, 0)[0]
    k_cov = 1 + math.log(2)
    assert atoms["bound_cov"] == pytest.approx((1 + k_cov) * k_cov**2 / 1000 * 2 * (0.01**-2 - 20.0**-2))


def _gaussian_price(k, d, low, high):
    """int E|f* - f_sigma|^2 sigma^-2 d log sigma of a unit Gaussian, f* under sigma^-3 on [low, high]: all by sums.

    |u|^2 ~ (1 + sigma^2) chi2_k and rho^2 ~ sigma^2 chi2_{d-k} by Gauss rules, the posterior on a fine grid.
    """
    n, s = d - k, np.linspace(math.log(low), math.log(high), 801)
    level2 = np.exp(2 * s)
    keep, prior = 1 / (1 + level2), -2 * s
    outer = np.linspace(math.log(low), math.log(high), 61)
    (x_u, w_u), (x_rho, w_rho) = (special.roots_genlaguerre(24, m / 2 - 1) for m in (k, n))
    w_u, w_rho = w_u / w_u.sum(), w_rho / w_rho.sum()
    found = []
    for sigma2 in np.exp(2 * outer):
        u2 = ((1 + sigma2) * 2 * x_u)[:, None, None]
        rho2 = (sigma2 * 2 * x_rho)[None, :, None]
        log_mu = prior - k / 2 * np.log(1 + level2) - n * s - u2 / (2 * (1 + level2)) - rho2 / (2 * level2)
        mu = np.exp(log_mu - log_mu.max(axis=2, keepdims=True))
        mean = (mu * keep).sum(2) / mu.sum(2)
        found.append(w_u @ (u2[:, :, 0] * (1 / (1 + sigma2) - mean) ** 2) @ w_rho / sigma2)
    return np.trapezoid(found, outer)


def test_path_cells_measure_the_price_at_k_of_d():
    """k = 64^.5 = 8 at d = 64 is far from the leading order in 1/d: the price by sums over chi-square laws."""
    row = cell_path({"law": "gaussian", "power": 0.5, "ambient": 64, "dim": 8, "points": 8000}, 0)[0]
    assert row["squared_ratio"] == 1.0 and row["normal"] == 56
    assert row["misread"] > row["price"]
    exact = _gaussian_price(8, 64, 0.05, 20.0)
    assert row["price_low"] - 0.01 * exact <= exact <= row["price_high"] + 0.01 * exact
    assert row["price_high"] - row["price_low"] < 0.1 * exact
    assert abs(exact / (8 / (2 * 56)) - 1) > 0.02
    assert row["bound"] == pytest.approx((8 + 8) * 64 / 64 * 2 * (0.05**-2 - 20.0**-2))


def test_the_worst_case_on_the_path_is_run_at_its_own_level():
    """Below level 1 the two-scale law has no dimension k: A_T is that of [1, 20]. At k^2 > d its price is large."""
    row = cell_path({"law": "two_scale", "power": 0.7, "ambient": 10**4, "dim": 631, "points": 2000}, 0)[0]
    assert math.isnan(row["misread"])
    second_moment = row["bound"] * 10**4 / 631**2 / (2 * (1 - 20.0**-2)) - 631
    assert 0 < second_moment < 631
    assert row["price_low"] > 10 * row["gaussian_form"]
    law, sigma_T = price_path._law_on_path("sphere", 16, 100)
    assert (law.radius, sigma_T) == (4.0, 0.05)


def test_another_prior_leaves_a_cross_term():
    row = cell_sum({"law": "sphere", "dim": 4, "prior": "-1", "denoiser": "perturbed", "steps": 24, "points": 1000}, 0)[
        0
    ]
    assert row["difference_low"] > 0.01
    assert row["total"] == pytest.approx(
        row["init"] + row["blind"] + row["discretisation"] + row["learning"] + row["difference"] * row["total"],
        rel=1e-9,
    )


def test_codes_on_the_path_have_one_ball_a_point():
    row = cell_path({"law": "random_code", "power": 0.5, "ambient": 64, "dim": 2, "points": 384}, 0)[0]
    assert row["k_cov_low"] == pytest.approx(1 + math.log(round(math.e**2))) and row["normal"] == 64 - 16
    assert 0 < row["price_low"] < row["J_high"] / (2 * row["normal"])


def test_init_cell_and_its_sabotage_are_gaussian_divergences():
    row = cell_init({"law": "gaussian", "start": 3.0, "points": 100}, 0)[0]
    sigma = row["sigma_0"]

    def divergence(target):
        r = (1 + sigma**2) / target**2
        return 4 * 0.5 * (r - 1 - math.log(r))

    assert row["ratio"] * row["bound"] == pytest.approx(divergence(sigma), rel=1e-7)
    assert row["narrow"] * row["bound"] == pytest.approx(divergence(0.984 * sigma), rel=1e-7)
    assert row["exact_ratio"] == pytest.approx(row["ratio"], rel=1e-7)


def test_two_atoms_nearly_attain_the_bound_of_the_start():
    """At sigma_0 = s/8 they are told apart: KL = 1/(2 sigma_0^2) - log 2, up to an overlap of exp(-32)."""
    row = cell_init({"law": "two_atoms", "start": 0.125, "points": 4000}, 0)[0]
    assert row["exact_ratio"] == pytest.approx(1 - math.log(2) / 32, rel=1e-9)
    assert row["ratio_low"] - 0.01 < row["exact_ratio"] < row["ratio_high"] + 0.01
    assert row["ratio_high"] - row["ratio_low"] < 0.03


def _bounded_lipschitz(x, y):
    cost = np.minimum(cdist(x, y), 2.0)
    return cost[linear_sum_assignment(cost)].mean()


@pytest.fixture(scope="module")
def recipes():
    params = {"law": "cube", "dim": 2, "eps": 0.2, "points": 640}
    return {steps: cell_recipe(params | {"steps_of": steps}, 0)[0] for steps in ("recipe", "one")}


def test_the_recipe_is_corollary_3_10(recipes):
    """k = 2, R = sqrt 2, eps = .2: sigma_T = R eps/sqrt k, sigma_0 = R/eps, h = 20 eps^2/k^2, d = (1 + k) k^3/eps^4."""
    row, size = recipes["recipe"], math.sqrt(2)
    assert (row["sigma_T"], row["sigma_0"], row["radius"]) == pytest.approx((0.2, 5.0 * size, size))
    assert row["steps"] == math.ceil(2 * math.log(row["sigma_0"] / row["sigma_T"]) / (20 * 0.04 / 4))
    assert (row["ambient"], recipes["one"]["steps"]) == (math.ceil(3 * 8 / 0.2**4), 1)
    # a grid of spacing 2 r/sqrt k covers [-1, 1]^2, r = sigma_T^2/(sigma_0 sqrt d)
    r = row["sigma_T"] ** 2 / (row["sigma_0"] * math.sqrt(row["ambient"]))
    assert 1 + 2 * math.log(1 / r) < row["k_cov_high"] < 3 + 2 * math.log(2 / r)


def test_one_step_is_as_far_as_points_drawn_here_and_the_recipe_is_not(recipes):
    """One step from far: f is the mean 0, so y is sigma_T noise, clamped to the square: against uniform points."""
    rng, size = np.random.default_rng(11), math.sqrt(2)
    gaps = []
    for _ in range(24):
        truth, other = rng.uniform(-1, 1, (2, 80, 2)) / size
        noise = np.clip(0.2 * rng.standard_normal((80, 2)), -1, 1) / size
        gaps.append((_bounded_lipschitz(noise, truth) - _bounded_lipschitz(other, truth)) / 0.2)
    assert recipes["one"]["run"] == pytest.approx(np.mean(gaps), abs=5 * np.std(gaps) / math.sqrt(8))
    assert recipes["one"]["run_low"] > 0.6 and recipes["recipe"]["run_high"] < 0.3
    assert recipes["recipe"]["truth_low"] <= recipes["recipe"]["truth"] <= recipes["recipe"]["truth_high"] < 0.3


def test_the_laws_of_the_recipe_are_off_centre_or_unequal():
    """A sixth of a sphere: E z = (1/(4 pi/6)) int da db/(1 + a^2 + b^2)^2, by a sum; the cubes' centres and weights."""
    side = np.linspace(-1, 1, 801)
    a, b = np.meshgrid(side, side)
    weight = (1 + a**2 + b**2) ** -1.5
    exact = (weight * (1 + a**2 + b**2) ** -0.5).mean() / weight.mean()
    assert float(recipe_laws.cap(finest=0.1).mean[2]) == pytest.approx(exact, rel=3e-3)
    law = recipe_laws.unequal_cubes(2)
    assert law.mean.numpy() == pytest.approx([0, 0, 0.46, 0.18, 0.18, 0.18])
    with pytest.raises(ValueError, match="dim must be 2 for cap"):
        recipe_laws.cap(3)


def test_the_impostor_of_the_corners_is_scaled(monkeypatch):
    """What is handed to the run: .8 f beside f, from level 20 to .02, with the points that were asked for."""
    seen = {}
    monkeypatch.setattr(corners, "impostor_run", lambda *given: seen.update(given=given) or {})
    params = {"law": "sphere", "dim": 2, "ambient": 50, "steps": 8, "points": 5, "ledger_points": 7}
    corners.cell_sabotage(params, 0)
    law, f, impostor, schedule, n, points, _ = seen["given"]
    y = law.add_noise(law.sample(4, stream(0)), 0.5, stream(1))
    assert impostor(y).numpy() == pytest.approx(0.8 * f(y).numpy())
    assert (schedule.sigma_start, schedule.sigma_end, schedule.steps, n, points) == (20.0, 0.02, 8, 5, 7)
    assert (f.prior.low, f.prior.high, f.prior.exponent) == pytest.approx((0.02, 20.0, -3.0))


def test_marginal_cells_know_the_gaussian_and_the_radial_mass():
    """KL = k h^2/16 for a Gaussian, to leading order; the radial density carried over 16 steps keeps its mass."""
    gaussian = cell_marginal({"law": "gaussian", "dim": 2, "steps": 128, "scale": 1.0}, 0)[0]
    assert gaussian["kl"] == pytest.approx(2 * gaussian["h"] ** 2 / 16, rel=0.03)
    assert cell_marginal({"law": "sphere", "dim": 2, "steps": 16, "scale": 1.0}, 0)[0]["mass"] == pytest.approx(
        1, abs=1e-9
    )


@pytest.mark.parametrize("k", [1, 5])
def test_gaussian_total_variation_is_the_integral_of_the_densities(k):
    v = 0.7
    kl = 0.5 * k * (1 / v - 1 + math.log(v))
    r = np.linspace(0, 12, 20001)
    gap = np.abs(stats.chi.pdf(r, k) - stats.chi.pdf(r / math.sqrt(v), k) / math.sqrt(v))
    assert _gaussian_tv(kl, k) == pytest.approx(0.5 * np.trapezoid(gap, r), rel=1e-4)


def test_marginal_cells_state_what_the_certificate_allows():
    """sqrt(disc/2), disc = (k/2) sum (x - log(1 + x)) of a unit Gaussian."""
    row = cell_marginal({"law": "cube", "dim": 1, "steps": 16, "scale": 1.0}, 0)[0]
    lam = np.geomspace(20.0, 0.05, 17) ** -2.0
    x = np.diff(lam) / (1 + lam[:-1])
    assert row["gaussian_tv_certified"] == pytest.approx(math.sqrt(0.25 * (x - np.log1p(x)).sum()), rel=1e-10)
    assert row["h"] == pytest.approx(2 * math.log(400.0) / 16)


# -- what is planned ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["smoke", "paper", "full"])
def test_plans_hold_what_each_verdict_reads(profile):
    plan = theorems.EXPERIMENT.plan(SimpleNamespace(profile=profile))
    cells = {part: [c.params for c in plan if c.part == part] for part in theorems.EXPERIMENT.parts}
    assert {"gaussian", "two_scale"} <= {p["law"] for p in cells["theorems_path"]}
    assert {p["ambient"] for p in cells["theorems_price"] if p["law"] == "gaussian"} == {10**3, 10**5, 10**9}
    assert {(p["prior"], p["denoiser"]) for p in cells["theorems_sum"] if p["law"] == "gaussian"} == {
        ("aligned", "blind"), ("aligned", "perturbed"), ("-3", "perturbed"), ("-1.5", "perturbed"),
    }  # fmt: skip
    assert ("cube", 2, 0.4, "one") in {(p["law"], p["dim"], p["eps"], p["steps_of"]) for p in cells["theorems_recipe"]}
    assert len(cells["theorems_start"]) == 3 * (6 if profile == "smoke" else 16) + 1
    assert {p["weight"] for p in cells["theorems_limit"]} == {1.0, 0.9}
    assert ("sphere", 16) not in {(p["law"], p["dim"]) for p in cells["theorems_marginal"]} or profile != "smoke"


def test_corners_reach_from_the_least_d_to_a_billion():
    cells = [c.params for c in corners.cells(PAPER) if c.part == "theorems_certificate"]
    assert {p["law"] for p in cells} == set(corners._DIMS)
    for law, (_, middle, most) in corners._DIMS.items():
        own = [p for p in cells if p["law"] == law]
        assert (middle, 32) in {(p["dim"], p["steps"]) for p in own if p["ambient"] < 10**9}
        assert (most, 4) in {(p["dim"], p["steps"]) for p in own if p["ambient"] < 10**9}
        assert all(p["ambient"] >= 2 * p["dim"] for p in own)
    assert max(p["steps"] for p in cells) == 2048


def test_steps_of_a_marginal_law_double_up_to_its_last():
    cells = [c.params for c in marginal_law.cells(PAPER)]
    assert [p["steps"] for p in cells if (p["law"], p["dim"]) == ("sphere", 16)] == [16, 32, 64]
    assert [p["steps"] for p in cells if (p["law"], p["dim"]) == ("gaussian", 2)] == [16, 32, 64, 128]
