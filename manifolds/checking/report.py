"""What a check says: a record where it holds, one readable line where it does not."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

__all__ = ["Checked", "ContractError", "Report"]


class Checked(NamedTuple):
    """One statement that held.

    Attributes:
        check: name of the check.
        where: the representation and level at which it was asked.
        error: the largest error found.
        tolerance: the largest allowed.
        expected: what was asked, in words.
    """

    check: str
    where: str
    error: float
    tolerance: float
    expected: str


class ContractError(AssertionError):
    """A law or denoiser breaks its contract. Its attributes are those of `Checked`; its message is one line.

    >>> print(ContractError("tweedie", "dense, sigma = 0.3", 0.2, 1e-6, "f = y + sigma^2 grad log p"))
    tweedie (dense, sigma = 0.3): error 0.2, allowed 1e-06; expected f = y + sigma^2 grad log p
    """

    def __init__(self, check: str, where: str, error: float, tolerance: float, expected: str):
        self.check, self.where, self.error, self.tolerance, self.expected = check, where, error, tolerance, expected
        size = f"error {error:.3g}, allowed {tolerance:.3g}; " if math.isfinite(tolerance) else ""
        super().__init__(f"{check} ({where}): {size}expected {expected}")

    @classmethod
    def of(cls, check: str, where: str, raised: Exception) -> ContractError:
        """What a law or denoiser raised where an answer was due."""
        line = f"{type(raised).__name__}: {raised}".partition("\n")[0]
        return cls(check, where, math.nan, math.inf, f"an answer, got {line}")


class Report:
    """Collects what held; the first statement that does not hold is raised.

    Attributes:
        check: name of the check that is running.
        found: what held so far.

    >>> report = Report()
    >>> report.small("somewhere", 0.1, 1.0, "little")
    >>> report.found[0].error
    0.1
    """

    def __init__(self) -> None:
        self.check, self.found = "", list[Checked]()

    def small(self, where: str, error: float | torch.Tensor, tolerance: float, expected: str) -> None:
        """error <= tolerance; NaN is not."""
        error = float(error)
        if not error <= tolerance:
            raise ContractError(self.check, where, error, tolerance, expected)
        self.found.append(Checked(self.check, where, error, tolerance, expected))

    def close(
        self, where: str, got: torch.Tensor, exact: torch.Tensor, scale: float, tolerance: float, expected: str
    ) -> None:
        """max |got - exact| <= tolerance * scale, and the shapes agree."""
        self._same_shape(where, got, exact, expected)
        error = float((got - exact).abs().max()) if got.numel() else 0.0
        self.small(where, error / scale, tolerance, expected)

    def near(self, where: str, got: torch.Tensor, exact: torch.Tensor, rtol: float, atol: float, expected: str) -> None:
        """|got - exact| <= atol + rtol |exact| everywhere; the error is counted in units of that."""
        self._same_shape(where, got, exact, expected)
        if got.numel():
            self.small(where, ((got - exact).abs() / (atol + rtol * exact.abs())).max(), 1.0, expected)

    def _same_shape(self, where: str, got: torch.Tensor, exact: torch.Tensor, expected: str) -> None:
        if got.shape != exact.shape:
            self.true(where, False, f"{expected}, of shape {tuple(exact.shape)}, got {tuple(got.shape)}")

    def true(self, where: str, holds: bool, expected: str) -> None:
        """A statement without a size."""
        if not holds:
            raise ContractError(self.check, where, math.nan, math.inf, expected)
        self.found.append(Checked(self.check, where, 0.0, math.inf, expected))
