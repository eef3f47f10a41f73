"""Closed forms and bounds as plain functions of numbers and arrays. One function a statement, its source in its docstring.

"[arXiv 2602.09639, ...]" marks a statement of the paper; "Derived here" marks our own, with its derivation in two lines.
A bound never sees a sample: this package imports nothing of ours.
"""
