"""The paper's theorems term by term: the start, the price of blindness, their exact sum, and the rates of the laws."""

from analysis.runs import Experiment
from analysis.theorems import (
    attained,
    corners,
    marginal_law,
    premise,
    price_bound,
    price_growth,
    price_path,
    pythagoras,
    recipe,
    start,
)

EXPERIMENT = Experiment(
    "theorems",
    __doc__,
    questions=(
        price_bound.QUESTION,
        premise.QUESTION,
        price_growth.QUESTION,
        price_path.QUESTION,
        pythagoras.QUESTION,
        corners.QUESTION,
        attained.QUESTION,
        start.QUESTION,
        recipe.QUESTION,
        marginal_law.QUESTION,
    ),
)
