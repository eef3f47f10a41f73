"""`analysis.plan`: what it recommends is enough, and not much more than enough."""

import doctest
import math

import numpy as np
import pandas
import pytest

import manifolds
from analysis.plan import calculation, command, measure, plan
from analysis.plan.measure import LAWS, TABLE, distance, radius_of
from analysis.theory.rates import recipe

STEPS = pandas.read_csv(TABLE)


def test_the_rows_of_the_paper_are_the_recipe():
    found = plan(8, 19200, 10.0, 0.1)
    printed, exact, marginal = found.rows
    sigma_0, sigma_t, h, steps, _ = recipe(8, 0.1, 10.0)
    assert (printed.sigma_0, printed.sigma_T, printed.h, printed.steps) == (sigma_0, sigma_t, h, math.ceil(steps))
    assert found.steps == marginal.steps < min(exact.steps, printed.steps)
    assert marginal.sigma_T == sigma_t and marginal.sigma_0 == pytest.approx(10 * sigma_0)
    assert marginal.h * marginal.steps == pytest.approx(2 * math.log(10 * sigma_0 / sigma_t))


def test_the_ledger_s_steps_are_just_enough():
    """Against the closed form of the Gaussian: (k/2) sum x - log(1 + x), and its start."""
    from analysis.theory.discretisation import gaussian_discretisation
    from analysis.theory.grid import constant_levels
    from analysis.theory.initial import gaussian_initial

    k, d, radius, eps = 4, 10**6, 2.0, 0.5
    row = plan(k, d, radius, eps, "gaussian").rows[1]

    def total(steps):
        levels = constant_levels(row.sigma_0, row.sigma_T, steps)
        start = gaussian_initial(k, 1.0, row.sigma_0)
        return gaussian_discretisation(levels, k, 1.0) + start + k / (2 * (d - k))

    assert total(int(row.steps)) <= (eps / radius) ** 2 / 2 < total(int(row.steps) - 2)


def test_premises_are_judged_by_both_k():
    premises = plan(8, 1000, 1.0, 0.01).premises
    assert [ok for _, _, ok in premises] == [True, False] and premises[0][1] == pytest.approx(0.064)
    assert premises[1][1] > 1


def test_the_level_and_the_price():
    found = plan(2, 1000, 1.0, 0.1)
    assert found.level_sd == pytest.approx(1 / math.sqrt(2 * (1000 - 3)))
    assert found.price == pytest.approx(2 / (2 * 998))


def test_everything_scales_with_the_data():
    small, large = plan(2, 1000, 1.0, 0.1), plan(2, 1000, 50.0, 5.0)
    assert large.steps == small.steps and large.rows[2].sigma_0 == pytest.approx(50 * small.rows[2].sigma_0)


def test_the_table_holds_six_laws_and_grows_with_what_is_asked():
    assert set(STEPS["law"]) == set(LAWS)
    for _, rows in STEPS.groupby(["law", "dim"]):
        steps = rows.sort_values("eps", ascending=False)["steps"].to_numpy()
        assert (np.diff(steps) >= 0).all()
    assert (STEPS["before"] < STEPS["steps"]).all()


def test_the_fit_is_within_three_times_of_every_measured_row():
    """The smallest N lies in (before, steps]: what is recommended is at least `steps`, and less than 3 times it."""
    for row in STEPS.itertuples():
        found, of = calculation.measured_steps(row.dim, row.eps, row.law)
        assert of == row.law
        assert row.before < found <= 3 * row.steps, (row, found)


@pytest.mark.parametrize("law", LAWS)
def test_what_is_recommended_is_enough_and_a_third_of_it_is_not(law):
    """At a k and eps that are not in the table, on draws that are not its own."""
    k, eps, n = 3, 0.15, 400
    made = manifolds.make(law, dim=k, ambient=2000, reduced=True)
    size = radius_of(made)
    steps = plan(k, 2000, size, eps * size, law).steps
    draw = manifolds.stream(7, "plan", law)
    assert distance(made, steps, eps * size, n, draw) <= eps * size
    fewer = math.ceil(steps / 3) - 1
    assert fewer == 0 or distance(made, fewer, eps * size, n, draw) > eps * size


def test_the_cheapest_sampler_is_the_table_s():
    rows = pandas.DataFrame(
        {
            "law": list("aabb"),
            "integrator": ["exponential_euler", "heun"] * 2,
            "a": [0.5, 0.0] * 2,
            "calls": [9, 8, 4, 5],
        }
    )
    assert calculation._cheapest(rows).startswith("heun at a = 0: 8 calls") and "needs 9" in calculation._cheapest(rows)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "arguments are required: --dim, --ambient"),
        (["--dim", "0", "--ambient", "9"], "argument --dim"),
        (["--dim", "9", "--ambient", "9"], "dim must be < ambient = 9, got 9"),
        (["--dim", "2", "--ambient", "9", "--eps", "1"], "eps must be < radius = 1"),
        (["--dim", "2", "--ambient", "9", "--law", "nothing"], "argument --law: must be one of"),
        (["--dim", "2", "--ambient", "9", "--law", "full_gaussian"], "dim must equal ambient (9) for full_gaussian"),
    ],
)
def test_bad_arguments_are_one_line(words, line, capsys):
    assert command.main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and line in err and err.count("\n") == 1


def test_the_command(capsys):
    assert command.main(["--dim", "8", "--ambient", "19200", "--radius", "10", "--eps", "0.1"]) == 0
    out = capsys.readouterr().out
    assert "Corollary 3.10" in out and "premise" in out and max(map(len, out.splitlines())) <= 120


@pytest.mark.parametrize("module", [calculation, measure])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("ambient", "eps", "why"),
    [
        (19200, 0.1, "start and price alone cost 0.00021 of 5e-05 nats"),
        (10**9, 0.1, "more than 2^20 steps for (eps/R)^2/2 nats"),
    ],
)
def test_where_the_ledger_has_no_steps_it_says_why(ambient, eps, why):
    ledger = plan(dim=8, ambient=ambient, radius=10.0, eps=eps).rows[1]
    assert ledger.steps == math.inf
    assert ledger.rests_on == why
