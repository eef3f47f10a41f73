"""The contract of laws and denoisers as functions that anyone can call on their own.

report     what a check says: `Checked` where it holds, `ContractError` where it does not
case       a law in both representations, at levels that suit it
answers    its densities, means and moments against each other, by exact identities
draws      its samples against its answers and its declared dimensions
supports   its projection, distance, limits and covering numbers
interface  shapes, batches, streams, empty inputs
denoisers  any map from noisy points to clean estimates
"""

from manifolds.checking.denoisers import check_denoiser
from manifolds.checking.laws import CHECKS, check_law
from manifolds.checking.report import Checked, ContractError

__all__ = ["CHECKS", "Checked", "ContractError", "check_denoiser", "check_law"]
