"""Flip single bits in a store and use it: every number is right or computed again, and no folder is refused."""

from __future__ import annotations

import json
import random
from pathlib import Path

from analysis.faults.processes import Tick, never
from analysis.runs.store import NAME, Key, Record, Store

__all__ = ["flips"]

CELLS = 60


def flips(folder: Path, count: int, seed: int, tick: Tick = never) -> dict[str, int]:
    """`count` stores with one flipped bit each; every third flip falls into the first 100 bytes, where layout is
    written.
    """
    keys = [Key("faults", "trace", json.dumps({"x": x}), 0, "code") for x in range(CELLS)]
    records = [Record("done", json.dumps([{"y": x, "text": "a" * 50}]), "", 1.0, 0.5, 0.5, 10) for x in range(CELLS)]
    with Store(folder / "whole") as store:
        for key, record in zip(keys, records, strict=True):
            store.put(key, record)
    clean, moments = (folder / "whole" / NAME).read_bytes(), random.Random(seed)
    refused = wrong = kept = 0
    for attempt in range(count):
        place = folder / f"flip-{attempt}"
        place.mkdir()
        data = bytearray(clean)
        data[moments.randrange(100 if attempt % 3 == 0 else len(data))] ^= 1 << moments.randrange(8)
        (place / NAME).write_bytes(bytes(data))
        try:
            with Store(place, say=lambda line: None) as store:
                for key, record in zip(keys, records, strict=True):
                    found = store.get(key)
                    kept += found is not None
                    wrong += found is not None and found != record
                    store.put(key, record)
                wrong += sum(not store.done(key) for key in keys)
        except Exception:  # the count is the finding
            refused += 1
        tick()
    return {"bits flipped": count, "folders refused": refused, "wrong rows": wrong, "rows kept": kept}
