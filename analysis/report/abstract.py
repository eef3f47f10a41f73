"""The paper's abstract sentence by sentence, with the claims that decide each, and what they say together in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analysis.report.data import Card, Folder

__all__ = ["SENTENCES", "Sentence", "answers"]


class Sentence(NamedTuple):
    """A sentence of the abstract in our words.

    Attributes:
        text: what it says.
        deciding: claims that test it as it is written.
        sharper: claims that say what stands in its place, or how far it goes.
    """

    text: str
    deciding: tuple[str, ...]
    sharper: tuple[str, ...]


class Answer(NamedTuple):
    """What the numbers say of a sentence: one word, a tone for the page, the words, and the cards behind them."""

    sentence: Sentence
    word: str
    tone: str
    words: str
    deciding: tuple[Card, ...]
    sharper: tuple[Card, ...]


SENTENCES = (
    Sentence(
        "A diffusion sampler that is never told the noise level draws from data of low intrinsic dimension k in a "
        "number of steps that is polynomial in k and does not depend on the ambient dimension d.",
        ("R1", "R4", "D1", "B1", "P5"),
        ("R2", "R3", "R5", "D3", "L2", "L5"),
    ),
    Sentence(
        "It needs no schedule: the denoiser tracks an implicit one by itself.",
        ("S1", "S2", "S2b", "S3", "S4", "T1"),
        ("S6", "S3b", "T1s"),
    ),
    Sentence(
        "Low intrinsic dimension is what makes this possible: the noise level can be read off a single sample.",
        ("N1", "N4", "N5", "I1", "I1b", "I1d"),
        ("N2", "N3", "N6", "N7"),
    ),
    Sentence(
        "What blindness costs vanishes as d grows.",
        ("B1", "T1c", "I2"),
        ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "I2b", "T1cs"),
    ),
    Sentence(
        "Blind samples are better than those of the counterpart that is told the noise level.",
        ("M6", "M6b", "I5"),
        ("M3", "M4", "M7", "M8", "I3", "I5d", "I7"),
    ),
    Sentence(
        "The reason is that the noise on a sample is not the noise that the schedule says.",
        ("M2", "I6"),
        ("M5", "M9"),
    ),
)


def answers(folder: Folder) -> list[Answer]:
    """The sentences that the folder's claims decide, in the abstract's order."""
    found = []
    for sentence in SENTENCES:
        deciding = tuple(c for i in sentence.deciding if (c := folder.card(i)) is not None)
        if deciding:
            word, tone, words = _together(deciding)
            sharper = tuple(c for i in sentence.sharper if (c := folder.card(i)) is not None)
            found.append(Answer(sentence, word, tone, words, deciding, sharper))
    return found


def _together(cards: Sequence[Card]) -> tuple[str, str, str]:
    """One word for several verdicts: it holds if all hold; one violated statement is said first."""
    by = {v: [c for c in cards if c.verdict == v] for v in ("holds", "violated", "inconclusive")}
    loose = [c for c in by["holds"] if c.looser_by and float(c.looser_by) >= 2]
    tail = "; ".join(f"{c.id} looser than printed by a factor {c.looser_by}" for c in loose)
    if len(by["holds"]) == len(cards):
        count = "its one test holds" if len(cards) == 1 else f"all {len(cards)} tests hold"
        return "holds", "good", count + (f" ({tail})" if tail else "")
    parts = []
    if by["violated"]:
        parts.append("refuted by " + ", ".join(c.id for c in by["violated"]))
    if by["inconclusive"]:
        parts.append("left open by " + ", ".join(c.id for c in by["inconclusive"]))
    if by["holds"]:
        parts.append("held up by " + ", ".join(c.id for c in by["holds"]))
    words = "; ".join([*parts, *([tail] if tail else [])])
    if by["violated"]:
        return ("does not hold as written" if not by["holds"] else "holds in part"), "bad", words
    return "not decided in full", "open", words
