"""joblib's dask backend, with two omissions mended; imported only for --backend dask.

Any running scheduler will do; its workers must see this checkout, and one thread each is enough:

    dask scheduler --port 8786
    dask worker tcp://HOST:8786 --nworkers 16 --nthreads 1      (on each machine)
    python -m analysis run --backend dask --address tcp://HOST:8786

On a SLURM cluster dask-jobqueue starts both. A job's time limit may end in the middle of a cell: the cell is computed
again by another worker, and after a lost scheduler the same command continues where it was.

    from dask_jobqueue import SLURMCluster
    cluster = SLURMCluster(cores=1, processes=1, memory="4GB", walltime="02:00:00", queue="QUEUE",
                           job_script_prologue=["cd CHECKOUT", "export OMP_NUM_THREADS=1"])
    cluster.scale(jobs=200)
    print(cluster.scheduler_address)                            (goes behind --address; keep this Python alive)
"""

from __future__ import annotations

import _thread
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from distributed import Client
from joblib._dask import DaskDistributedBackend

from analysis.runs.files import ClusterLostError

SECONDS = 10  # for a scheduler to answer
SILENCE = 20.0  # seconds without any worker after which a sweep is given up


@dataclass(frozen=True)
class _Lost:
    """Stands for the result of a task that dask gave up."""

    error: BaseException


class ReportingBackend(DaskDistributedBackend):
    """joblib is told of results only: it waits forever for a task that dask gave up because its workers kept dying.
    Here such a task reports its error. And joblib computes in the calling process if only one worker is there at the
    moment; here cells always go to the cluster."""

    def effective_n_jobs(self, n_jobs):
        return max(2, super().effective_n_jobs(n_jobs))

    def submit(self, func, callback=None):
        future = super().submit(func, callback)
        if callback is not None:
            future.add_done_callback(lambda done: done.exception() and callback(_Lost(done.exception())))
        return future

    def retrieve_result_callback(self, out):
        if isinstance(out, _Lost):
            raise out.error
        return super().retrieve_result_callback(out)


@contextmanager
def watched(client: Client) -> Iterator[None]:
    """Give up, with a ClusterLostError, when the cluster has had no worker for a while: joblib would wait for ever."""
    over, lost = threading.Event(), threading.Event()

    def watch() -> None:
        seen = time.monotonic()
        while not over.wait(1.0):
            if _has_workers(client):
                seen = time.monotonic()
            elif time.monotonic() - seen > SILENCE:
                lost.set()
                _thread.interrupt_main()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    except KeyboardInterrupt:
        if lost.is_set():
            raise ClusterLostError(f"the dask cluster has had no worker for {SILENCE:.0f} s") from None
        raise
    except Exception as error:
        if type(error).__name__ != "KilledWorker" and client.status != "running":
            raise ClusterLostError("the dask scheduler does not answer any more") from error
        raise
    finally:
        over.set()


def _has_workers(client: Client) -> bool:
    if client.status != "running":
        return False
    try:
        return bool(client.nthreads())
    except Exception:  # whatever it is, nobody has answered
        return False


def _is_dask(name: str) -> bool:
    """Some of these (`distributed.client`) have a level of their own, so that the parent's says nothing."""
    return name.partition(".")[0] == "distributed"


def reporting_backend(client: Client) -> ReportingBackend:
    return ReportingBackend(client=client)


def connect(
    address: str, begin: Callable[[], None], ask: Callable[..., str], *arguments: Any
) -> tuple[Client, int, dict[str, str]]:
    """A client, the number of worker threads, each worker's answer to `ask` after `begin`. OSError if nobody
    answers.
    """
    for name in ("tornado.application", *(name for name in logging.root.manager.loggerDict if _is_dask(name))):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said in one line
    client = Client(address, timeout=SECONDS, set_as_default=False)
    threads = client.nthreads()
    if threads:
        client.run(begin)  # in a call of its own: what it imports again, the next call finds
    answers = client.run(ask, *arguments) if threads else {}
    return client, sum(threads.values()), answers
