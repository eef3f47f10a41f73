"""What README.md quotes: answer, cost, headline claims, campaign of faults; written from results/, never by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from analysis.runs import claims_file, manifest
from analysis.runs.screen import interval

__all__ = ["HEADLINE", "answer", "block", "cost", "faults", "update"]

HEADLINE = ("R1", "R4", "B1", "B2", "B3", "B6", "N1", "N6", "S3", "S6", "M2", "M6", "M6b", "R3", "I2b")
OWN_PROCESSES = 0.1  # of the clock: cells that take less CPU have others work for them, as those of the benchmark
_MARKS = {
    name: (f"<!-- {name}: written by `python -m analysis report` -->", f"<!-- end of {name} -->")
    for name in ("answer", "cost", "verdicts", "faults")
}


def _rows(results: Path) -> dict[str, dict[str, str]]:
    return {r["claim"]: r for r in claims_file.read(results / claims_file.CLAIMS, claims_file.CLAIM_COLUMNS)}


def answer(results: Path) -> str:
    """The answer in three sentences, with the measured numbers."""
    rows = _rows(results)

    def number(claim: str) -> str:
        return f"{float(rows[claim]['measured']):.3g}" if claim in rows else "?"

    def word(claim: str) -> str:
        return rows[claim]["verdict"] if claim in rows else "not decided"

    def loose(claim: str) -> str:
        return f"{float(rows[claim]['looser_by']):.3g}" if claim in rows and rows[claim]["looser_by"] else "?"

    refuted = [c for c, r in rows.items() if r["verdict"] == "violated" and r["kind"] in ("paper", "finding")]
    contradicted = ", ".join(refuted) or "nothing"
    return (
        "When the data have few dimensions k in many (d), one noisy point tells its own noise level. A denoiser that "
        f"is not told it pays k/(2(d - k)) nats on a Gaussian subspace (measured over formula: {number('B2')}) and a "
        f"constant over d on every law tried (exponent in d: {number('B3')}); the paper's bound on that {word('B1')}, "
        f"looser than measured by a factor of at least {loose('B1')}. "
        "The number of steps does not depend on d; it grows with an exponent of at most "
        f"{number('R1')} in k and 1/error. That blind samples are better than those of the counterpart that is told "
        f"the level is {word('M6')} with exact denoisers and {word('I5')} with networks on digits, at equal "
        f"coefficients, noise and grid; where plain Euler lets the level drift it {word('I5d')}. "
        f"What the numbers contradict: {contradicted} "
        "(see [the page](results/index.html))."
    )


def cost(results: Path) -> str:
    """How long the results took, by the manifest's own history."""
    with open(results / manifest.NAME, encoding="utf-8") as handle:
        runs = json.load(handle)["experiments"]
    known = all("cell_cpu_seconds" in run for run in runs.values())
    minutes = {name: run["cell_cpu_seconds" if known else "cell_seconds"] / 60 for name, run in runs.items()}
    total = sum(minutes.values()) / 2
    for name, run in runs.items():
        if minutes[name] < OWN_PROCESSES * run["cell_seconds"] / 60:  # one at a time, and not seen by the cell's clock
            minutes[name] = run["cell_seconds"] / 60
            total += minutes[name]
    dear = sorted(minutes, key=lambda name: -minutes[name])[:3]
    said = ", ".join(f"{name} {minutes[name]:.0f}" for name in dear)
    by = "of CPU" if known else "by the clock of a machine that did other work beside them"
    return (
        f"The first one takes about {total:.0f} minutes on two cores: the cells of `results/` took "
        f"{sum(minutes.values()):.0f} core minutes {by}, most of them {said}."
    )


def block(results: Path) -> str:
    """The headline claims, one row each: statement, measured interval, prediction, verdict, file."""
    lines = ["| | statement | measured [95 %] | predicted | verdict |", "|---|---|---|---|---|"]
    rows = _rows(results)
    for row in (rows[c] for c in HEADLINE if c in rows):
        measured = interval(*(float(row[c]) for c in ("measured", "low", "high")))
        cells = (row["claim"], row["statement"], measured, row["predicted"], f"**{row['verdict']}**")
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(lines)


def faults(results: Path) -> str:
    """What `python -m analysis.faults` counted, in one paragraph; says so where it has not been run."""
    path = results / "tables" / "faults.csv"
    if not path.is_file():
        return "`python -m analysis.faults` has not been run."
    with open(path, encoding="utf-8", newline="") as handle:
        found = {(row["part"], row["quantity"]): row["number"] for row in csv.DictReader(handle)}

    def number(part: str, quantity: str) -> str:
        return found.get((part, quantity), "?")

    def total(quantity: str) -> str:
        return f"{sum(float(n) for (_, q), n in found.items() if q == quantity):g}"

    return (
        f"`python -m analysis.faults`: {number('loky-kills', 'survived')} of {number('loky-kills', 'kills')} kills on "
        f"this machine and {number('dask-kills', 'survived')} of {number('dask-kills', 'kills')} on a dask cluster "
        f"survived, {total('cells lost')} cells lost, {total('files different')} files different; "
        f"{number('flips', 'bits flipped')} flipped bits, {total('folders refused')} folders refused, "
        f"{total('wrong rows')} wrong rows; {number('disks', 'of them full')} full disks, "
        f"{number('screens', 'screens')} closed screens, {number('pairs', 'pairs')} pairs of sweeps in one folder; "
        f"{number('inputs', 'bad command lines')} bad command lines and {number('calls', 'malformed calls')} bad "
        f"Python calls, {total('tracebacks')} tracebacks. {number('cells', 'cells')} cells cost "
        f"{number('cells', 'ms for each')} ms each and are found again in {number('cells', 'seconds to resume')} s."
    )


def update(readme: Path, results: Path) -> bytes:
    """README.md with its blocks replaced by those of a results folder.

    Raises:
        ValueError: the README has lost its markers.
    """
    text = readme.read_text(encoding="utf-8")
    contents = {"answer": answer(results), "verdicts": block(results)}
    for name, write in (("cost", cost), ("faults", faults)):
        if _MARKS[name][0] in text:
            contents[name] = write(results)
    for name, content in contents.items():
        begin, end = _MARKS[name]
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"README.md must hold the markers {begin!r} and {end!r} once each")
        before, after = text.split(begin)[0], text.split(end)[1]
        text = f"{before}{begin}\n{content}\n{end}{after}"
    return text.encode()
