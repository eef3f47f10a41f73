"""The paper's figures and printed numbers, one by one: what it states, what was used here, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analysis.report.data import Card, Folder

__all__ = ["ROWS", "Line", "Row", "lines"]


class Row(NamedTuple):
    """A figure or a printed formula of arXiv 2602.09639 version 1.

    Attributes:
        item: its number.
        stated: what the paper shows, with its parameters.
        used: the same here; what could not be had is said.
        claims: ids of the claims that decide whether it comes out the same.
        figure: the figure that shows it here, or empty.
        beside: ids of claims that say what stands in its place, or how far it goes.
        corrects: the claims state what should be printed there: where they hold, what is printed does not.
    """

    item: str
    stated: str
    used: str
    claims: tuple[str, ...]
    figure: str = ""
    beside: tuple[str, ...] = ()
    corrects: bool = False


class Line(NamedTuple):
    """A row with the cards of the claims that a results folder holds, and one word for them."""

    row: Row
    cards: tuple[Card, ...]
    same: str
    tone: str


_TRAINING = "6 x 512 MLP, ReLU, AdamW 1e-3, 50 000 steps of 512, log-uniform on [.01, 10]; exponential Euler"
ROWS = (
    Row(
        "fig. 1",
        "histograms of sigma_hat^2, two-component mixture, k = 2, sigma = 1, d = 2 and 500",
        "as stated, exact maximum-likelihood estimate",
        ("N4", "N5"),
        "paper_fig1",
    ),
    Row(
        "fig. 2",
        "paths and samples of the exact blind maximum-likelihood denoiser, h = .3, a = 0, k = 2, d = 2 and 500",
        "as stated",
        ("S5",),
        "paper_fig2",
    ),
    Row(
        "fig. 3",
        f"N(0, Sigma), k = 2, 5000 points, d = 100 and 2; {_TRAINING}, h = .5, a = .5",
        "as stated in the full profile; by default the suite's own network and a shorter recipe",
        ("T1", "T1b", "T1c", "T1s", "T1cs", "T1d"),
        "paper_fig3",
    ),
    Row(
        "fig. 3, the plotted line",
        "h = .5, a = .5 from 10 to .01; the line falls by e^-.5 a step (13.8 steps)",
        "sigma_t = sigma_0 e^{-(1-a)t}: 27.6 steps; the line is that of a = 0",
        ("K1",),
        beside=("K1b",),
    ),
    Row(
        "fig. 4",
        "PSNR of blind and conditional image denoisers, CelebA and LSUN at 80 x 80",
        "image manifolds with exact optima, handwritten digits, photographs; CelebA and LSUN from a reader's folder",
        ("I2", "I4"),
        "paper_fig4",
        ("I2b", "I8"),
    ),
    Row(
        "figs. 5, 7, 8",
        "samples of a blind network and of VE-DDPM, matched starts; sigma from 4 to .05, h = .2, N = 100, 17 000, 1300",
        "the same pairing with exact denoisers and with trained networks on images; matched starts and noise",
        ("M6", "M6b", "I3", "I5", "I7"),
        "paper_fig5",
    ),
    Row(
        "fig. 6",
        "error of the conditional denoiser against the level it is told, true level .025, .15, .6",
        "as stated, exact and trained",
        ("M1",),
        "paper_fig6",
    ),
    Row(
        "fig. 9",
        "true against scheduled noise over 50 steps of conditional runs: logarithmic, Karras; blind",
        "as stated, exact denoisers, and v+ = c^2 v + eta^2 in closed form; trained networks on images",
        ("M2", "I6", "M9"),
        "paper_fig9",
    ),
    Row(
        "fig. 10",
        "histograms, k = 1, d = 10, 100, 1000; samples at 1000; ellipse (semi-axes 2, .5) in d = 100",
        "as stated",
        ("N4",),
        "paper_fig10",
    ),
    Row(
        "fig. 11",
        f"random two-component mixture, 50 000 points, d = 2 and 200; {_TRAINING}, weight decay .05",
        "as stated in the full profile; by default the suite's own network and a shorter recipe",
        ("T1", "T1b", "T1c", "T1cs"),
        "paper_fig11",
    ),
    Row(
        "fig. 12",
        "a convolutional network of 4 layers estimates sigma: trained on (0, 3], tested to 10",
        "as stated on image manifolds and on digits, from the finest level that their posterior resolves",
        ("I1", "I1b", "I1c", "I1d"),
        "paper_fig12",
    ),
    Row(
        "section 4.2",
        "h = .2, a_t = .2 sigma_hat_t from 4 to .05 in about 100 steps",
        "unsquared it has the fixed point .222 and never stops; a = .2 sigma_hat^2 takes 27 steps, "
        "Kadkhodaie-Simoncelli noise with beta = .2 takes 107",
        ("K2",),
        corrects=True,
    ),
    Row(
        "section 4.2",
        "training stops at sigma = 3, sampling starts at 4",
        "the same ends with the exact blind denoiser of a mixture",
        ("K3",),
    ),
    Row(
        "Cor 3.10",
        "sigma_0 of order eps/R",
        "its proof needs R/eps; both tried",
        ("R3",),
        beside=("R4",),
    ),
    Row(
        "Thm 3.6",
        "blindness costs at most C (R^2 + k) (k^2/d) A_T, growing like sigma_T^-2",
        "exact denoisers on every law: k/(2(d - k)) for a Gaussian, J/(2d) in general; at most a logarithm in sigma_T",
        ("B1",),
        "price_against_d",
        ("B2", "B4", "B5"),
    ),
    Row(
        "Thm 3.9",
        "steps cost at most C (R^2 sigma_T^-2 k^3 h^2 1{a != 1/2} + k^2 h)",
        "exact: linear in k at a = 1/2; the added term is of second order in h with the sign of 1 - 2a",
        ("D1", "D4"),
        "injection_cost",
        ("D3", "D4b"),
    ),
    Row(
        "eqs. (14), (A3)",
        "norms without a square",
        "Girsanov and Theorem 3.12 need them squared; the ledger is checked with the square",
        ("L1", "L4"),
        corrects=True,
    ),
)


def lines(folder: Folder) -> list[Line]:
    """The rows that the folder's claims decide, in the paper's order."""
    found = []
    for row in ROWS:
        deciding, beside = (
            tuple(c for i in ids if (c := folder.card(i)) is not None) for ids in (row.claims, row.beside)
        )
        if deciding:
            found.append(Line(row, deciding + beside, *_same(deciding, row.corrects)))
    return found


def _same(cards: Sequence[Card], corrects: bool) -> tuple[str, str]:
    verdicts = {c.verdict for c in cards}
    if verdicts == {"holds"}:
        return ("no, corrected", "bad") if corrects else ("yes", "good")
    if "violated" in verdicts:
        return ("no" if verdicts == {"violated"} else "in part"), "bad"
    return "not decided in full", "open"
