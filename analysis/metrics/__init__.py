"""Metrics: torch or numpy arrays in, plain floats and small records out; every distance with its interval or its floor.

Samples are rows, (n, d); a 1-D input is n points on the line. Distances are in the data's units, divergences in nats.
`stream` is a labelled stream of `manifolds.stream` or a numpy Generator; the same labels give the same numbers.
"""

from .intervals import Estimate

__all__ = ["Estimate"]
