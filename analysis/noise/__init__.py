"""Cells of the noise-level experiment: one module a question, each a pure function of parameters and seed."""
