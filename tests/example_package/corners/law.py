"""The law: `manifolds.make("corners.law:Corners", dim=2, ambient=9)`, or `--law corners.law:Corners`."""

import torch

from manifolds.laws.atoms import Atoms


class Corners(Atoms):
    """The corners of a square, one of them half of the time."""

    def __init__(self, dim=2):
        points = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]]).double()
        super().__init__(points, torch.tensor([3.0, 1.0, 1.0, 1.0]).double() / 6, name="corners")
