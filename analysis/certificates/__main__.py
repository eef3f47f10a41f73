"""`python -m analysis.certificates`."""

from analysis.certificates import EXPERIMENT
from analysis.runs import main

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
