"""What a wrong sigma argument costs a trained network (arXiv 2602.09639, figure 6), beside the exact denoisers of its law."""

from __future__ import annotations

import manifolds
from analysis.mismatch.argument import SHIFT, argument_curve, expected_excess
from analysis.training.fit import fit
from analysis.training.laws import law_of, prior_of
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, as_denoiser

__all__ = ["cell_trained", "risk_curve"]


def risk_curve(f, law, y, sigma: float, factors) -> list[dict]:
    """`argument_curve` of f at points y of level sigma, without the noise of the clean points.

    For every f that sees y alone, E|x - f|^2 = mmse(sigma) + E|f_sigma - f|^2: the clean x are replaced by the exact posterior
    mean f_sigma, and the MMSE is added to what is found. Networks differ from f_sigma by far less than x does.
    """
    mmse = float(law.posterior_trace(y, sigma).mean())
    exact = ConditionalDenoiser(law)
    rows = argument_curve(f, exact(y, sigma), y, sigma, factors, law.space)
    for row in rows:
        row |= {name: row[name] + mmse for name in ("mse", "mse_low", "mse_high")}
        row |= {"mmse": mmse, "expected_excess": expected_excess(exact, y, sigma, row["factor"], law.space)}
    return rows


def cell_trained(params: dict, seed: int) -> list[dict]:
    """Train one network on fresh samples of a law; its curve at each true level, and that of the exact denoiser of its kind.

    Conditional networks have the arms "conditional" and "shifted" (the same network, reading its argument as SHIFT times too
    large), blind ones "blind" at factor 1 alone: their curve is flat. `denoiser` is "trained" or "exact".
    """
    law = law_of(params)
    draws = manifolds.stream(seed, "mismatch trained", params["law"], params["dim"], params["ambient"])
    network = fit(params, law, draws.child("training", params["blind"]))
    if params["blind"]:
        arms = {("trained", "blind"): network, ("exact", "blind"): BlindDenoiser(law, prior_of(params, law))}
    else:
        shifted = as_denoiser(lambda y, told: network(y, SHIFT * told), law.space)
        arms = {
            ("trained", "conditional"): network,
            ("trained", "shifted"): shifted,
            ("exact", "conditional"): ConditionalDenoiser(law),
        }
    x = law.sample(params["points"], draws.child("data"))
    rows = []
    for sigma in map(float, params["levels"].split()):
        y = law.add_noise(x, sigma, draws.child("noise", sigma))
        for (denoiser, arm), f in arms.items():
            found = risk_curve(f, law, y, sigma, () if arm == "blind" else params["factors"].split())
            rows += [{"sigma": sigma, "denoiser": denoiser, "arm": arm} | row for row in found]
    return rows
