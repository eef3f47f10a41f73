"""Data laws of low intrinsic dimension with exact posteriors, and their exact denoisers."""

from manifolds.checking import ContractError, check_denoiser, check_law
from manifolds.core import Core, Posterior
from manifolds.law import Law
from manifolds.registry import REGISTRY, make, names
from manifolds.space import Draw, Space
from manifolds.streams import Stream, stream

__all__ = [
    "ContractError",
    "Core",
    "Draw",
    "Law",
    "Posterior",
    "REGISTRY",
    "Space",
    "Stream",
    "check_denoiser",
    "check_law",
    "make",
    "names",
    "stream",
]
