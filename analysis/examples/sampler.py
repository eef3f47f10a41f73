"""An integrator of one's own: it halves the noise that ancestral sampling injects, and so loses the level.

On the command line: `python -m analysis.certify --sampler analysis.examples.sampler:Quiet`.
"""

from analysis.certify import certify_sampler
from analysis.samplers import Coefficients, Integrator, Schedule


class Quiet(Integrator):
    """Ancestral sampling with half of its injected variance."""

    name = "quiet"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        sigma = schedule.sigma
        c = (sigma[1:] / sigma[:-1]) ** 2
        return Coefficients(sigma, c, 0.5 * sigma[1:] ** 2 * (1 - c))


def main() -> None:
    """Prints its certificate: the level is not kept at any number of steps."""
    print(certify_sampler(Quiet()))


if __name__ == "__main__":
    main()
