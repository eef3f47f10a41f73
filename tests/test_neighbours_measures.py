"""What the questions about the neighbours measure, against references that share no code with it."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import integrate, stats

import manifolds
from analysis.neighbours import EXPERIMENT, accuracy, codes, entropy, grids, laws, optimum, start_error, tangent, unions
from analysis.neighbours.settings import Leaking, exponent, gaussian_kl, reach
from analysis.samplers import Schedule
from analysis.theory.grid import gaussian_optimal_limit

SMOKE = SimpleNamespace(profile="smoke")


def test_the_smoke_plan_is_a_part_of_the_paper_s_tables():
    paper, smoke = (EXPERIMENT.plan(SimpleNamespace(profile=p)) for p in ("paper", "smoke"))
    assert {c.part for c in smoke} < {c.part for c in paper} and len(smoke) < len(paper) / 3
    assert sum(c.cost for c in smoke) < 120 and all(set(c.params) for c in paper)


def test_exponents_and_the_range_of_their_neighbours():
    found = exponent([1, 2, 4], [3.0, 12.0, 24.0])
    assert (found.value, found.low, found.high) == pytest.approx((1.5, 1.0, 2.0))
    assert reach(lambda n: 8.0 / n**2, 0.02) == pytest.approx(20.0, rel=1e-9)
    assert reach(lambda n: 1.0, 0.02) == math.inf


def test_a_leak_raises_the_level_and_its_cost():
    schedule = Schedule.proportional(10.0, 0.1, 0.5, 32)
    honest, leaking = (Leaking(rate, 1.0).coefficients(schedule).normal_variance()[-1] for rate in (0.0, 1.0))
    assert float(honest) == pytest.approx(0.01, rel=1e-12)
    assert float(leaking / honest) == pytest.approx(1 + 1 / 32, rel=1e-3)
    both = [gaussian_kl(Leaking(1.0, 1.0), schedule, 1.0, 0.0, n) for n in (1.0, 10.0)]
    assert both[1] == pytest.approx(10 * both[0]) and both[0] == pytest.approx((1 / 32) ** 2 / 4, rel=0.05)


def test_J_of_codes_by_the_law_of_the_code_itself():
    """e^2 = 7 orthogonal points as a law with exact posteriors: sigma^-6 E|W|^2 integrated over log sigma."""
    import torch

    from analysis.ledger.price import integrate_levels
    from manifolds.law import Law
    from manifolds.laws.atoms import Atoms

    law = Law(Atoms(torch.eye(7, dtype=torch.float64)), 20, reduced=True)

    def sensitivity(y, sigma, own):
        return law.space.sqnorm(law.distance_covariance(y, sigma)) / sigma**6

    expected = integrate_levels(law, 0.02, 20.0, 8000, manifolds.stream(0), {"J": sensitivity}, sensitivity)["J"]
    found = codes.code_J(2, 200, manifolds.stream(1), "direct")
    error = math.hypot(expected.std() / 4, (found.high - found.low) / 4)
    assert abs(found.value - expected.mean()) < 4 * error and error < 0.05


def test_extreme_values_agree_with_sums_over_all_points():
    # e^8 points: far more than the 400 largest that are drawn one by one
    direct, extreme = (codes.code_J(8, 20, manifolds.stream(2, how), how) for how in ("direct", "extreme"))
    assert abs(direct.value - extreme.value) < 1.5 * math.hypot(
        direct.high - direct.value, extreme.high - extreme.value
    )


def test_the_bound_on_grids_in_closed_form_and_a_moved_grid():
    bound = grids.bound(lambda sigma: 3 * 4 * sigma**2 / (4 + sigma**2))
    assert bound == pytest.approx(gaussian_optimal_limit(3, 2.0, grids._HIGH, grids._LOW), rel=1e-6)
    even = np.geomspace(20.0, 0.02, 65)
    moved = np.diff(np.log(grids.alternating(even, 0.25)))
    assert set(np.round(moved / moved.mean(), 6)) == {0.75, 1.25}


def test_two_points_and_their_ladder_by_integration():
    sigma, a = 0.8, 1.3

    def shrunk(z):
        y = a + sigma * z
        return stats.norm.pdf(z) * (a - a * math.tanh(a * y / sigma**2)) ** 2

    exact, _ = integrate.quad(shrunk, -12, 12)
    assert float(entropy.two_points(np.array(sigma), a)) == pytest.approx(exact, rel=1e-6)
    ladder, finest = entropy._ladder(3, "ladder")
    assert finest == pytest.approx(1 / 16) and float(ladder(np.array(1e4))) == pytest.approx(
        1 + 1 / 16 + 1 / 256, rel=1e-4
    )


def test_no_grid_beats_the_tangent_law_and_its_error_is_the_product_of_cosines():
    scales, steps = np.array([0.7]), 6
    theta = np.linspace(math.atan(20.0 / 0.7), math.atan(0.02 / 0.7), steps + 1)
    product = math.cos(theta[0] - theta[1]) ** (2 * steps)
    expected = 0.5 * (1 / product - 1 + math.log(product))
    assert tangent.ddim_kl(0.7 * np.tan(theta), scales) == pytest.approx(expected, rel=1e-9)
    assert tangent.best_kl(steps, scales) == pytest.approx(expected, rel=1e-6)
    assert tangent.ddim_kl(np.geomspace(20.0, 0.02, steps + 1), scales) > 1.5 * expected


@pytest.mark.parametrize("p, q", [(1.0, 1.3), (2.0, 0.5)])
def test_total_variation_of_two_gaussians_by_a_sum(p, q):
    x = np.linspace(-15, 15, 30_001)
    exact = 0.5 * np.abs(stats.norm.pdf(x, 0, p**0.5) - stats.norm.pdf(x, 0, q**0.5)).sum() * 1e-3
    assert accuracy._gaussian_tv(p, q, 1) == pytest.approx(exact, rel=1e-5)


def test_the_optimal_injection_lies_where_the_ledger_is_least():
    """On a grid of a, without a minimiser."""
    row = optimum.cell_optimum({"law": "k = 2", "N": 256, "reads": 1000}, 0)[0]
    scales = np.ones(2)
    from analysis.theory.grid import equidistributed_levels

    levels = equidistributed_levels(20.0, 0.02, 256, optimum._mmse(scales), 1 << 14)
    tried = np.geomspace(0.02, 0.5, 60)
    totals = [sum(optimum.ledger_nats(levels, scales, a, 1000).values()) for a in tried]
    assert row["a"] == pytest.approx(tried[int(np.argmin(totals))], rel=0.06)
    assert row["best"] <= min(totals) < row["grid_alone"] < row["canonical"]


def test_the_start_s_error_stays_and_injection_forgets_it():
    kept, forgotten = (
        start_error.cell_start(
            {
                "law": "gaussian",
                "dim": 2,
                "ambient": 10**8,
                "sigma_T": 0.2,
                "sigma_0": 20.0,
                "a": a,
                "steps": 16,
                "n": 200,
            },
            0,
        )[0]
        for a in (0.0, 0.3)
    )
    assert kept["ratio"] == pytest.approx(1.0, abs=1e-3)
    assert forgotten["ratio"] < 0.3  # e^{-a log(100)/(1-a)} = .14 of the error, and what is injected


def test_the_zipf_atoms_and_the_names_of_laws():
    w = laws.zipf_weights(50).numpy()
    assert w[0] / w[3] == pytest.approx(4**1.5)
    assert laws.build("zipf 50").core.points.shape == (50, 64)
    assert laws.build("uneven 8").intrinsic_dim == unions._DIMS[-1] == 8
    assert laws.build("wide 3").second_moment == pytest.approx(3e6)
