"""What is said while results are made can fail (a closed pipe, a full disk, no Unicode); results do not."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any


class Output:
    """A text stream that goes quiet at the first failure, and spells what the stream cannot show."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.failure: OSError | None = BrokenPipeError() if stream is None else None

    def write(self, text: str) -> int:
        if self.failure is None:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                coding = self._stream.encoding or "ascii"
                self._guard(lambda: self._stream.write(text.encode(coding, "backslashreplace").decode(coding)))
            except OSError as error:
                self._quiet(error)
        return len(text)

    def flush(self) -> None:
        if self.failure is None:
            self._guard(self._stream.flush)

    def _guard(self, action: Any) -> None:
        try:
            action()
        except OSError as error:
            self._quiet(error)

    def _quiet(self, error: OSError) -> None:
        """What is still in the stream's buffer would fail again when Python ends: it goes nowhere instead."""
        self.failure = error
        with suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != self._stream.fileno():  # a closed one is the first to be given out again
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)

    def isatty(self) -> bool:
        """Whether a person watches; nobody does where the stream was closed before Python began."""
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def tolerant() -> Iterator[Output]:
    """Standard output and error that never raise; gives standard output, which knows whether it failed."""
    before = sys.stdout, sys.stderr
    out = before[0] if isinstance(before[0], Output) else Output(before[0])
    errors = before[1] if isinstance(before[1], Output) else Output(before[1])
    sys.stdout, sys.stderr = out, errors  # type: ignore[assignment]
    try:
        yield out
    finally:
        out.flush()
        errors.flush()
        sys.stdout, sys.stderr = before


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end the program as Ctrl-C does, unless the caller has them ignored (nohup)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    kinds = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {kind: signal.getsignal(kind) for kind in kinds}
    for kind, handler in before.items():
        if handler == signal.SIG_DFL:
            signal.signal(kind, interrupt)
    try:
        yield
    finally:
        for kind, handler in before.items():
            if handler == signal.SIG_DFL:
                signal.signal(kind, handler)
