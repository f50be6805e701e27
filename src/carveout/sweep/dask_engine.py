# SPDX-License-Identifier: Apache-2.0
"""The work of a sweep on a Dask cluster: chunks go to a scheduler, with the trees' bytes in them.

The workers need carveout in the same version, and nothing else: no file is shared. Dask starts a chunk again when
its worker dies; one over which several died comes back tree by tree, as in engines.py.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING

from carveout import __version__
from carveout.errors import InternalError, ToolMissing, UsageError
from carveout.sweep.course import ChunkDone, is_alone, set_aside, split
from carveout.sweep.work import Sweeper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

    from carveout.sweep.course import Chunk
    from carveout.sweep.plan import Plan

_CHUNKS_PER_THREAD = 3
"""Chunks under way for each thread of the cluster, so that none waits for the next."""
_CONNECT_SECONDS = 10


class DaskCluster:
    """Does the work on the workers of a Dask scheduler."""

    def __init__(self, scheduler: str) -> None:
        """scheduler: its address, such as tcp://10.0.0.1:8786. Nothing is connected yet."""
        self._scheduler = scheduler

    def run(self, plan: Plan, chunks: Iterator[Chunk]) -> Iterator[ChunkDone]:
        """Connect, and keep the cluster busy until there is nothing left.

        Raises: ToolMissing without Dask, UsageError when there is no such scheduler or its workers differ from us.
        """
        client = _connect(self._scheduler)
        try:
            _same_version(client)
            yield from _work(client, plan, chunks)
        finally:
            client.close()


def _connect(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise ToolMissing(
            "--engine dask needs Dask, which is not installed: pip install 'carveout[dask]'"
        ) from error
    try:
        return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"--scheduler {address}: no Dask scheduler answers there: {error}") from error


def _same_version(client: Client) -> None:
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
    except TimeoutError as error:
        raise UsageError(f"the Dask scheduler has no worker after {_CONNECT_SECONDS} s") from error
    for worker, version in client.run(_version).items():
        if version != __version__:
            raise UsageError(f"the worker {worker} has carveout {version}, expected {__version__} as here")


def _work(client: Client, plan: Plan, chunks: Iterator[Chunk]) -> Iterator[ChunkDone]:
    from distributed import KilledWorker, as_completed

    plan_there = client.scatter(plan, broadcast=True, hash=False)
    again: deque[Chunk] = deque()
    flying: dict[str, Chunk] = {}
    finished = as_completed(loop=client.loop)
    is_more = True
    while True:
        room = max(1, _CHUNKS_PER_THREAD * sum(client.nthreads().values()))
        while len(flying) < room:
            chunk = again.popleft() if again else next(chunks, None) if is_more else None
            if chunk is None:
                is_more = False
                break
            if not chunk.jobs:
                yield ChunkDone(chunk.number, ())
                continue
            future = client.submit(_sweep, plan_there, chunk, pure=False)
            flying[future.key] = chunk
            finished.add(future)
        if not flying:
            return
        future = next(finished)
        chunk = flying.pop(future.key)
        error = future.exception()
        if error is None:
            yield future.result()
        elif not isinstance(error, KilledWorker):
            raise InternalError(f"a worker failed: {type(error).__name__}: {error}")
        elif is_alone(chunk):
            yield set_aside(chunk)
        else:
            again.extend(split(chunk))


def _version() -> str:
    return __version__


@lru_cache(maxsize=1)
def _sweeper(plan: bytes) -> Sweeper:
    # One for a plan in each worker process, so that it remembers boots from chunk to chunk.
    import pickle

    return Sweeper(pickle.loads(plan))  # noqa: S301 made here, by this very process


def _sweep(plan: Plan, chunk: Chunk) -> ChunkDone:
    # On a worker.
    import pickle

    return ChunkDone(chunk.number, _sweeper(pickle.dumps(plan)).chunk(chunk.jobs))
