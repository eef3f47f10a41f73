"""A blind denoiser whose prior does not reach the levels of a run is refused before the run."""

import pytest

import manifolds
from analysis.ledger import ledger
from analysis.samplers import Schedule, sample
from manifolds.denoisers import BlindDenoiser, NoisePrior


@pytest.mark.parametrize("low, high", [(0.2, 30.0), (0.01, 5.0)])
def test_a_run_whose_prior_misses_its_schedule_is_refused(low, high):
    law = manifolds.make("gaussian", dim=2, ambient=50, reduced=True)
    schedule = Schedule.proportional(sigma_start=20.0, sigma_end=0.1, steps=8)
    f = BlindDenoiser(law, NoisePrior.power(-1.0, low, high))
    for run in (
        lambda f: sample(f, law, schedule, 4, manifolds.stream(0)),
        lambda f: ledger(law, f, schedule, 4, manifolds.stream(0)),
    ):
        with pytest.raises(ValueError, match=r"prior must cover the schedule's levels \[0.1, 20\]"):
            run(f)
        run(BlindDenoiser(law, NoisePrior.aligned(schedule)))  # covers the levels at which steps begin
