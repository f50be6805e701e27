# SPDX-License-Identifier: Apache-2.0
"""One line of trace text → an event, as the tracing file system, `trace-cmd report` and `perf script` print it.

What is in front of an event differs between the three, and between kernels; the event's own text is the kernel's.
An event is therefore looked for first, and task and time are then read from what stands directly before it.
Source: cma 1.7, the `format` files of 5.10, 6.1, 6.12 and 7.2; trace-cmd-report(1), perf-script(1).
"""

from __future__ import annotations

import re

from carveout.values import NamedTuple

MAX_LINE = 1 << 14
"""Characters. No line of a trace is longer; a longer one is cut off and then does not parse."""

_EVENT = re.compile(
    r"(?:^|\s)(?:cma:|migrate:)?(cma_alloc|cma_alloc_start|cma_alloc_finish|cma_alloc_busy_retry|cma_alloc_info"
    r"|cma_release|mm_migrate_pages):(?:\s|$)"
)
# What stands before an event: `comm-pid (tgid) [cpu] flags time:`, or `comm pid/tid [cpu] time:` from perf.
_BEFORE = re.compile(
    r"(?:^|[-\s])(?:\d+/)?(\d+)\s+(?:\([\s\d-]{1,12}\)\s+)?(?:\[\d+\]\s+)?(?:[^\s\d\[(][^\s:\[(]{2,9}\s+)?(\d+(?:\.\d+)?):$"
)
_BEFORE_LENGTH = 160
_ANY_EVENT = re.compile(r"\s\d+(?:\.\d+)?:\s+\S")
_CUT_OFF = re.compile(r"\d:\s+(?:cma:)?cma_[a-z_]*$")
_LOST = re.compile(r"^\s*CPU:\s*\d+ \[(?:LOST (\d+ )?EVENTS|(\d+ )?EVENTS DROPPED)\]")
_PERF_LOST = re.compile(r"PERF_RECORD_LOST(?:_SAMPLES)?\b\D*(\d+)?")
_OVERWRITTEN = re.compile(r"^#\s*entries-in-buffer/entries-written:\s*(\d+)/(\d+)")
# Lines that go with events or with a report, and say nothing about pools.
_REPORT = re.compile(
    r"^\s*(?:cpus\s*=|version\s*=|CPU \d+ is empty|=>|<stack trace>|[0-9a-f]{6,16}\s|trace-cmd )"
)
_FIELD = re.compile(r"(\w+)=(\S+)")

# What an event must say so that it can be used; `|` between names of which one is enough.
_NEEDED = {
    "cma_alloc": ("pfn", "count", "align"),
    "cma_alloc_start": ("name", "count|request_count", "align"),
    "cma_alloc_finish": ("name", "pfn", "count", "align"),
    "cma_alloc_busy_retry": ("name", "pfn", "count", "align"),
    "cma_alloc_info": ("nr_migrated",),
    "cma_release": ("pfn", "count"),
    "mm_migrate_pages": ("nr_succeeded", "nr_failed"),
}
_MAX_DIGITS = 20
_MAX_ALIGN = 52
_MAX_NAME = 200
_ADDRESS_BITS = 64


class Event(NamedTuple):
    """One event about contiguous memory. Numbers are checked; what an event does not have is None."""

    kind: str
    """The event's name: `cma_alloc_start`, `cma_release`, `mm_migrate_pages`, ..."""
    task: int
    """Thread id."""
    time: float
    """Seconds in the trace's clock."""
    name: str | None = None
    """The area; None on 5.10, whose events do not say it."""
    pfn: int | None = None
    pages: int = 0
    align: int = 0
    errno: int | None = None
    """Negative, or 0 for success; None: this kernel's events have none."""
    is_null: bool = False
    """The event gives no page: the request failed."""
    total: int | None = None
    """Pages of the area, where the event says it (7.2)."""
    available: int | None = None
    """Free pages of the area before the request (7.2)."""
    migrated: int = 0
    not_migrated: int = 0
    has_prefix: bool = True
    """The pfn is printed with 0x, as mainline does since events have names."""


