"""Tables of the scaling experiment, made by hand with known exponents, intervals and controls."""

import math

import numpy as np
import pandas


def coupled(order=1.0, in_k=0.5):
    """A made table: error = 2 N^-order k^in_k, seen to 2 %."""
    rng = np.random.default_rng(0)
    rows = []
    for dim in (2, 4, 8, 16):
        for ambient in (10**3, 10**9):
            for steps in (8, 16, 32, 64):
                error = 2 * steps**-order * dim**in_k * math.exp(0.02 * rng.standard_normal())
                row = {"law": "gaussian", "dim": dim, "ambient": ambient, "N": steps, "scale": 1.0}
                rows.append(row | {"error": error, "error_se": 0.02 * error})
    return pandas.DataFrame(rows)


def price_table(bias):
    rows = []
    for dim in (2, 4, 8):
        for ambient in (10**3, 10**6, 10**9):
            form = dim / (2 * (ambient - dim))
            rows.append(
                {
                    "law": "gaussian",
                    "dim": dim,
                    "ambient": ambient,
                    "gaussian_form": form,
                    "price": bias * form,
                    "price_low": (bias - 0.01) * form,
                    "price_high": (bias + 0.01) * form,
                    "efficient": form,
                    "efficient_low": 0.99 * form,
                    "efficient_high": 1.01 * form,
                    "biased": 0.01,
                    "biased_low": 0.0099,
                    "biased_high": 0.0101,
                }
            )
    return pandas.DataFrame(rows)


def telescope_table(**changes):
    """disc = .6 h k (1 + log) for the Gaussian, a third for the sphere; k = 2, 4, 8; the logarithm is disc/k."""
    rows = []
    for law, c in (("gaussian", 0.3), ("sphere", 0.1)):
        for k in (2, 4, 8):
            h, level_range = 0.5, 5.0
            disc = c * h * level_range * 4 * k / 2
            row = {"law": law, "dim": k, "steps": 28, "h": h, "level_range": level_range, "disc": disc, "direct": disc}
            row |= {"ratio": 1.0, "ratio_se": 0.005, "false_ratio": 3.0 + k / 10, "false_ratio_se": 0.1}
            rows.append(row | {"logarithm": disc / k, "frozen_wrong": 100 * disc})
    return pandas.DataFrame(rows).assign(**changes)


def slopes(in_k, in_d=(0.0, -0.01, 0.01), power=(2.0, 1.99, 2.01), null=(1.0, 0.995, 1.005)):
    """Joint fits of a Gaussian certificate at EPS: exponents with intervals in k and d, controls as they should be."""
    rows = [
        ("certificate's steps", "dim", in_k),
        ("certificate's steps", "ambient", in_d),
        ("certificate's steps times k (power)", "dim", power),
        ("steps for disc alone, Gaussian closed form (null)", "dim", null),
    ]
    table = pandas.DataFrame(
        [
            {"quantity": q, "law": "gaussian", "against": a, "exponent": v, "low": low, "high": high}
            for q, a, (v, low, high) in rows
        ]
    )
    alone = table["quantity"].str.contains("null")
    return {"scaling_fits": table.assign(held=np.where(alone, "eps=0.2", "eps=0.2, jointly"))}
