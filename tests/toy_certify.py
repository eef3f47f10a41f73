"""Denoisers for the command line's tests."""

import torch

import manifolds
from manifolds.denoisers import BlindDenoiser, NoisePrior

LAW = manifolds.make("sphere", dim=2, ambient=16)
NUMBER = 3
DATA = LAW.sample(200, manifolds.stream(0, "data"))


def good(y, sigma):
    return LAW.denoise(y, sigma)


def scaled(y, sigma):
    return 1.02 * LAW.denoise(y, sigma)


def noise32(y, sigma):
    return ((y - LAW.denoise(y.double(), sigma.double())) / sigma[:, None]).to(torch.float32)


def image(y):
    assert y.shape[1:] == (1, 4, 4)
    return BLIND(y.reshape(len(y), 16)).reshape(y.shape)


def blind(law):
    return BlindDenoiser(law, NoisePrior.power(-1.0, 0.01, 10.0))


BLIND = blind(LAW)


def raising(y, sigma):
    raise RuntimeError("no such layer")


class Built:
    def __call__(self, y, sigma):
        return LAW.denoise(y, sigma)


class Broken:
    def __init__(self):
        raise KeyError("weights.pt")
