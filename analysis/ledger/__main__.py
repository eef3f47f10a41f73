"""`python -m analysis.ledger`."""

from analysis.ledger.command import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
