"""check_law: every check of a law, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from manifolds.checking import answers, draws, interface, supports
from manifolds.checking.case import Case
from manifolds.checking.report import Checked, ContractError
from manifolds.checks import instance
from manifolds.core import Core
from manifolds.law import Law

__all__ = ["CHECKS", "check_law"]

CHECKS: dict[str, Callable[[Case], None]] = {
    "declared": interface.declared,
    "shapes": interface.shapes,
    "streams": interface.streams,
    "batches": interface.batches,
    "representations": answers.representations,
    "levels together": answers.levels_together,
    "tweedie": answers.tweedie,
    "slopes in sigma": answers.slopes_in_sigma,
    "trace and divergence": answers.trace_and_divergence,
    "projection": supports.projection,
    "little noise": supports.little_noise,
    "far off": supports.far_off,
    "much noise": supports.much_noise,
    "covering": supports.covering,
    "moments": draws.moments,
    "unbiased": draws.unbiased,
    "noisy density": draws.noisy_density,
    "dimension": draws.dimension,
}


def check_law(
    law: Law | Core,
    levels: Sequence[float] | None = None,
    scale: float | None = None,
    seed: int = 0,
    only: Sequence[str] | None = None,
) -> tuple[Checked, ...]:
    """The contract of a law: its answers against each other, against its own samples, and in its limits.

    Runs on any law or core, registered or not, in about a second; what a law is let off follows from its attributes
    (`finest_sigma`, `finite`, `absorbs_normal`, a radius that is infinite). It does not know the right answers: a law
    that is consistent and is another law than its author thinks passes.

    Args:
        law: a `Law`, or a `Core`, which is placed in a few more dimensions than its own.
        levels: noise standard deviations; None is .3 and 1 of the scale, not below `finest_sigma`.
        scale: a length on which the support looks smooth; None is its standard deviation per intrinsic dimension.
        seed: of all draws.
        only: names out of `CHECKS`; None is all.

    Returns:
        What held, with the errors that were found.

    Raises:
        ContractError: the first statement that does not hold, in one line.

    >>> import manifolds
    >>> held = check_law(manifolds.make("gaussian", dim=2, ambient=6), only=["tweedie"])
    >>> {(one.check, one.expected) for one in held}
    {('tweedie', 'f = y + sigma^2 grad log p_sigma(y)')}
    """
    instance(law, Law | Core, "law")
    case = Case(law, levels, scale, seed)
    for name in CHECKS if only is None else only:
        case.report.check = name
        try:
            CHECKS[name](case)
        except ContractError:
            raise
        except Exception as error:
            raise ContractError.of(name, case.core.name, error) from error
    return tuple(case.report.found)
