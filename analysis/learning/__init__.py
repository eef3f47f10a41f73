"""Denoisers that are estimates: networks, their training, and how far they are from the exact ones."""

from analysis.learning import convolutional, locally_linear, mlp, unet  # noqa: F401  (they register themselves)
from analysis.learning.denoiser import NoiseLevelEstimator, TrainedDenoiser, load_denoiser
from analysis.learning.objective import Objective, balanced_prior
from analysis.learning.reader import LevelReader, calibrated
from analysis.learning.recipe import Recipe
from analysis.learning.specification import DataMoments, Network, architectures
from analysis.learning.train import train

__all__ = [
    "DataMoments",
    "LevelReader",
    "Network",
    "NoiseLevelEstimator",
    "Objective",
    "Recipe",
    "TrainedDenoiser",
    "architectures",
    "balanced_prior",
    "calibrated",
    "load_denoiser",
    "train",
]
