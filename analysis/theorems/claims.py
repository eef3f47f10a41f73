"""The claims of the ledger experiment, their allowed ranges fixed beforehand."""

from __future__ import annotations

import math

from analysis.runs import Claim

__all__ = ["CLAIMS"]

_PAPER = "arXiv 2602.09639"

CLAIMS = (
    # the theorem leaves its constant open: 1 is the rule, and the note says how far below it every law stays
    Claim(
        "B1",
        "paper",
        f"{_PAPER}, Thm 3.6",
        "at a = 1/2 blindness costs at most C (R^2 + k) (k^2/d) A_T",
        "C = price measured / ((R^2 + k) k^2/d A_T), widest interval over laws, d, sigma_T",
        "<= 1",
        (0.0, 1.0),
    ),
    # growth like log(1/sigma_T) from s/10 on reads as an exponent of at most 1/log(10) = .43; the bound has exponent 2
    Claim(
        "B4",
        "finding",
        f"derived here; compare {_PAPER}, Thm 3.6",
        "as sigma_T falls the price of blindness grows like a logarithm at most, not like sigma_T^-2",
        "exponent of the price in 1/sigma_T, widest interval over laws",
        "0 for smooth laws, logarithmic for a self-similar set",
        (-math.inf, 0.5),
    ),
    # corrections are of relative order m/d < 2e-3, the sampling error of every law is below 1 %
    Claim(
        "B5",
        "sharper",
        f"derived here; compare {_PAPER}, Thm 3.6",
        "the price is J/(2d), J = int sigma^-6 E|Cov(X, |X-Y|^2 | Y)|^2 d log sigma, as d grows",
        "price / (J/(2d)) at d = 1e5, widest interval over laws",
        "1",
        (0.97, 1.03),
    ),
    Claim(
        "B6",
        "finding",
        f"derived here; compare {_PAPER}, Thm 3.6",
        "for smooth laws k << d is enough: along k = d^p the price falls for every p < 1; k^2 << d is needed by the worst case alone",
        "exponent in d of the price along k = d^p, p = .3 to .9, widest interval over smooth laws",
        "p - 1 < 0",
        (-math.inf, 0.0),
    ),
    # 1 % of the total is the accuracy asked for; intervals are narrower
    Claim(
        "L1",
        "sharper",
        "derived here",
        "at a = 1/2 and for the aligned prior the path KL is init + blind + disc + learn exactly, for every denoiser and step count",
        "(total - sum of terms) / total, widest interval over laws and denoisers",
        "0",
        (-0.01, 0.01),
    ),
    Claim(
        "L2b",
        "certificate",
        f"{_PAPER}, eq. (16) and Pinsker",
        "the same certificate over nine laws, k from 1 to 64 (a code: 8), d from 2k or m + 1 to 1e9, N from 4 to 2048: no run is farther than it says",
        "largest (lower 95 % limit on TV) - sqrt(KL_path/2) over all runs",
        "<= 0",
        (-math.inf, 0.0),
    ),
    Claim(
        "L3",
        "paper",
        f"{_PAPER}, B.4",
        "the start costs at most E|X|^2/(2 sigma_0^2)",
        "KL(p_{sigma_0} || N) / bound, widest interval over laws and sigma_0",
        "<= 1",
        (0.0, 1.0),
    ),
    Claim(
        "R4",
        "paper",
        f"{_PAPER}, Cor 3.10",
        "the whole recipe (sigma_T = eps/sqrt k, h ~ eps^2/k^2, sigma_0 = R/eps, d of its order) reaches D_X <= eps",
        "D_X of the projected run / eps, lengths in units of R, widest interval over laws",
        "<= 1",
        (0.0, 1.0),
    ),
    # exponents are local ones between neighbouring step counts, which drift towards their limit: 10 % of room
    Claim(
        "R5",
        "related",
        "arXiv 2501.12982 (k/eps in TV); arXiv 2410.09046, 2410.18784 (k/eps^2 for KL <= eps^2)",
        "the law of a run follows the rate 1/eps in TV, not the 1/eps^2 of a path KL, for every law",
        "exponent of the steps in 1/TV, exact marginal laws, range over laws",
        "1",
        (0.9, 1.1),
    ),
)
