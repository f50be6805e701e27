# SPDX-License-Identifier: Apache-2.0
"""Traces as JSON lines: a header, then one request a line; and results in the same form.

The form is that of the recorded allocations: `cma_alloc` with `count` and `align`, `dma_alloc` with `bytes`, `free`,
`pin`, `unpin_all`; beyond it `heap_alloc` with `bytes`, `unpin`, and `lend` with `count`. What a recording says a
request got (`pfn`, `errno`, `busy_pfns`) is kept apart and decides nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from carveout.errors import TraceError
from carveout.pool.trace import (
    CMA_ALIGNMENT_DEFAULT,
    MOST_POOL_PAGES,
    Extent,
    Op,
    PoolKind,
    PoolSpec,
    RecordedResult,
    Request,
    Trace,
    TraceHeader,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from carveout.pool.system import RequestResult

_MAX_LINE = 1 << 20
"""Characters. The longest recorded line, with hundreds of busy attempts, has a few thousand."""
_PAGE_SIZES = (4096, 16384, 65536)


def read_jsonl(lines: Iterable[str], *, keep_going: bool = False) -> Trace:
    """Return the trace in these lines.

    keep_going: leave out lines that cannot be used, and list them; otherwise the first one is an error.
    Raises: TraceError, with the line.
    """
    header: TraceHeader | None = None
    requests: list[Request] = []
    recorded: dict[int, RecordedResult] = {}
    problems: list[str] = []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            values = _object(text, number)
            if header is None:
                header = _header(values, number)
                continue
            request = _request(values, number)
            if request.id is not None and not _RESULT_KEYS.isdisjoint(values):
                recorded[request.id] = _recorded(values, number)
            requests.append(request)
        except TraceError as error:
            if header is None or not keep_going:
                raise
            problems.append(str(error))
    if header is None:
        raise TraceError("no header, expected a first line with kernel, page_size and pools")
    return Trace(header=header, requests=tuple(requests), problems=tuple(problems), recorded=recorded)


def result_line(result: RequestResult) -> str:
    """Return what a request got as one line of JSON, with the fields that the kernel's events show."""
    got, request = result.allocation, result.request
    values: dict[str, Any] = {"id": request.id}
    if request.op is Op.CMA_ALLOC:
        values["pfn"] = got.pfn
    else:
        values["addr"] = "buddy" if result.place == "buddy" else result.address
    values["errno"] = result.errno
    return json.dumps(values | _events(result))


def trace_lines(trace: Trace) -> Iterator[str]:
    """Yield a trace as lines that `read_jsonl` reads, without what a recording says about results."""
    header = trace.header
    first: dict[str, Any] = {
        "kind": "header",
        "kernel": header.kernel,
        "build": header.build,
        "workload": header.workload,
        "arch": header.arch,
        "page_size": header.page_size,
        "cma_alignment": header.cma_alignment,
        "pools": {pool.id: _pool_values(pool) for pool in header.pools},
        "initially_allocated": {
            pool.id: [[*extent] for extent in pool.initially] for pool in header.pools if pool.initially
        },
        "initial_index": max((pool.initial_index for pool in header.pools), default=0),
    }
    yield json.dumps(first)
    for request in trace.requests:
        values: dict[str, Any] = {"op": str(request.op)}
        if request.op is not Op.UNPIN_ALL:
            values["pool"] = request.pool
        if request.id is not None:
            values["id"] = request.id
        if request.pages:
            values["count"] = request.pages
        if request.op is Op.CMA_ALLOC:
            values["align"] = request.align
        if request.size:
            values["bytes"] = request.size
        if request.pfn is not None:
            values["pfn"] = request.pfn
        if request.time is not None:
            values["time"] = request.time
        yield json.dumps(values)


def _pool_values(pool: PoolSpec) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": pool.name,
        "base": pool.base_pfn,
        "pages": pool.pages,
        "kind": str(pool.kind),
    }
    if pool.order_per_bit:
        values["order_per_bit"] = pool.order_per_bit
    if pool.ranges:
        values["ranges"] = [[*extent] for extent in pool.ranges]
    return values


def _events(result: RequestResult) -> dict[str, Any]:
    got = result.allocation
    values: dict[str, Any] = {}
    if got.busy_pfns and got.shows_busy:
        values["busy_pfns"] = list(got.busy_pfns)
    if result.request.op is Op.CMA_ALLOC:
        if got.finish_pfn is not None:
            values["finish_pfn"] = got.finish_pfn
        if not got.has_finish_event:
            values["no_finish_event"] = True
    return values


# ---- reading -----------------------------------------------------------------------------------------
def _object(text: str, line: int) -> dict[str, Any]:
    if len(text) > _MAX_LINE:
        raise TraceError(f"{len(text)} characters, expected at most {_MAX_LINE}", line=line)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TraceError(f"no JSON: {error}", line=line) from error
    if not isinstance(values, dict):
        raise TraceError(f"a {type(values).__name__}, expected an object", line=line)
    return values


