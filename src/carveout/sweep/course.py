# SPDX-License-Identifier: Apache-2.0
"""The course of a sweep: boards become chunks of work, results come back in any order and leave in the boards' order.

Trees that are equal byte for byte, and trees of which the results are kept from before, are not handed out at all.
Whoever does the work (engines.py) sees chunks only.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from carveout.sweep.plan import Done
from carveout.sweep.work import error_row, line_of
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from carveout.sweep.plan import Job, Plan

CELLS_IN_CHUNK = 512
"""Cells handed out at once: some hundred milliseconds, beside which handing out does not count."""
MOST_IN_CHUNK = 64
"""Boards in a chunk, however few scenes there are."""
MOST_RECENT_BYTES = 64 << 20
"""Rows of boards that are remembered, should an equal tree come; one that comes later is worked on again."""


class Unread(NamedTuple):
    """A board that could not be read, so that there is nothing to hand out."""

    number: int
    name: str
    error: str


class Chunk(NamedTuple):
    """Jobs that are handed out together. number: counts chunks; an empty one comes back as it is."""

    number: int
    jobs: tuple[Job, ...]


class ChunkDone(NamedTuple):
    """What came of a chunk, one entry for each job."""

    number: int
    done: tuple[Done, ...]


class Engine(Protocol):
    """Does the work, somewhere, and gives it back in any order."""

    def run(self, plan: Plan, chunks: Iterator[Chunk]) -> Iterator[ChunkDone]:
        """Take chunks when there is somebody to work on them, and yield each when it is done."""


class Kept(Protocol):
    """Results from before, by key."""

    def get(self, key: bytes) -> Done | None:
        """Return the result that is kept, or None."""

    def put(self, key: bytes, done: Done) -> None:
        """Keep a result."""


class Nothing:
    """Keeps nothing."""

    def get(self, key: bytes) -> Done | None:  # noqa: ARG002 as Kept has it
        """Return None."""
        return None

    def put(self, key: bytes, done: Done) -> None:
        """Do nothing."""


class Result(NamedTuple):
    """One board of the results, in its place."""

    name: str
    done: Done
    was_kept: bool
    """Taken from the results of before."""
    twin: bool
    """Taken from another board of this run, equal byte for byte."""

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the results for this board."""
        rows = self.done.rows if self.done.error is None else (error_row(self.done.error),)
        for row in rows:
            yield line_of(self.name, row)


class Course:
    """One run of a sweep over boards that are given one after the other."""

    def __init__(self, plan: Plan, engine: Engine, kept: Kept | None = None, *, stamp: bytes = b"") -> None:
        """stamp: of everything beside tree and plan that results depend on, such as carveout's own code."""
        self._plan = plan
        self._engine = engine
        self._kept = kept or Nothing()
        self._stamp = sha256(stamp + repr((plan.codes, plan.kinds)).encode()).digest()
        self._ready: dict[int, Result] = {}
        self._waiting: dict[bytes, list[Job]] = {}
        self._recent: OrderedDict[bytes, Done] = OrderedDict()
        self._recent_bytes = 0
        self._made: set[bytes] = set()
        self._names: dict[int, tuple[str, bytes]] = {}
        self._order: list[int] = []

    def run(self, boards: Iterable[Job | Unread]) -> Iterator[Result]:
        """Yield the results in the order of the boards."""
        out = 0
        for chunk in self._engine.run(self._plan, self._chunks(boards)):
            for done in chunk.done:
                self._arrived(done)
            while out < len(self._order) and self._order[out] in self._ready:
                yield self._ready.pop(self._order[out])
                out += 1
        while out < len(self._order):
            yield self._ready.pop(self._order[out])
            out += 1

    def _chunks(self, boards: Iterable[Job | Unread]) -> Iterator[Chunk]:
        number = cells = 0
        jobs: list[Job] = []
        passed = 0
        for board in boards:
            self._order.append(board.number)
            if isinstance(board, Unread):
                self._ready[board.number] = Result(
                    board.name, Done(board.number, (), error=board.error), was_kept=False, twin=False
                )
                passed += 1
            elif self._is_known(board):
                passed += 1
            else:
                jobs.append(board)
                cells += len(board.scenes)
            if cells >= CELLS_IN_CHUNK or len(jobs) >= MOST_IN_CHUNK or passed >= MOST_IN_CHUNK:
                yield Chunk(number, tuple(jobs))
                number, cells, jobs, passed = number + 1, 0, [], 0
        if jobs:
            yield Chunk(number, tuple(jobs))

    def _is_known(self, job: Job) -> bool:
        # Whether the result is there already, or will come with that of an equal tree.
        key = self._key(job)
        if self._plan.recognises and key in self._waiting:
            self._waiting[key].append(job)
            return True
        if key in self._recent:
            self._ready[job.number] = _twin(job, self._recent[key])
            return True
        found = self._kept.get(key) if self._plan.recognises or key not in self._made else None
        if found is not None:
            # What this run has kept itself is another board's, not a result of before.
            is_twin = key in self._made
            self._ready[job.number] = Result(
                job.name, found._replace(number=job.number), was_kept=not is_twin, twin=is_twin
            )
            return True
        self._names[job.number] = job.name, key
        if self._plan.recognises:
            self._waiting[key] = []
        return False

    def _key(self, job: Job) -> bytes:
        scenes = [self._plan.scenes[index] for index in job.scenes]
        digest = sha256(self._stamp + repr((scenes, job.is_made_here)).encode("utf-8", "surrogateescape"))
        digest.update(job.blob)
        return digest.digest()

    def _arrived(self, done: Done) -> None:
        name, key = self._names.pop(done.number)
        if done.error is None:
            self._kept.put(key, done)
            self._made.add(key)
        self._ready[done.number] = Result(name, done, was_kept=False, twin=False)
        for job in self._waiting.pop(key, ()):
            self._ready[job.number] = _twin(job, done)
        if self._plan.recognises:
            self._recent[key] = done
            self._recent_bytes += sum(map(len, done.rows))
            while self._recent_bytes > MOST_RECENT_BYTES:
                _, old = self._recent.popitem(last=False)
                self._recent_bytes -= sum(map(len, old.rows))


def _twin(job: Job, done: Done) -> Result:
    return Result(job.name, done._replace(number=job.number, simulated=0), was_kept=False, twin=True)


def split(chunk: Chunk) -> tuple[Chunk, ...]:
    """Return a chunk's jobs one by one, with the number of the chunk."""
    return tuple(Chunk(chunk.number, (job,)) for job in chunk.jobs)


DIED = "a worker died twice over this tree, which was set aside"


def set_aside(chunk: Chunk) -> ChunkDone:
    """Return the result of a tree over which workers die."""
    return ChunkDone(chunk.number, tuple(Done(job.number, (), error=DIED) for job in chunk.jobs))


def is_alone(chunk: Chunk) -> bool:
    """Say whether a chunk is one tree."""
    return len(chunk.jobs) == 1
