"""What is recorded of a statement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """One numbered statement, and where its evidence stands.

    id          its number in the source: 3.8, (16), fig 9, or the arXiv id of a neighbour
    kind        Prop, Thm, Lemma, Cor, Def, eq, premise, section, figure, neighbour
    says        the statement in our words
    functions   `module:name` of what computes it; a method as `module:Class.name`
    claims      ids of registered claims that decide it, or sharpen it
    figures     figures of the report that show it
    tests       `file` or `file::function` under tests/
    laws        registered laws that tell it from what is like it
    separates   what these laws show, in one line
    lacks       why something is missing here: no claim, no function, no figure that could be had
    """

    id: str
    kind: str
    says: str
    functions: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()
    separates: str = ""
    lacks: str = ""


# claims that are no statement of anyone's: id -> why they are registered
OURS: dict[str, str] = {
    "V1": "the suite's own laws against their definitions",
    "O1": "the order that each integrator declares, on Gaussian data",
    "O2": "the order that each integrator declares, on laws without closed form",
    "A4": "an unbiased reading of the level for any black box: |f - y|^2/(d - div f)",
    "C1": "how often a certificate finds something wrong with a denoiser that is right",
    "C1b": "whether planted faults are named by their kind, with their size",
    "D7": "how far constant steps are from the best grid, continuous laws",
    "D7b": "how far constant steps are from the best grid, discrete laws",
    "G1": "which injection and grid make the exact ledger least, against the canonical choice",
    "T2": "how near a trained network comes to the Bayes risk",
    "T4": "whether a network sits at the optimum of the law or of its training set",
    "I2d": "what a bias-free body loses, which is no price of blindness",
    "I5d": "plain Euler on real images: where the level that is told is wrong",
    "I5c": "the same network told an estimate in place of the schedule's level: blindness and nothing else",
    "I7": "which part of the paper's comparison of samples is the amount of injected noise",
    "I8": "an unbiased reading of the level, on a network that is not ours",
    "I9": "who reads the level of photographs, on an exact law near them",
    "I9b": "the price of blindness on photographs, by an exact law near them",
    "M9": "the part of a shift of the true level that is the network's, in closed form",
}
