# SPDX-License-Identifier: Apache-2.0
"""Where the work of a sweep is done: in this process, or in processes of its own, one for each core.

Of the rooms below `cli` this module alone starts processes: a library's user wants them as much as the command's.
A worker gets one chunk at a time over a pipe. When it dies, its chunk is tried again tree by tree; a tree over which
a second worker dies is set aside, so that one bad tree costs one board and not the run.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections import deque
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, cast

from carveout.errors import InternalError
from carveout.sweep.course import ChunkDone, is_alone, set_aside, split
from carveout.sweep.work import Sweeper

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnContext, SpawnProcess

    from carveout.sweep.course import Chunk
    from carveout.sweep.plan import Plan

_GARBAGE_THRESHOLD = 50_000  # as in cli/main.py: what a sweep makes is not cyclic
_MOST_DEATHS = 2
"""A tree over which so many workers died, when each had nothing else, is set aside."""


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class InProcess:
    """Does the work in this process."""

    def run(self, plan: Plan, chunks: Iterator[Chunk]) -> Iterator[ChunkDone]:
        """Work on each chunk in turn."""
        sweeper = Sweeper(plan)
        for chunk in chunks:
            yield ChunkDone(chunk.number, sweeper.chunk(chunk.jobs))


class Processes:
    """Does the work in processes of its own, started anew and not copied from this one."""

    def __init__(self, count: int | None = None) -> None:
        """count: of processes; as many as this one may use cores, when not given."""
        self.count = count or cores()

    def run(self, plan: Plan, chunks: Iterator[Chunk]) -> Iterator[ChunkDone]:
        """Keep every process busy until there is nothing left."""
        crew = _Crew(plan, self.count)
        try:
            yield from crew.work(chunks)
        finally:
            crew.stop()


class _Worker:
    """One process, and what it has been given."""

    def __init__(self, context: SpawnContext, plan: Plan) -> None:
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_serve, args=(theirs, plan), daemon=True)
        self.process.start()
        theirs.close()
        self.given: Chunk | None = None

    def give(self, chunk: Chunk) -> None:
        """Hand out a chunk. One at a time: the worker reads while we send, so that neither waits for the other."""
        self.given = chunk
        with suppress(OSError):  # it died: found out when its end of the pipe is read
            self.pipe.send(chunk)


class _Crew:
    """The processes of one run."""

    def __init__(self, plan: Plan, count: int) -> None:
        self._plan = plan
        self._context = multiprocessing.get_context("spawn")
        self._workers = [_Worker(self._context, plan) for _ in range(count)]
        self._again: deque[Chunk] = deque()
        self._deaths: dict[int, int] = {}
        self._is_more = True

    def work(self, chunks: Iterator[Chunk]) -> Iterator[ChunkDone]:
        """Yield what comes back; returns when every chunk has."""
        while True:
            for worker in self._workers:
                while worker.given is None and (chunk := self._next(chunks)) is not None:
                    if chunk.jobs:
                        worker.give(chunk)
                    else:
                        yield ChunkDone(chunk.number, ())
            busy = {worker.pipe: worker for worker in self._workers if worker.given is not None}
            if not busy:
                return
            for pipe in wait(list(busy)):
                done = self._receive(busy[cast("Connection", pipe)])
                if done is not None:
                    yield done

    def _next(self, chunks: Iterator[Chunk]) -> Chunk | None:
        if self._again:
            return self._again.popleft()
        chunk = next(chunks, None) if self._is_more else None
        self._is_more = chunk is not None
        return chunk

    def _receive(self, worker: _Worker) -> ChunkDone | None:
        try:
            answer = worker.pipe.recv()
        except (EOFError, OSError):
            return self._died(worker)
        if isinstance(answer, str):
            raise InternalError(f"a worker failed: {answer}")
        worker.given = None
        done: ChunkDone = answer
        return done

    def _died(self, worker: _Worker) -> ChunkDone | None:
        # What it had is tried again, tree by tree, in another process.
        self._workers[self._workers.index(worker)] = _Worker(self._context, self._plan)
        worker.process.join()
        worker.pipe.close()
        chunk = worker.given
        if chunk is None:
            return None
        if not is_alone(chunk):
            self._again.extend(split(chunk))
            return None
        number = chunk.jobs[0].number
        self._deaths[number] = self._deaths.get(number, 0) + 1
        if self._deaths[number] >= _MOST_DEATHS:
            return set_aside(chunk)
        self._again.append(chunk)
        return None

    def stop(self) -> None:
        """End every process."""
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            worker.process.terminate()
            worker.process.join()


def _serve(pipe: Connection, plan: Plan) -> None:
    # In a worker: until the pipe is closed. The terminal's Ctrl-C is for the process that started it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(_GARBAGE_THRESHOLD)
    sweeper = Sweeper(plan)
    while True:
        try:
            chunk = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer: object = ChunkDone(chunk.number, sweeper.chunk(chunk.jobs))
        except Exception as error:  # noqa: BLE001 a worker's loop: our bug, told to who started it
            answer = f"{type(error).__name__}: {error}"
        try:
            pipe.send(answer)
        except OSError:
            return
