"""The claims of `analysis.mismatch`, with the rules that were fixed before the numbers."""

from __future__ import annotations

import math

from analysis.runs import Claim

__all__ = ["CLAIMS", "LEAST_LAWS", "LEAST_RATIO", "NARROW_AT"]

LEAST_LAWS, LEAST_RATIO = 4, 2.0  # "at least 2 x on at least four laws"
NARROW_AT = 2000  # ambient dimension at which stopping is judged; the crossover is near 17000 for a = .5, h = .2
PAPER = "arXiv 2602.09639"

CLAIMS = (
    Claim("M1", "paper", f"{PAPER}, figure 6", "a conditional denoiser errs least when it is told the true noise level",
          "smallest extra MSE of a wrong argument (a factor 2 or 4 off) over the MMSE, exact and trained, over laws and sigma = .025, .15, .6",
          "> 0", (0.0, math.inf)),
    Claim("M2", "sharper", f"derived here; compare {PAPER}, figure 9",
          "the true noise level of a run is that of v+ = c^2 v + eta^2, for a blind and for a conditional denoiser alike",
          "measured over predicted level: the farthest from 1 over steps, integrators, grids, a and both denoisers",
          "1", (0.99, 1.01)),
    Claim("M3", "paper", f"{PAPER}, section 4.2",
          "where coefficients do not keep the scheduled level, blind beats conditional: plain Euler, a = 0, 25 steps",
          "number of laws on which the conditional error is at least twice the blind one", ">= 4", (LEAST_LAWS, math.inf)),
    Claim("M4", "finding", "derived here",
          "with coefficients that keep the scheduled level, blind and conditional errors differ by no more than the price of blindness",
          "|error gap| over the price of blindness, largest over laws, integrators, grids and a", "<= 1", (0.0, 1.0)),
    Claim("M5", "finding", "derived here",
          "none of the advantage of blind over conditional is blindness: telling the conditional denoiser the true level removes it",
          "share of the squared-error gap that remains, plain Euler, a = 0, 25 steps: the farthest from 0 over laws with a gap",
          "0", (-0.05, 0.05)),
    Claim("A1", "sharper", "derived here, for the adaptive scheme", "Var(log sigma_hat_t) = 1/(2d) + 2at/d under adaptive noise",
          "measured over predicted variance at the end: the farthest from 1 over a", "1", (0.95, 1.05)),
    Claim("A1b", "sharper", "derived here, for the adaptive scheme",
          "log sigma_hat drifts by -2at/d and, through the residual's bias, by -(a/d) int k_eff dt - k_eff(t)/(2d) more",
          "measured over predicted shift at the end, a = 1/2, k = 4, d = 100", "1", (0.9, 1.1)),
    Claim("A2", "sharper", "derived here, for the adaptive scheme",
          "a wrong start level is kept by adaptive noise and forgotten by scheduled noise, (1/2) log(1 + (r^2 - 1) e^{-2aT})",
          "log(true/scheduled level) at the end less its prediction: the farthest from 0 over a, r = 1/2, 2 and both schemes",
          "0", (-0.01, 0.01)),
    Claim("A3", "finding", "derived here, for the adaptive scheme",
          "stopping at sigma_hat <= sigma_min narrows the output level where d < 12 (1/2 + 2aT)/((1-a)h)^2",
          f"variance of the log level, stopped over fixed length, at d = {NARROW_AT}", "< 1", (0.0, 1.0)),
    Claim("A4", "finding", "derived here",
          "|f(y)-y|^2/(d - div f(y)) has no bias, with div f from the law or from one Hutchinson probe of a black box",
          "E sigma_hat^2/sigma^2: the farthest from 1 over sigma and both corrections, k/d = .1", "1", (0.99, 1.01)),
    Claim("K2", "finding", f"{PAPER}, section 4.2 (version 1)",
          "h = .2, a = .2 with a_t = a sigma_hat^2 takes 27 steps from 4 to .05, not about 100; beta = .2 takes 107",
          "mean number of steps of the adaptive run", "27", (26.5, 27.5)),
    Claim("K3", "finding", f"{PAPER}, section 4.2 (version 1)",
          "training to sigma = 3 and starting at 4 does no harm to an ideal blind denoiser",
          "error over that of a denoiser that knows all levels", "1", (0.95, 1.05)),
)  # fmt: skip
