"""Samplers: schedules, integrators and runs of any denoiser."""

from analysis.samplers.coefficients import Coefficients
from analysis.samplers.ideal import ideal_path
from analysis.samplers.integrators import Integrator
from analysis.samplers.kadkhodaie_simoncelli import KadkhodaieSimoncelli
from analysis.samplers.noise import BrownianNoise, IndependentNoise
from analysis.samplers.registry import INTEGRATORS, get_integrator
from analysis.samplers.run import SampleRun
from analysis.samplers.sample import sample
from analysis.samplers.schedule import Schedule

__all__ = [
    "INTEGRATORS",
    "BrownianNoise",
    "Coefficients",
    "IndependentNoise",
    "Integrator",
    "KadkhodaieSimoncelli",
    "SampleRun",
    "Schedule",
    "get_integrator",
    "ideal_path",
    "sample",
]
