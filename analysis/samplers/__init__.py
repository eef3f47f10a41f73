"""Schedules, integrators and runs of any denoiser. The algorithm, Y+ = f + c (Y - f) + eta Z, is in `step`."""

from analysis.samplers.ideal import ideal_path
from analysis.samplers.kadkhodaie_simoncelli import KadkhodaieSimoncelli
from analysis.samplers.noise import BrownianNoise, IndependentNoise
from analysis.samplers.registry import INTEGRATORS, get_integrator
from analysis.samplers.run import SampleRun
from analysis.samplers.sample import sample
from analysis.samplers.schedule import Schedule
from analysis.samplers.second_order import DPMSolver2M, EDMChurn, RandomisedMidpoint
from analysis.samplers.step import Coefficients, Integrator, walk

__all__ = [
    "INTEGRATORS",
    "BrownianNoise",
    "Coefficients",
    "DPMSolver2M",
    "EDMChurn",
    "IndependentNoise",
    "Integrator",
    "KadkhodaieSimoncelli",
    "RandomisedMidpoint",
    "SampleRun",
    "Schedule",
    "get_integrator",
    "ideal_path",
    "sample",
    "walk",
]
