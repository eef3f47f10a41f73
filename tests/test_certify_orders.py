"""`observed_order`: declared orders are seen, a broken method is not taken for a good one."""

import doctest

import pytest
import torch

from analysis.certify import observed_order, orders
from analysis.samplers import Schedule, get_integrator
from analysis.samplers.integrators import Heun


@pytest.mark.parametrize(
    "name", ["exponential_euler", "euler", "euler_maruyama", "ddim", "ancestral", "heun", "dpm_solver_2m", "ddpm"]
)
def test_declared_orders_are_seen(name):
    found = observed_order(name)
    assert found.declared == get_integrator(name).weak_order
    assert found.order == pytest.approx(found.declared, abs=0.2)
    assert found.low <= found.order <= found.high


@pytest.mark.parametrize("name", ["exponential_euler", "ddim", "ancestral"])
def test_normal_consistent_methods_keep_the_level(name):
    assert max(abs(row.level_error) for row in observed_order(name).rows) < 1e-10


def test_euler_maruyama_loses_the_level_at_first_order():
    """Along the data it happens to be of second order here; across them it is not."""
    rows = observed_order("euler_maruyama").rows
    assert rows[-2].level_error / rows[-1].level_error == pytest.approx(2.0, rel=0.1)


def test_against_a_variance_recursion_written_out():
    """Exponential Euler: Y+ = f + c (Y - f) + eta Z on one line."""
    schedule = Schedule.proportional(10.0, 0.1, steps=16)
    variance = 1.0 + 100.0
    for sigma, after, h in zip(schedule.sigma[:-1].tolist(), schedule.sigma[1:].tolist(), schedule.h.tolist()):
        c = torch.exp(torch.tensor(-h, dtype=torch.float64)).item()
        shrink = 1 / (1 + sigma**2)
        variance = (shrink + c * (1 - shrink)) ** 2 * variance + after**2 - c**2 * sigma**2
    row = observed_order("exponential_euler", schedule).rows[0]
    assert row.error == pytest.approx(variance / 1.01 - 1, rel=1e-9)


class Broken(Heun):
    """Without its correction: first order, declared second."""

    name = "broken"

    def mean(self, y, fy, i, steps, evaluate):
        return fy + steps.contraction[i] * (y - fy)


def test_a_broken_method_shows():
    found = observed_order(Broken())
    assert found.declared == 2 and found.high < 1.5


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"integrator": "nothing"}, "integrator must be"),
        ({"integrator": "randomised_midpoint"}, "integrator must be neither adaptive nor draw its own noise"),
        ({"integrator": "heun", "schedule": 3}, "schedule must be a Schedule, got int"),
        ({"integrator": "heun", "refinements": 2}, "refinements must be >= 5, got 2"),
        ({"integrator": "heun", "scale": 0.0}, "scale must be a finite number > 0"),
    ],
)
def test_bad_arguments_are_one_line(arguments, line):
    with pytest.raises(ValueError) as problem:
        observed_order(**arguments)
    assert str(problem.value).startswith(line) and "\n" not in str(problem.value)


def test_examples():
    assert doctest.testmod(orders).failed == 0