class Lost(NamedTuple):
    """The recording says that events are missing here. events: None when it does not say how many."""

    events: int | None
    at_start: bool = False
    """Overwritten before the first event that is left: the capture begins late."""


class LineError(ValueError):
    """A line that is no trace text, or an event that does not say what it must."""


def parse_line(line: str) -> Event | Lost | None:
    """Return what a line says about pools; None for comments and for events about something else.

    Raises: LineError for a line that has no form known here, or an event that is cut off.
    """
    found = _EVENT.search(line)
    if found is None:
        return _other(line)
    before = _BEFORE.search(line[: found.start()].rstrip()[-_BEFORE_LENGTH:])
    if before is None:
        raise LineError(f"no 'task-pid [cpu] time:' in front of {found[1]}")
    fields = dict(_FIELD.findall(line, found.end()))
    kind = found[1]
    for needed in _NEEDED[kind]:
        if not any(name in fields for name in needed.split("|")):
            raise LineError(f"{kind} without {needed.replace('|', ' or ')}: the line is cut off or damaged")
    return _event(kind, int(before[1][-_MAX_DIGITS:]), float(before[2]), fields)


def _event(kind: str, task: int, time: float, fields: dict[str, str]) -> Event:
    pages_field = "request_count" if "request_count" in fields else "count"
    page = fields.get("page")
    pfn = fields.get("pfn")
    align = _decimal(fields, "align") or 0
    if align > _MAX_ALIGN:
        raise LineError(f"align={align} is no order of pages")
    pages = _decimal(fields, pages_field)
    if pages == 0:
        raise LineError(f"{pages_field}=0: no request is for 0 pages")
    return Event(
        kind=kind,
        task=task,
        time=time,
        name=fields["name"][:_MAX_NAME] if "name" in fields else None,
        pfn=None if pfn is None else _hexadecimal(pfn),
        pages=pages or 0,
        align=align,
        errno=_errno(fields),
        is_null=page is not None and page.strip("()0x") in ("", "null", "nil"),
        total=_decimal(fields, "total_count"),
        available=_decimal(fields, "available_count"),
        migrated=_decimal(fields, "nr_succeeded") or _decimal(fields, "nr_migrated") or 0,
        not_migrated=_decimal(fields, "nr_failed") or 0,
        has_prefix=pfn is None or pfn[:2] == "0x",
    )


def _other(line: str) -> Lost | None:
    # Everything that is no event of ours: said to be lost, harmless, or no trace text at all.
    if not line or line.isspace():
        return None
    if line[0] == "#":
        written = _OVERWRITTEN.match(line)
        if written is None:
            return None
        missing = int(written[2][-_MAX_DIGITS:]) - int(written[1][-_MAX_DIGITS:])
        return Lost(missing, at_start=True) if missing > 0 else None
    lost = _LOST.match(line)
    if lost is not None:
        count = lost[1] or lost[2]
        return Lost(int(count[-_MAX_DIGITS:]) if count else None)
    perf = _PERF_LOST.search(line)
    if perf is not None:
        return Lost(int(perf[1][-_MAX_DIGITS:]) if perf[1] else None)
    start = line[:_BEFORE_LENGTH]
    if _CUT_OFF.search(line.rstrip()[-40:]):
        raise LineError("an event is cut off")
    if _ANY_EVENT.search(start) or _REPORT.match(start):
        return None
    raise LineError("is no line of a trace")


def _decimal(fields: dict[str, str], name: str) -> int | None:
    text = fields.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
        raise LineError(f"{name}={text[:40]} is no number")
    return int(text)


def _errno(fields: dict[str, str]) -> int | None:
    text = fields.get("errorno")
    if text is None:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 5:
        raise LineError(f"errorno={text[:40]} is no number")
    return -abs(int(digits))


def _hexadecimal(text: str) -> int:
    digits = text.removeprefix("0x")
    if not digits.isalnum() or len(digits) > _ADDRESS_BITS // 4:
        raise LineError(f"pfn={text[:40]} is no page frame number")
    try:
        return int(digits, 16)
    except ValueError as error:
        raise LineError(f"pfn={text[:40]} is no page frame number") from error
