"""A law of one's own: three points on a line, twice as often in the middle; checked, denoised blind, sampled."""

import torch

import manifolds
from analysis.samplers import Schedule, sample
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.laws.atoms import Atoms


class Three(Atoms):
    """`manifolds.make("analysis.examples.law:Three", dim=1, ambient=...)`."""

    def __init__(self, dim=1):
        super().__init__(torch.tensor([[-1.0], [0.0], [1.0]]).double(), torch.tensor([0.25, 0.5, 0.25]).double())


def main() -> None:
    """Prints the share of samples at each point."""
    law = manifolds.make("analysis.examples.law:Three", dim=1, ambient=500, reduced=True)
    manifolds.check_law(law)
    f = BlindDenoiser(law, NoisePrior.power(-3.0, low=0.05, high=10.0))
    run = sample(f, law, Schedule.proportional(10.0, 0.05, steps=64), 2000, manifolds.stream(0, "three"))
    at = law.project(run.x)[:, 0].round()
    print("share at -1, 0, 1:", *(f"{float((at == x).double().mean()):.2f}" for x in (-1, 0, 1)))


if __name__ == "__main__":
    main()
