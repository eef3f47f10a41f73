"""Unequal corners of a square: a law that is in nobody's registry, and what is asked of it."""
