"""The sweep: compute the cells that the store lacks, longest first, and commit each as soon as it is finished."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from analysis.runs.backends import Run, WorkersDiedError
from analysis.runs.encoding import canonical, plain_mapping
from analysis.runs.experiment import Cell, Experiment
from analysis.runs.fingerprint import Code
from analysis.runs.progress import Progress
from analysis.runs.store import Key, Record, Store
from analysis.runs.worker import Outcome, Task, search_path


@dataclass(frozen=True)
class Planned:
    """A cell with its parameters in canonical form and its key in the store; `replicate` numbers its seeds."""

    cell: Cell
    params: dict
    key: Key
    replicate: int = 0


@dataclass
class Tally:
    """What a sweep did: counts, wall seconds, CPU seconds of the cells, largest memory of a worker in bytes."""

    reused: int = 0
    computed: int = 0
    failed: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    records: list[Record] = field(default_factory=list)


def prepare(experiment: Experiment, cells: Sequence[Cell], seed: int) -> list[Planned]:
    """Cells with their keys. Two equal cells, or a part that does not exist, is a programming error."""
    code = Code()
    marks = {part: code.fingerprint(function) for part, function in experiment.parts.items()}
    planned, seen = [], set()
    for cell in cells:
        if cell.part not in experiment.parts:
            raise KeyError(f"cell of unknown part {cell.part!r}: {experiment.name} has {', '.join(experiment.parts)}")
        params = plain_mapping(cell.params, "parameter")
        for replicate in range(cell.seeds):
            # the seeds of one cell, different for every seed of a run
            own = seed * cell.seeds + replicate
            key = Key(experiment.name, cell.part, canonical(params), own, marks[cell.part])
            if key in seen:
                raise KeyError(f"two equal cells of part {cell.part!r}: {key.params}")
            seen.add(key)
            planned.append(Planned(cell, params, key, replicate))
    return planned


def sweep(
    experiment: Experiment,
    planned: Sequence[Planned],
    store: Store,
    run: Run,
    jobs: int,
    fresh: bool,
    timeout: float | None = None,
) -> Tally:
    """Compute what is missing and return the records of all planned cells, in the order of the plan."""
    begun = time.perf_counter()
    tally = Tally()
    missing = [i for i, p in enumerate(planned) if fresh or not store.done(p.key)]
    missing.sort(key=lambda i: -planned[i].cell.cost)
    tally.reused = len(planned) - len(missing)
    path = search_path()
    keys = [(i, planned[i].key) for i in missing]
    tasks = [Task(i, experiment.address, key.part, key.params, key.seed, path, timeout) for i, key in keys]

    def wanted(task: Task) -> bool:
        """Another sweep on the same store may have finished the cell in the meantime."""
        return fresh or not store.done(planned[task.index].key)

    with Progress(experiment.name, [planned[i].cell.cost for i in missing], jobs) as progress:
        for outcome in _surviving(tasks, run, wanted):
            cost = planned[outcome.index].cell.cost
            status = "failed" if outcome.error else "done"
            record = Record(
                status, outcome.rows, outcome.error, cost, outcome.wall, outcome.cpu, outcome.peak, outcome.used
            )
            store.put(planned[outcome.index].key, record, overwrite=fresh)
            tally.computed += 1
            tally.cpu += outcome.cpu
            tally.peak = max(tally.peak, outcome.peak)
            progress.finished(cost, bool(outcome.error))

    for p in planned:
        found = store.get(p.key)
        if found is None:
            raise RuntimeError(f"cell {p.cell.part} {p.key.params} is neither done nor failed")
        tally.records.append(found)
    tally.failed = sum(not r.done for r in tally.records)
    tally.wall = time.perf_counter() - begun
    return tally


def _surviving(tasks: Sequence[Task], run: Run, wanted) -> Iterator[Outcome]:
    """Outcomes of all tasks, whatever happens to the workers.

    When workers die, the cells that were under way are tried again at the end; those under way at a second death are
    tried alone, twice; a cell that kills its worker even then is failed, so that one bad cell never stops a sweep.
    """
    waiting, alone = list(tasks), []
    struck: set[int] = set()
    while waiting:
        flying: dict[int, Task] = {}
        offered = 0

        def offer(batch=tuple(waiting), flying=flying) -> Iterator[Task]:
            nonlocal offered
            for task in batch:
                offered += 1
                if wanted(task):
                    flying[task.index] = task
                    yield task

        try:
            for outcome in run(offer()):
                flying.pop(outcome.index, None)
                yield outcome
            break
        except WorkersDiedError:
            lost = list(flying.values())
            alone += [t for t in lost if t.index in struck]
            waiting = waiting[offered:] + [t for t in lost if t.index not in struck]
            struck.update(t.index for t in lost)
    for task in alone:
        for _ in range(2):
            try:
                yield from run(iter([task]))
                break
            except WorkersDiedError:
                continue
        else:
            late = f", or longer than {task.timeout:g} s (--cell-timeout)" if task.timeout else ""
            why = f"WorkerDied: the worker was killed, or out of memory{late}, at every attempt"
            yield Outcome(task.index, "[]", why, 0.0, 0.0, 0)
