"""`python -m analysis.ledger`."""

from analysis.ledger import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
