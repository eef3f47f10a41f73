"""The progress bar: silent off a terminal, and time left in proportion to the cost that is left, not to the number of
cells.
"""

import io
import re
import sys

from analysis.runs.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def _seconds(text):
    minutes, seconds = text.split(":")
    return 60 * int(minutes) + int(seconds)


def test_nothing_is_written_off_a_terminal(monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    with Progress("waves", [1.0, 2.0], 1) as bar:
        bar.finished(1.0, False)
    assert written.getvalue() == ""


def test_time_left_follows_the_costs(monkeypatch):
    """Half of the cost done in 60 s leaves 60 s, although only one cell of eleven is done."""
    import tqdm

    clock = [1000.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setattr(tqdm, "tqdm", type("Bar", (tqdm.tqdm,), {"__init__": _with_clock(tqdm.tqdm, lambda: clock[0])}))
    with Progress("waves", [10.0] + [1.0] * 10, 1) as bar:
        clock[0] += 60
        bar.finished(10.0, False)
        last = shown.getvalue().split("\r")[-1]
        assert "1/11 cells" in last
        assert _seconds(re.search(r"(\d+:\d+) left", last).group(1)) == 60
        clock[0] += 6
        bar.finished(1.0, True)
        assert "2/11 cells, 1 failed" in shown.getvalue().split("\r")[-1]


def _with_clock(tqdm_class, clock):
    def begin(self, *arguments, **options):
        tqdm_class.__init__(self, *arguments, file=sys.stderr, ncols=120, mininterval=0, miniters=0, **options)
        self._time = clock
        self.start_t = self.last_print_t = clock()

    return begin
