"""The terms of the error ledger (see `analysis.ledger`)."""
