# SPDX-License-Identifier: Apache-2.0
"""Trace text of the kernel's `cma` events → a trace: what was asked for, in order, and what came of it.

All forms that kernels from 5.10 on print are read, also Android's, from the tracing file system, `trace-cmd report`
and `perf script`. A request stands where its start event stands: the kernel chooses a place directly after it, and
what takes long, moving pages, comes later. Start, retries and finish belong together by their task.
Source: cma 1.1, 1.7; recorded traces of 5.10, 6.1, 6.12 and 7.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import TraceError
from carveout.pool.trace import CMA_ALIGNMENT_DEFAULT, Op, RecordedResult, Request, Trace, TraceHeader
from carveout.pool.trace_areas import NAMELESS, SeenArea, page_size_of_names, settle, with_hidden
from carveout.pool.trace_gaps import Gaps
from carveout.pool.trace_lines import MAX_LINE, Event, LineError, Lost, parse_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from carveout.pool.trace import PoolSpec

_MAX_REQUESTS = 20_000_000
"""Bounds memory: at about 300 bytes each, that is what a large machine holds."""
_MAX_PROBLEMS = 1000
"""A file of which so many lines are broken is something else than a trace."""
_MAX_AREAS = 1000
_PROGRESS_LINES = 65536

# The kernel whose events have this form, for a trace whose kernel nobody names.
_FORMS = {
    "cma_alloc": "5.10",
    "start": "6.1",
    "errno": "6.12",
    "counts": "7.2",
}
_FORM_ORDER = ("cma_alloc", "start", "errno", "counts")


class _Pending:
    # A request whose start was seen and whose finish was not yet.
    __slots__ = ("area", "busy", "id", "line", "migrated", "not_migrated", "pages", "time", "was_migrating")

    def __init__(self, id_: int, area: SeenArea, pages: int, line: int, time: float) -> None:
        self.id = id_
        self.area = area
        self.pages = pages
        self.line = line
        self.time = time
        self.busy: list[int] = []
        self.migrated = 0
        self.not_migrated = 0
        self.was_migrating = False


def read_ftrace(
    lines: Iterable[str],
    *,
    pools: Sequence[PoolSpec] = (),
    kernel: str | None = None,
    page_size: int | None = None,
    cma_alignment: int | None = None,
    arch: str = "arm64",
    keep_going: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Return the requests of a trace's text.

    lines: with or without their ends; read once, one at a time. pools: what is known about the areas.
    kernel, page_size: of the machine that was traced; guessed, and said in the notes, when None.
    keep_going: leave broken lines out, and name them in the result. progress: called with the number of lines read.

    Raises: TraceError for a line that cannot be read, and for text without any event about contiguous memory.
    """
    reader = _Reader(pools, keep_going=keep_going)
    number = 0
    for number, line in enumerate(lines, 1):
        reader.read(number, line)
        if progress is not None and number % _PROGRESS_LINES == 0:
            progress(number)
    if not reader.requests:
        raise TraceError(
            f"has no event of contiguous memory in {number} lines; "
            "record cma:* (cma_alloc_start, cma_alloc_finish, cma_release; on 5.10 cma_alloc, cma_release)"
        )
    return reader.trace(kernel=kernel, page_size=page_size, cma_alignment=cma_alignment, arch=arch)


