"""An integrator: `python -m analysis.certify --sampler corners.integrator:Forgetful`."""

from analysis.samplers import Coefficients, Integrator


class Forgetful(Integrator):
    """Contracts as DDIM does, and injects noise all the same: the level is not kept."""

    name = "forgetful"

    def coefficients(self, schedule):
        sigma = schedule.sigma
        return Coefficients(sigma, sigma[1:] / sigma[:-1], 0.1 * (sigma[:-1] - sigma[1:]) * sigma[1:])
