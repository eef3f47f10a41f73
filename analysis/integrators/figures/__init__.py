"""Drawn from tables alone."""
