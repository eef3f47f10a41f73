"""A denoiser on data whose law is not known: here a linear one that was fitted to half of them.

On the command line: `python -m analysis.certify analysis.examples.data:told --data analysis.examples.data:held_out`.
"""

import torch

import manifolds
from analysis.certify import certify_data


def points() -> torch.Tensor:
    """4000 noiseless points of R^100 near a plane: a reader's own data would come from a file."""
    draw = manifolds.stream(0, "data")
    return draw.normal(4000, 2) @ draw.child("frame").normal(2, 100) / 10 + 0.01 * draw.child("rest").normal(4000, 100)


TRAINED, HELD = points().split(2000)
MEAN = TRAINED.mean(dim=0)
SIZES, AXES = torch.linalg.eigh(torch.cov(TRAINED.T))


def held_out() -> torch.Tensor:
    """What it was not fitted to."""
    return HELD


def told(y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
    """The best linear denoiser of what it was fitted to."""
    level = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, 1)
    return MEAN + (((y - MEAN) @ AXES) * SIZES / (SIZES + level**2)) @ AXES.T


def main() -> None:
    """Prints what can be said without the law."""
    print(certify_data(told, held_out(), levels=6))


if __name__ == "__main__":
    main()
