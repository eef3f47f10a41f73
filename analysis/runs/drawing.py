"""Figures from tables: the module `analysis.<experiment>.figures.<name>` draws, this file makes the bytes
reproducible.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

# No date, no version: the same numbers give the same bytes.
_METADATA = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None},
}
_DPI = 200
Job = tuple[str, str, Mapping[str, Any], Sequence[str]]  # package, name, tables, kinds


def kinds(profile: str) -> tuple[str, ...]:
    """Kinds of file that a profile draws. A smoke run shows that figures can be drawn; its PDFs, for print, would take
    most of the time: fonts are cut for each."""
    return ("png",) if profile == "smoke" else tuple(_METADATA)


def draw(
    package: str, name: str, tables: Mapping[str, Any], kinds: Sequence[str] = tuple(_METADATA)
) -> dict[str, bytes]:
    """`{"name.png": bytes, "name.pdf": bytes}`; empty if the figure declines a selection that is too narrow for it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    module = importlib.import_module(f"{package}.{name}")
    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.hashsalt": name}):
        figure = module.draw(tables)
        if figure is None:
            return {}
        try:
            _lay_out(figure)
            return {f"{name}.{kind}": _bytes(figure, kind) for kind in kinds}
        finally:
            pyplot.close(figure)


def attempt(job: Job) -> dict[str, bytes] | str:
    """`draw` of (package, name, tables, kinds), or in one line why it cannot be."""
    try:
        return draw(*job)
    except Exception as error:
        return f"figure {job[1]} cannot be drawn ({type(error).__name__}: {error})"


def lost(job: Job) -> str:
    """What is said of a figure whose worker died at every attempt."""
    return f"figure {job[1]} cannot be drawn (its worker was killed, or out of memory)"


def _lay_out(figure) -> None:
    """Place the panels once, for all kinds of file."""
    figure.set_dpi(_DPI)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def _bytes(figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=_METADATA[kind], dpi=_DPI)
    return buffer.getvalue()
