"""What the columns of the tables mean, and in which unit: `analysis.results().columns`, and results/COLUMNS.md."""

from __future__ import annotations

__all__ = ["MEANINGS", "meaning"]

_SD = "standard deviation of noise, in the data's units"
_DX = "the data's units"
_NATS = "nats"

# column -> (unit, meaning), of those that mean the same in every table
MEANINGS: dict[str, tuple[str, str]] = {
    "claim": ("", "identifier of the claim"),
    "source": ("", "where the statement stands"),
    "statement": ("", "what is claimed"),
    "quantity": ("", "what was measured to decide it"),
    "measured": ("of the quantity", "the measurement"),
    "predicted": ("of the quantity", "the value or range that was predicted"),
    "rule": ("", "how the interval [low, high] of the measurement decides"),
    "verdict": ("", "how the rule decided, for instance holds or violated"),
    "experiment": ("", "the experiment that decided it, `python -m analysis.<experiment>`"),
    "kind": ("", "of a claim: paper, sharper, finding, certificate, control, related, neighbour or own"),
    "looser_by": ("ratio", "a bound over what is measured"),
    "detectable": ("of the quantity", "shift that turns the verdict with probability .95"),
    "seeds": ("", "how many seeds were pooled; each must agree"),
    "note": ("", "the deciding cell, what the interval is, and what else was seen"),
    "control": ("", "null (must hold) or power (must be violated)"),
    "what": ("", "what the control changes"),
    "outcome": ("", "how the rule decides on the control"),
    "required": ("", "how it has to decide"),
    "as_required": ("", "yes or no"),
    "status": ("", "ok, or `failed: ` and the error"),
    "law": ("", "data law: a name of `manifolds.names()`, or one of the experiment's own"),
    "dim": ("dimensions", "k, intrinsic dimension of the data"),
    "k": ("dimensions", "k, intrinsic dimension of the data"),
    "ambient": ("dimensions", "d, ambient dimension"),
    "d": ("dimensions", "d, ambient dimension"),
    "core_dim": ("dimensions", "m, dimension of the linear span of the data"),
    "normal_dim": ("dimensions", "n = d - m, directions normal to that span"),
    "intrinsic_dim": ("dimensions", "k, intrinsic dimension of the data"),
    "integrator": ("", "integrator of the run, a name of `analysis.samplers.INTEGRATORS`"),
    "declared": ("", "order that the integrator declares"),
    "a": ("ratio", "injection a_t = a sigma_t^2"),
    "h": ("time", "step length"),
    "steps": ("steps", "number of steps N, or the step counts of the cell"),
    "N": ("steps", "number of steps"),
    "step": ("steps", "index of the step"),
    "calls": ("evaluations", "of the denoiser, along a run"),
    "mean_steps": ("steps", "mean number of steps of samples that stop by themselves"),
    "sigma": (_SD, "noise level"),
    "level": (_SD, "noise level"),
    "sigma_0": (_SD, "largest noise level, that of the start"),
    "sigma_T": (_SD, "smallest noise level, that of the end"),
    "sigma_start": (_SD, "largest noise level, that of the start"),
    "sigma_end": (_SD, "smallest noise level, that of the end"),
    "sigma_hat": (_SD, "level that the residual |f - y|/sqrt(d) shows"),
    "factor": ("ratio", "assumed over true noise level"),
    "s": (_DX, "standard deviation of Gaussian data along a coordinate"),
    "scale": ("ratio", "what the denoiser is multiplied by; 1 but in a sabotage"),
    "radius": (_DX, "R, largest norm in the support"),
    "finest": (_SD, "finest noise level that a law of quadrature nodes resolves"),
    "rms": (_DX, "root mean square of |X|"),
    "eps": (_DX, "distance D_X asked for"),
    "n": ("points", "sample size"),
    "points": ("points", "sample size"),
    "samples": ("points", "sample size"),
    "draws": ("points", "sample size"),
    "run_points": ("points", "samples of a run"),
    "ledger_points": ("points", "points of a ledger, over its steps"),
    "posteriors": ("points", "posteriors that are looked at"),
    "batch": ("", "index of a batch, or batch size in training"),
    "replicate": ("", "index of an independent repetition"),
    "replicates": ("", "independent repetitions"),
    "prior": ("", "exponent e of the noise level's prior sigma^e"),
    "denoiser": ("", "which denoiser"),
    "blind": ("nats; yes or no", "price of blindness in a ledger; else whether a denoiser is blind"),
    "init": (_NATS, "KL(p_{sigma_0} || N), the price of the Gaussian start"),
    "discretisation": (_NATS, "price of finitely many steps"),
    "disc": (_NATS, "price of finitely many steps"),
    "learning": (_NATS, "price of a denoiser that is not optimal"),
    "cross": (_NATS, "what the terms of a ledger leave over; 0 in the exact cases"),
    "total": (_NATS, "KL between the paths of the ideal process and of the run"),
    "kl": (_NATS, "KL(p_{sigma_T} || law of the run), exact"),
    "exact_kl": (_NATS, "KL(p_{sigma_T} || law of the run), exact; missing where it is not known"),
    "tangential": (_NATS + " or ratio", "the part along the data"),
    "normal": (_NATS + " or ratio", "the part across the data"),
    "price": (_NATS, "int E|f* - f_sigma|^2 sigma^-3 dsigma, the price of blindness at a = 1/2"),
    "nats": (_NATS, "the term"),
    "bound": ("as what it bounds", "the bound, constants 1"),
    "bound_init": (_NATS, "bound of the paper on the start, B.4"),
    "bound_blind": (_NATS, "bound of Theorem 3.6, constants 1"),
    "bound_discretisation": (_NATS, "bound of Theorem 3.9, constants 1"),
    "tv_bound": ("", "sqrt(KL/2): most that the laws differ in total variation"),
    "tv_lower": ("", "lower 95 % limit on the total variation, from samples"),
    "tv_lower_truth": ("", "the same of two samples of the truth"),
    "weight": ("", "int dt/(4 a_t) over the step"),
    "J": ("", "int sigma^-6 E|W|^2 dlog sigma, W = Cov(X, |X - y|^2 | y); the price is J/(2d)"),
    "mmse": ("squared " + _DX, "E tr Cov[X | Y]"),
    "mse": ("squared " + _DX, "mean squared error"),
    "k_eff": ("dimensions", "mmse/sigma^2"),
    "k_cov_low": ("dimensions", "lower bound on the paper's k = 1 + log N(r_0)"),
    "k_cov_high": ("dimensions", "upper bound on it"),
    "information": ("", "Fisher information of log sigma, over 2d"),
    "log_ratio": ("log", "log of the read over the scheduled noise level"),
    "level_range": ("log", "1 + log(s/sigma_T)"),
    "ratio": ("ratio", "measured over predicted"),
    "error": ("of what is estimated", "error, or distance of the samples from their law"),
    "floor": ("as the error", "the same of two samples of the truth"),
    "excess": ("as the error", "error with its sampling part removed, or risk above the optimum's"),
    "excess_square": ("squared " + _DX, "the square of an error less its sampling part"),
    "gap": ("as the error", "difference of two errors on the same draws"),
    "exponent": ("", "slope of logarithms"),
    "sliced_w2": (_DX, "sliced W2 from p_{sigma_T}, core coordinates"),
    "sliced_floor": (_DX, "the same of two samples of the truth"),
    "sliced_excess": (_DX, "sliced W2 with its sampling part removed"),
    "radial_w2": (_DX, "W2 of the norms, exact quantiles"),
    "radial_floor": (_DX, "the same of samples of the truth, mean"),
    "radial_floor_95": (_DX, "the same, 95 % quantile"),
    "moment_ratio": ("ratio", "E|Y_N|^2 over its true value, core coordinates"),
    "ks_core": ("", "Kolmogorov-Smirnov statistic along the data"),
    "ks_normal": ("", "the same across the data"),
    "ks_moment": ("", "the same of the norm"),
    "p_value": ("", "of the test"),
    "rejects": ("", "whether the test rejects"),
    "run_status": ("", "done, step_cap or diverged"),
    "architecture": ("", "network: a name of `analysis.learning`"),
    "width": ("", "units a layer"),
    "channels": ("", "channels of a convolutional network"),
    "lr": ("", "learning rate"),
    "device": ("", "torch device"),
    "sabotage": ("", "which sabotage a row is, of power controls"),
    "sabotaged": ("", "whether a row is a sabotage, of power controls"),
    "series": ("", "which curve of a figure"),
    "measure": ("", "what the row measures, `value` is its value"),
    "value": ("of the measure", "the measurement"),
    "scheme": ("", "adaptive or scheduled noise"),
    "grid": ("", "which grid of noise levels"),
    "consistent": ("", "whether the coefficients keep the noise level: eta^2 = sigma_+^2 - c^2 sigma^2"),
}
_ENDS = {
    "_low": "lower end of the 95 % interval of {}",
    "_high": "upper end of the 95 % interval of {}",
    "_se": "standard error of {}",
    "_per_log_sigma": "{} of a step, per unit of log sigma",
}


def meaning(column: str) -> tuple[str, str]:
    """(unit, meaning) of a column; both empty where only its experiment explains it.

    >>> meaning("dim")
    ('dimensions', 'k, intrinsic dimension of the data')
    >>> meaning("blind_se")
    ('as blind', 'standard error of blind')
    """
    if column in MEANINGS:
        return MEANINGS[column]
    if column in ("low", "high", "se"):
        return "as the measurement", _ENDS[f"_{column}"].format("the measurement")
    for end, text in _ENDS.items():
        stem = column.removesuffix(end)
        if stem != column:
            return f"as {stem}", text.format(stem)
    return "", ""
