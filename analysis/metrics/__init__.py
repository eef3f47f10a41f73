"""Metrics: torch or numpy arrays in, plain floats and small records out; every distance with its interval or its floor."""

from .intervals import Estimate

__all__ = ["Estimate"]
