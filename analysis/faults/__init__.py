"""A campaign of faults against the engine: real sweeps killed, stores with flipped bits, malformed input; the bytes
compared.

`python -m analysis.faults` prints what README quotes. No claim of the paper depends on it, so it is no experiment.
"""
