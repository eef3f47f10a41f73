"""The ledger as a person reads it on a terminal."""

from __future__ import annotations

from typing import Any

import pandas

__all__ = ["exponents", "show"]


def _number(value: float) -> str:
    if pandas.isna(value):
        return ""
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e3 else f"{value:.2e}"


def show(tables: dict[str, pandas.DataFrame], options: Any) -> str:
    """A block a run: its terms, their standard errors and bounds, the certificate and the measured divergence."""
    blocks = []
    if "ledger_terms" not in tables:
        return ""
    for (law, k, d, n, a, f), group in tables["ledger_terms"].groupby(
        ["law", "dim", "ambient", "steps", "a", "denoiser"], sort=False
    ):
        lines = [
            f"{law}  k={k}  d={d}  N={n}  a={a:g}  denoiser {f}",
            f"  {'term':<16}{'nats':>12}{'s.e.':>12}{'bound (C = 1)':>16}",
        ]
        lines += [
            f"  {r.term:<16}{_number(r.nats):>12}{_number(r.nats_se):>12}{_number(r.bound):>16}"
            for r in group.itertuples()
        ]
        total = group[group["term"] == "total"].iloc[0]
        lines.append(
            f"  total variation: certified <= {total['tv_certified']:.4f}, measured >= {total['tv_measured']:.4f} (95 %; truth against truth {total['tv_truth']:.4f})"
        )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def exponents(fits: pandas.DataFrame) -> str:
    """Fitted exponents with their intervals."""
    shown = fits.assign(
        exponent=[f"{e:+.3f} [{a:+.3f}, {b:+.3f}]" for e, a, b in zip(fits["exponent"], fits["low"], fits["high"])]
    )
    return "Exponents with 95 % intervals\n" + shown.drop(columns=["low", "high"]).to_string(index=False)
