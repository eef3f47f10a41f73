"""Closed forms and bounds as plain functions of numbers and arrays: one function a statement, its source in its
docstring.

"[arXiv 2602.09639, ...]" marks a statement of the paper (version 1); "Derived here" marks our own, with its derivation
in two lines (the proofs are in DERIVATIONS.md). Divergences are in nats; sigma, s and R are standard deviations and
lengths in the data's units, variances only where a name says so; times are those of dY = (f(Y) - Y) dt + sqrt(2 a_t)
dB.

A bound never sees a sample: this package imports nothing of ours. The example of a function is its reference value.
"""
