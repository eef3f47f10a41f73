"""Is the law of every run as close to p_{sigma_T} as its ledger certifies?"""

from __future__ import annotations

import math

import pandas

from analysis.runs import Control, Measurement

__all__ = ["largest_slack"]


def largest_slack(claim: str, runs: pandas.DataFrame, sabotage: pandas.DataFrame) -> Measurement:
    """Largest (lower 95 % limit on TV) - sqrt(KL_path/2) over the rows of `runs`: above 0, that run refutes its certificate."""
    slack = runs["tv_lower"] - runs["tv_bound"]
    exact = runs[runs["exact_kl"].notna()]
    over = float((exact["exact_kl"] - exact["total"]).max()) if len(exact) else math.nan
    null = runs["tv_lower_truth"] - runs["tv_bound"]
    caught = sabotage["tv_sabotaged"] - sabotage["tv_bound"]
    controls = [
        Control("null", "a sample of p_{sigma_T} itself", float(null.max()), float(null.max())),
        Control(
            "power", "a denoiser scaled by 0.8 under the honest certificate", float(caught.max()), float(caught.max())
        ),
    ]
    informative = int((runs["tv_bound"] < 1).sum())
    note = f"{len(runs)} cells, {informative} of them with a certificate below 1; largest exact Gaussian KL - certificate {over:.3g} nats"
    return Measurement(claim, float(slack.max()), float(slack.max()), float(slack.max()), controls, note)
