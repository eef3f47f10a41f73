"""joblib's dask backend, with two omissions mended; imported only for --backend dask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from distributed import Client
from joblib._dask import DaskDistributedBackend

SECONDS = 5


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


def reporting_backend(client: Client) -> ReportingBackend:
    return ReportingBackend(client=client)


def connect(
    address: str, begin: Callable[[], None], ask: Callable[..., str], *arguments: Any
) -> tuple[Client, int, dict[str, str]]:
    """A client, the number of worker threads, and each worker's answer to `ask`, after `begin`. OSError for no answer."""
    client = Client(address, timeout=SECONDS, set_as_default=False)
    threads = client.nthreads()
    if threads:
        client.run(begin)  # in a call of its own: what it imports again, the next call finds
    answers = client.run(ask, *arguments) if threads else {}
    return client, sum(threads.values()), answers
