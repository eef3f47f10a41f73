"""Figures from tables: one module a figure, each with `draw(tables) -> Figure or None`. They read tables and compute
nothing.
"""