def _header(values: dict[str, Any], line: int) -> TraceHeader:
    kernel, pools = values.get("kernel"), values.get("pools")
    if not isinstance(kernel, str) or not isinstance(pools, dict):
        raise TraceError("no header: expected an object with kernel (a version) and pools", line=line)
    page_size = _number(values, "page_size", line, default=4096)
    if page_size not in _PAGE_SIZES:
        raise TraceError(
            f"page_size is {page_size}, expected one of {', '.join(map(str, _PAGE_SIZES))}", line=line
        )
    initially = values.get("initially_allocated") or {}
    if not isinstance(initially, dict):
        raise TraceError("initially_allocated is no object", line=line)
    index = _number(values, "initial_index", line, default=0)
    return TraceHeader(
        kernel=kernel,
        page_size=page_size,
        cma_alignment=_number(values, "cma_alignment", line, default=CMA_ALIGNMENT_DEFAULT, most=32),
        pools=tuple(_pool(name, pools[name], initially.get(name, ()), index, line) for name in pools),
        workload=str(values.get("workload") or ""),
        build=str(values.get("build") or ""),
        arch=str(values.get("arch") or "arm64"),
    )


def _pool(name: str, values: object, initially: object, index: int, line: int) -> PoolSpec:
    if not isinstance(values, dict):
        raise TraceError(f"pool {name}: no object", line=line)
    kind = values.get("kind", PoolKind.CMA.value)
    if kind not in list(PoolKind):
        raise TraceError(f"pool {name}: kind is {kind!r}, expected one of {', '.join(PoolKind)}", line=line)
    return PoolSpec(
        id=name,
        name=str(values.get("name") or name),
        base_pfn=_number(values, "base", line),
        pages=_number(values, "pages", line, least=1, most=MOST_POOL_PAGES),
        kind=PoolKind(kind),
        order_per_bit=_number(values, "order_per_bit", line, default=0, most=20),
        ranges=_extents(values.get("ranges", ()), f"ranges of pool {name}", line),
        initially=_extents(initially, f"initially_allocated of pool {name}", line),
        initial_index=index if kind == PoolKind.RESTRICTED else 0,
    )


def _extents(values: object, what: str, line: int) -> tuple[Extent, ...]:
    found = []
    for pair in values if isinstance(values, list | tuple) else (None,):
        if not isinstance(pair, list) or len(pair) != 2 or not all(_is_count(number) for number in pair):
            raise TraceError(f"{what}: {pair!r} is no pair of a page frame number and a count", line=line)
        found.append(Extent(*pair))
    return tuple(found)


_KEYS = {
    Op.CMA_ALLOC: ("count",),
    Op.DMA_ALLOC: ("bytes",),
    Op.HEAP_ALLOC: ("bytes",),
    Op.PIN: ("pfn",),
    Op.UNPIN: ("pfn",),
    Op.LEND: ("count",),
}
_OPS = {str(op): op for op in Op}
_ALLOCATES = (Op.CMA_ALLOC, Op.DMA_ALLOC, Op.HEAP_ALLOC)
_RESULT_KEYS = {"pfn", "addr", "errno"}


def _request(values: dict[str, Any], line: int) -> Request:
    name = values.get("op")
    op = _OPS.get(name) if isinstance(name, str) else None
    if op is None:
        raise TraceError(f"op is {name!r}, expected one of {', '.join(Op)}", line=line)
    for key in _KEYS.get(op, ()):
        _number(values, key, line)
    # A request's own `pfn` is an input of pin, unpin and lend only; of others it is what they got. A release without
    # an id is of pages that were allocated before the first request.
    is_older = op is Op.FREE and "id" not in values
    if is_older:
        _number(values, "count", line, least=1)
        _number(values, "pfn", line)
    takes_pfn = is_older or (op in (Op.PIN, Op.UNPIN, Op.LEND) and values.get("pfn") is not None)
    time = values.get("time")
    return Request(
        op,
        id=_number(values, "id", line) if op in _ALLOCATES or (op is Op.FREE and not is_older) else None,
        pool=str(values.get("pool", "0")),
        pages=_number(values, "count", line, default=0, least=int("count" in values)),
        align=_number(values, "align", line, default=0, most=31),
        size=_number(values, "bytes", line, default=0, least=int("bytes" in values)),
        pfn=_number(values, "pfn", line) if takes_pfn else None,
        line=line,
        time=float(time) if isinstance(time, int | float) else None,
    )


def _recorded(values: dict[str, Any], line: int) -> RecordedResult:
    busy = values.get("busy_pfns")
    if busy is not None and not (isinstance(busy, list) and all(_is_count(pfn) for pfn in busy)):
        raise TraceError("busy_pfns is no list of page frame numbers", line=line)
    pfn, errno, address = values.get("pfn"), values.get("errno"), values.get("addr")
    return RecordedResult(
        pfn=pfn if _is_count(pfn) else None,
        errno=errno if isinstance(errno, int) else None,
        busy_pfns=None if busy is None else tuple(busy),
        address=address if _is_count(address) else None,
        is_outside=address == "buddy",
    )


def _number(
    values: dict[str, Any],
    key: str,
    line: int,
    *,
    default: int | None = None,
    least: int = 0,
    most: int = 1 << 63,
) -> int:
    value = values.get(key, default)
    if value is None:
        raise TraceError(f"no {key}, expected a number", line=line)
    if not _is_count(value) or not least <= value <= most:
        raise TraceError(f"{key} is {value!r}, expected a number from {least} to {most}", line=line)
    return int(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
