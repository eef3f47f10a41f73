"""What of a drawn figure a reader cannot read: beyond the canvas, cut by the axes, too small, under the headline."""

import numpy as np
from matplotlib.axis import Tick
from matplotlib.container import ErrorbarContainer
from matplotlib.text import Text

SLACK = 1.0  # pixels
LEAST = 6.0  # points, in a picture shown SHOWN inches wide: a phone, or a column of print
SHOWN = 3.3


def faults(figure) -> list[str]:
    """A line for each text or legend beyond the canvas, too small a text, or error bar that the axes cut."""
    figure.draw_without_rendering()
    renderer, canvas = figure.canvas.get_renderer(), figure.bbox
    found = []
    for legend in [*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())]:
        if _beyond(legend.get_window_extent(renderer), canvas):
            found.append(f"legend beyond the canvas: {[t.get_text() for t in legend.get_texts()][:2]}")
    undrawn, scale = _undrawn(figure), min(1.0, SHOWN / figure.get_size_inches()[0])
    headline = figure._suptitle and figure._suptitle.get_window_extent(renderer)
    for text in figure.findobj(Text):
        if not text.get_visible() or not text.get_text().strip() or id(text) in undrawn:
            continue
        if _beyond(text.get_window_extent(renderer), canvas):
            found.append(f"text beyond the canvas: {text.get_text()!r}")
        if text.get_fontsize() * scale < LEAST:
            found.append(f"text of {text.get_fontsize() * scale:.3g} pt: {text.get_text()!r}")
        if headline and text is not figure._suptitle and headline.overlaps(text.get_window_extent(renderer)):
            found.append(f"text under the headline: {text.get_text()!r}")
    for axis in figure.axes:
        found += [f"error bar cut by the axes: {axis.get_title()!r}, {bar.get_label()!r}" for bar in _cut(axis)]
    return found


def _undrawn(figure) -> set[int]:
    """Tick labels outside the view, which exist and are not drawn."""
    drawn = set()
    for axis in figure.axes:
        if axis.get_visible() and axis.axison and not hasattr(axis, "zaxis"):
            ticks = [*axis.xaxis._update_ticks(), *axis.yaxis._update_ticks()]
            drawn |= {id(label) for tick in ticks for label in (tick.label1, tick.label2)}
    labels = {id(label) for tick in figure.findobj(Tick) for label in (tick.label1, tick.label2)}
    return labels - drawn


def _beyond(box, canvas) -> bool:
    return box.width > 0 and (
        box.x0 < canvas.x0 - SLACK
        or box.y0 < canvas.y0 - SLACK
        or box.x1 > canvas.x1 + SLACK
        or box.y1 > canvas.y1 + SLACK
    )


def _cut(axis):
    """Error bars that end beyond the limits of their axes."""
    for bar in axis.containers:
        if not isinstance(bar, ErrorbarContainer):
            continue
        (x0, x1), (y0, y1) = sorted(axis.get_xlim()), sorted(axis.get_ylim())
        for lines in bar[2]:
            ends = np.concatenate([p for p in lines.get_segments() if len(p)] or [np.empty((0, 2))])
            ends = ends[np.isfinite(ends).all(axis=1)]
            wide, high = 1e-6 * (x1 - x0), 1e-6 * (y1 - y0)
            if axis.get_yscale() == "log":  # what reaches zero has no end there
                ends = ends[ends[:, 1] > 0]
            if axis.get_xscale() == "log":
                ends = ends[ends[:, 0] > 0]
            inside = (ends[:, 0] >= x0 - wide) & (ends[:, 0] <= x1 + wide)
            inside &= (ends[:, 1] >= y0 - high) & (ends[:, 1] <= y1 + high)
            if not inside.all():
                yield bar
                break
