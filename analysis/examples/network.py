"""A float32 network of images that predicts the noise, certified; then what is said if it is declared as a score.

On the command line: `python -m analysis.certify analysis.examples.network:noise --predicts noise --dtype float32
--shape 1 8 8 --law sphere --dim 2 --ambient 64`.
"""

import torch

import manifolds
from analysis import wrap
from analysis.certify import certify

LAW = manifolds.make("sphere", dim=2, ambient=64)


def noise(image: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Stands for a trained network: E[z | y] of images (n, 1, 8, 8) at levels (n,)."""
    y, level = image.reshape(len(image), 64).double(), sigma.double()
    return ((y - LAW.denoise(y, level)) / level[:, None]).reshape(image.shape).float()


def main() -> None:
    """Prints two certificates, the first without a finding."""
    for predicts in ("noise", "score"):
        f = wrap(noise, predicts=predicts, shape=(1, 8, 8), dtype=torch.float32)
        print(certify(f, LAW, points=128), "\n")


if __name__ == "__main__":
    main()
