"""The ideal process against the exact law of a linear diffusion."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

import manifolds
from analysis.samplers import Schedule, ideal_path
from analysis.samplers.ideal import is_brownian_reversal, simulate
from manifolds import stream

S = 1.5
CASES = {
    "a=0": Schedule.proportional(5.0, 0.1, a=0.0, steps=6),
    "a=.2": Schedule.karras(5.0, 0.1, a=0.2, steps=6),
    "a=.5": Schedule.proportional(5.0, 0.1, a=0.5, steps=6),
    "a=.8": Schedule.proportional(5.0, 0.1, a=0.8, steps=6),
    "given": Schedule.from_injection(lambda t: 3.0 * torch.exp(-t), sigma_start=4.0, horizon=4.0, steps=6),
}


def memory(schedule, first, last):
    """d X_last / d X_first of the linear dynamics dX = -(sigma^2 / (S^2 + sigma^2)) X dt + .., by quadrature."""

    def pull(t):
        level = float(schedule.level(t)) ** 2
        return level / (S**2 + level)

    return math.exp(-quad(pull, float(schedule.t[first]), float(schedule.t[last]), epsabs=1e-10)[0])


@pytest.mark.parametrize("case", sorted(CASES))
@pytest.mark.parametrize("reduced", [False, True])
def test_paths_have_the_law_of_the_schedule_at_every_time_and_the_right_memory(case, reduced):
    """Prop 3.2 of the paper on a Gaussian: variance S^2 + sigma_t^2 along the data, sigma_t^2 across, at each t."""
    schedule, n, k, d = CASES[case], 6000, 2, 5
    law = manifolds.make("gaussian", dim=k, ambient=d, reduced=reduced, scale=S)
    path = ideal_path(law, schedule, n, stream(31, case, reduced), substeps=16)
    assert path.shape == (7, n, law.space.width)
    for i in range(7):
        u, rho2 = law.space.split(path[i])
        level2 = float(schedule.sigma[i]) ** 2
        for squares, degrees, variance in ((u.square().sum(), n * k, S**2 + level2), (rho2.sum(), n * (d - k), level2)):
            low, high = stats.chi2.ppf([5e-5, 1 - 5e-5], degrees)
            assert low <= float(squares) / variance <= high
    first, last = (path[i][:, :k].reshape(-1) for i in (1, 4))
    start = S**2 + float(schedule.sigma[1]) ** 2
    end = S**2 + float(schedule.sigma[4]) ** 2
    correlation = memory(schedule, 1, 4) * math.sqrt(start / end)
    measured = float(np.corrcoef(first, last)[0, 1])
    if case == "a=0":  # deterministic: the correlation is 1 but for the fine-step error
        assert abs(measured - correlation) < 1e-9
    else:
        assert abs(np.arctanh(measured) - np.arctanh(correlation)) <= 3.9 / math.sqrt(n * k - 3)


def test_only_the_half_is_a_brownian_reversal():
    assert [name for name, schedule in CASES.items() if is_brownian_reversal(schedule)] == ["a=.5"]


@pytest.mark.parametrize("a", [0.0, 0.3, 0.8])
def test_fine_steps_keep_the_mean_at_second_order(a):
    """E[Y_N | Y_0] of the linear dynamics : half the difference of two runs with one noise, from opposite points."""
    law = manifolds.make("gaussian", dim=1, ambient=2, scale=S)
    start = torch.tensor([[2.0, 0.0]], dtype=torch.float64)
    errors = []
    for count in (32, 64, 128, 256):
        schedule = Schedule.proportional(3.0, 0.3, a=a, steps=count)
        ends = []
        for sign in (1.0, -1.0):
            *_, (y, _) = simulate(law, sign * start, schedule, stream(32))
            ends.append(float(y[0, 0]))
        exact = 2.0 * memory(schedule, 0, count)
        errors.append(abs((ends[0] - ends[1]) / 2 - exact))
    local = np.log2(np.array(errors[:-1]) / errors[1:])
    assert abs(2 * local[-1] - local[-2] - 2) < 0.02