class _Reader:
    def __init__(self, pools: Sequence[PoolSpec], *, keep_going: bool) -> None:
        self.requests: list[Request] = []
        self.recorded: dict[int, RecordedResult] = {}
        self.problems: list[str] = []
        self._keep_going = keep_going
        self._known = {pool.name: pool for pool in pools}
        self._areas: dict[str, SeenArea] = {}
        self._pending: dict[int, _Pending] = {}
        self._moving: dict[int, tuple[int, int]] = {}  # pages moved for a task whose request is not known yet
        self._unfinished: list[_Pending] = []
        self._unseen_releases: list[
            tuple[int, Request]
        ] = []  # (index of the request they come before, release)
        self._form = ""
        self._is_android = False
        self._gaps = Gaps()
        self._next_id = 0

    def read(self, number: int, line: str) -> None:
        try:
            event = parse_line(line[:MAX_LINE])
        except LineError as error:
            text = f"line {number}: {error}"
            if not self._keep_going:
                raise TraceError(str(error), line=number) from error
            if len(self.problems) >= _MAX_PROBLEMS:
                raise TraceError(
                    f"more than {_MAX_PROBLEMS} lines cannot be read; the last: {text}"
                ) from error
            self.problems.append(text)
            return
        if event is None:
            return
        if isinstance(event, Lost):
            self._gaps.lost.append(event)
            return
        if len(self.requests) >= _MAX_REQUESTS:
            raise TraceError(f"more than {_MAX_REQUESTS} requests", line=number)
        self._dispatch(event, number)

    def _dispatch(self, event: Event, number: int) -> None:
        handler = _HANDLERS.get(event.kind)
        if handler is not None:
            handler(self, event, number)

    # --- events ---------------------------------------------------------------------------------------

    def _start(self, event: Event, number: int) -> None:
        self._saw("counts" if event.total is not None else "start")
        area = self._area(event.name)
        if event.total is not None:
            if area.total is None and event.available is not None:
                area.used_at_start = event.total - event.available
            area.total = event.total
        before = self._pending.pop(event.task, None)
        if before is not None:
            self._unfinished.append(before)
        self._gaps.overlaps += bool(self._pending)
        self._pending[event.task] = self._ask(event, area, number)

    def _busy(self, event: Event, number: int) -> None:
        if event.pfn is not None:
            self._pending_of(event, number).busy.append(event.pfn)

    def _finish(self, event: Event, number: int) -> None:
        self._saw("errno" if event.errno is not None else "start")
        self._is_android |= not event.has_prefix
        pending = self._pending_of(event, number)
        del self._pending[event.task]
        failed = event.is_null or bool(event.errno) or event.pfn is None
        self.recorded[pending.id] = RecordedResult(
            pfn=None if failed else event.pfn,
            errno=event.errno,
            busy_pfns=tuple(pending.busy),
            migrated=pending.migrated if pending.was_migrating or pending.migrated else None,
            not_migrated=pending.not_migrated if pending.was_migrating else None,
            seconds=round(event.time - pending.time, 9),
        )
        if event.pfn is not None and not failed:
            self._take(pending.area, event, pending.id, number)

    def _alloc(self, event: Event, number: int) -> None:
        self._saw("cma_alloc")
        moved = self._moving.pop(event.task, None)
        failed = event.is_null or event.pfn is None
        area = self._nameless(event, number)
        pending = self._ask(event, area, number)
        self.recorded[pending.id] = RecordedResult(
            pfn=None if failed else event.pfn,
            migrated=moved[0] if moved else None,
            not_migrated=moved[1] if moved else None,
        )
        if event.pfn is not None and not failed:
            self._take(area, event, pending.id, number)

    def _release(self, event: Event, number: int) -> None:
        if event.pfn is None:
            return
        area = self._area(event.name) if event.name is not None else self._by_pfn(event.pfn, event.pages)
        given = area.give(event.pfn, event.pages)
        if given is None:
            return
        if not given.is_whole:
            self._gaps.partial += 1
        elif given.id is None:
            self._add(
                Request(
                    op=Op.FREE, pool=area.id, pfn=event.pfn, pages=event.pages, line=number, time=event.time
                )
            )
        else:
            self._add(Request(op=Op.FREE, id=given.id, pool=area.id, line=number, time=event.time))

    def _info(self, event: Event, _number: int) -> None:
        # Android's own count of moved pages, where the migrate events are not recorded.
        pending = self._pending.get(event.task)
        if pending is not None and not pending.was_migrating:
            pending.migrated += event.migrated

    def _migrated(self, event: Event, _number: int) -> None:
        pending = self._pending.get(event.task)
        if pending is not None:
            pending.migrated += event.migrated
            pending.not_migrated += event.not_migrated
            pending.was_migrating = True
        else:
            moved, stayed = self._moving.get(event.task, (0, 0))
            self._moving[event.task] = (moved + event.migrated, stayed + event.not_migrated)

    # --- helpers --------------------------------------------------------------------------------------

    def _saw(self, form: str) -> None:
        if not self._form or _FORM_ORDER.index(form) > _FORM_ORDER.index(self._form):
            self._form = form

    def _pending_of(self, event: Event, number: int) -> _Pending:
        # The request that an event is about; one that began before the capture, or whose start was lost, is made here.
        pending = self._pending.get(event.task)
        if pending is None or pending.pages != event.pages or pending.area.name != event.name:
            if pending is not None:
                self._unfinished.append(pending)
            pending = self._ask(event, self._area(event.name), number)
            self._pending[event.task] = pending
        return pending

    def _ask(self, event: Event, area: SeenArea, number: int) -> _Pending:
        pending = _Pending(self._next_id, area, event.pages, number, event.time)
        self._next_id += 1
        self._moving.pop(event.task, None)
        area.is_asked = True
        self._add(
            Request(
                op=Op.CMA_ALLOC,
                id=pending.id,
                pool=area.id,
                pages=event.pages,
                align=event.align,
                line=number,
                time=event.time,
            )
        )
        return pending

    def _add(self, request: Request) -> None:
        self.requests.append(request)

    def _take(self, area: SeenArea, event: Event, id_: int, number: int) -> None:
        if event.pfn is None:
            return
        for gone in area.take(event.pfn, event.pages, id_):
            release = Request(op=Op.FREE, id=gone, pool=area.id, line=number, time=event.time)
            self._unseen_releases.append((id_, release))

    def _area(self, name: str | None) -> SeenArea:
        key = NAMELESS if name is None else name
        area = self._areas.get(key)
        if area is None:
            if len(self._areas) >= _MAX_AREAS:
                raise TraceError(f"more than {_MAX_AREAS} areas; no kernel has so many")
            known = self._known.get(key)
            area = SeenArea(known.id if known else self._free_id(), key, known)
            self._areas[key] = area
        return area

    def _free_id(self) -> str:
        taken = {pool.id for pool in self._known.values()} | {area.id for area in self._areas.values()}
        return next(str(number) for number in range(len(taken) + 1) if str(number) not in taken)

    def _by_pfn(self, pfn: int, pages: int) -> SeenArea:
        for pool in self._known.values():
            if pool.base_pfn <= pfn and pfn + pages <= pool.base_pfn + pool.pages:
                return self._area(pool.name)
        return self._area(None)

    def _nameless(self, event: Event, number: int) -> SeenArea:
        # The area of an event that does not name it (5.10): by its page, else by who has no room for it.
        if event.name is not None:
            return self._area(event.name)
        found = self._by_pfn(event.pfn, 1) if event.pfn is not None else self._area(None)
        if found.name != NAMELESS or not self._known:
            return found
        candidates = [self._area(pool.name) for pool in self._known.values()]
        full = [area for area in candidates if not area.has_room(event.pages, event.align)]
        if len(full) != 1 and len(candidates) > 1:
            self._gaps.unsure.append(number)
        return (full or candidates)[0]

    # --- the result -----------------------------------------------------------------------------------

    def trace(
        self, *, kernel: str | None, page_size: int | None, cma_alignment: int | None, arch: str
    ) -> Trace:
        notes: list[str] = []
        areas = [
            area
            for area in self._areas.values()
            if area.name != NAMELESS or area.lowest is not None or area.is_asked
        ]
        kernel = kernel or self._kernel(notes)
        page_size = page_size or _page_size(areas, notes)
        step = _step(kernel, arch, page_size)
        pools = []
        for area in areas:
            pool, said = settle(area, page_size=page_size, step=step)
            pool, hidden = with_hidden(area, pool, self.requests, self.recorded)
            pools.append(pool)
            notes += [*said, *hidden]
        used = {area.name for area in areas}
        pools += [pool for pool in self._known.values() if pool.name not in used]
        self._settle_unfinished({pool.id: pool for pool in pools}, notes)
        notes += self._gaps.notes(areas, unseen_releases=len(self._unseen_releases))
        header = TraceHeader(
            kernel=kernel,
            page_size=page_size,
            cma_alignment=CMA_ALIGNMENT_DEFAULT if cma_alignment is None else cma_alignment,
            pools=tuple(pools),
            notes=tuple(notes),
            arch=arch,
        )
        return Trace(
            header=header,
            requests=self._ordered(),
            problems=tuple(self.problems),
            recorded=self.recorded,
        )

    def _kernel(self, notes: list[str]) -> str:
        if self._is_android:
            notes.append("kernel: 5.10 of Android, whose events have names but no 0x; --kernel says it")
            return "5.10"
        kernel = _FORMS[self._form or "start"]
        notes.append(f"kernel: {kernel}, whose events have this form; --kernel says it")
        return kernel

    def _settle_unfinished(self, pools: dict[str, PoolSpec], notes: list[str]) -> None:
        # 6.1 and 6.12 print no finish for a request larger than its area; every other one was lost, or runs still.
        open_ends = 0
        for pending in [*self._unfinished, *self._pending.values()]:
            known = pending.area.known is not None or pending.area.total is not None
            if known and pending.pages > pools[pending.area.id].pages:
                self.recorded[pending.id] = RecordedResult(pfn=None)
            else:
                open_ends += 1
        if open_ends:
            notes.append(
                f"{open_ends} requests have a start and no finish: lost, still running at the end, "
                "or larger than their area (6.1 and 6.12 print no finish then); what they got is not known"
            )

    def _ordered(self) -> tuple[Request, ...]:
        if not self._unseen_releases:
            return tuple(self.requests)
        before: dict[int, list[Request]] = {}
        for id_, release in self._unseen_releases:
            before.setdefault(id_, []).append(release)
        ordered: list[Request] = []
        for request in self.requests:
            if request.op is not Op.FREE and request.id in before:
                ordered += before[request.id]
            ordered.append(request)
        return tuple(ordered)


_HANDLERS = {
    "mm_migrate_pages": _Reader._migrated,  # noqa: SLF001 the class's own methods, by event
    "cma_alloc_start": _Reader._start,  # noqa: SLF001
    "cma_alloc_busy_retry": _Reader._busy,  # noqa: SLF001
    "cma_alloc_finish": _Reader._finish,  # noqa: SLF001
    "cma_alloc": _Reader._alloc,  # noqa: SLF001
    "cma_alloc_info": _Reader._info,  # noqa: SLF001
    "cma_release": _Reader._release,  # noqa: SLF001
}


def _page_size(areas: list[SeenArea], notes: list[str]) -> int:
    known = page_size_of_names(areas)
    if known is not None:
        notes.append(f"page size: {known >> 10} KiB, with which page frame numbers agree with unit addresses")
        return known
    notes.append("page size: 4 KiB assumed; --page-size says it")
    return 4096


def _step(kernel: str, arch: str, page_size: int) -> int:
    from carveout.boot.cma import min_alignment
    from carveout.kernel.profile import resolve

    return min_alignment(resolve(kernel, arch=arch, page_size=page_size)) // page_size
