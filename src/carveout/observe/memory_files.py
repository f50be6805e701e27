# SPDX-License-Identifier: Apache-2.0
"""What files of debugfs, sysfs and /proc say about memory: memblock's lists, contiguous areas, meminfo.

Source: memblock_debug_show(), mm/memblock.c; mm/cma_debug.c; mm/cma_sysfs.c; meminfo_proc_show()
(kernel-semantics 5.5); recorded files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.errors import ObservationError
from carveout.span import Span
from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENTRY = re.compile(
    r"^\s*(\d{1,9}): (0x[0-9a-fA-F]{1,16})\.\.(0x[0-9a-fA-F]{1,16})(?:\s+(-?\d{1,9}|x)\s+(\S{1,200}))?\s*$"
)
_LIST_NAME = re.compile(r"\b(memory|reserved|physmem)\b")
_MOST_LINES = 100_000
_MEMINFO = re.compile(r"^(\w[\w()]{0,60}):\s+(\d{1,15}) kB\s*$")
_AREA_FILE = re.compile(
    r"^(?:.*/)?(?P<area>[^/]{1,255})/(?:ranges/(?P<range>\d{1,4})/)?(?P<file>[a-z_]{1,40})$"
)
_NUMBER = re.compile(r"^\s*(\d{1,19})\s*$")
_OLD_PREFIX = "cma-"
_PAGE = 4096


class ListedRange(NamedTuple):
    """One entry of a memblock list. flags: as the kernel names them; None where it does not show them."""

    span: Span
    node: int | None
    flags: tuple[str, ...] | None

    @property
    def is_nomap(self) -> bool | None:
        """Whether it is marked NOMAP; None where flags are not shown."""
        return None if self.flags is None else "NOMAP" in self.flags


class MemblockLists(NamedTuple):
    """The lists; None for one that was not given."""

    memory: tuple[ListedRange, ...] | None
    reserved: tuple[ListedRange, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenArea:
    """One contiguous area. Pages of the kernel's size; None for what its files do not say."""

    name: str
    base_pfn: int | None = None
    pages: int | None = None
    used: int | None = None
    largest_free: int | None = None
    failed: int | None = None
    """Pages that could not be allocated, since the start."""


def parse_memblock(texts: Mapping[str, str]) -> MemblockLists:
    """Return memblock's lists from files of debugfs, by name. One text may hold both lists, each below its name.

    Raises: ObservationError.
    """
    lists: dict[str, list[ListedRange]] = {}
    for name, text in texts.items():
        current = _list_in(name)
        lines = text.splitlines()
        if len(lines) > _MOST_LINES:
            raise ObservationError(f"{name}: has {len(lines)} lines, which is no list of memblock")
        for number, line in enumerate(lines, 1):
            head, entry = _split(line)
            current = _list_in(head) or current
            if entry is None:
                if line.strip() and _list_in(line) is None:
                    raise ObservationError(
                        f"{name}: line {number}: expected 'N: 0xFIRST..0xLAST' as in /sys/kernel/debug/memblock"
                    )
                continue
            if current is None:
                raise ObservationError(
                    f"{name}: is it `memory` or `reserved`? Name the file so, or put a line with the name above the list"
                )
            lists.setdefault(current, []).append(entry)
        if current is not None:
            lists.setdefault(current, [])
    return MemblockLists(
        memory=tuple(lists["memory"]) if "memory" in lists else None,
        reserved=tuple(lists["reserved"]) if "reserved" in lists else None,
    )


def _split(line: str) -> tuple[str, ListedRange | None]:
    # `grep . FILES` puts the path of the file in front.
    match = _ENTRY.match(line)
    head = ""
    if match is None and ":" in line:
        head, _, rest = line.partition(":")
        match = _ENTRY.match(rest)
    if match is None:
        return (line, None) if _list_in(line) else ("", None)
    first, last = int(match[2], 16), int(match[3], 16)
    flags = None if match[5] is None else tuple(flag for flag in match[5].split("|") if flag != "NONE")
    node = None if match[4] in (None, "x") else int(match[4])
    return head, ListedRange(Span(first, last + 1), node, flags)


def _list_in(text: str) -> str | None:
    found = _LIST_NAME.findall(text.rpartition("/")[2] or text)
    return found[-1] if found else None


def parse_cma(files: Mapping[str, str]) -> tuple[SeenArea, ...]:
    """Return the contiguous areas from the files of /sys/kernel/debug/cma or /sys/kernel/mm/cma, by relative path."""
    areas: dict[str, dict[str, int]] = {}
    for path, text in files.items():
        match = _AREA_FILE.match(path)
        if match is None:
            continue
        values = areas.setdefault(match["area"].removeprefix(_OLD_PREFIX), {})
        number = _NUMBER.match(text)
        if number is not None and match["range"] in (None, "0"):
            values.setdefault(match["file"], int(number[1]))
    return tuple(
        SeenArea(
            name=name,
            base_pfn=values.get("base_pfn"),
            pages=values.get("count", values.get("total_pages")),
            used=_used(values),
            largest_free=values.get("maxchunk"),
            failed=values.get("alloc_pages_fail"),
        )
        for name, values in sorted(areas.items())
    )


def _used(values: Mapping[str, int]) -> int | None:
    if "used" in values:
        return values["used"]
    if "total_pages" in values and "available_pages" in values:
        return values["total_pages"] - values["available_pages"]
    return None


def cma_files(text: str) -> Mapping[str, str]:
    """Return files by path from a text with a line `PATH: CONTENT` for each, as `grep . -r` prints them.

    Raises: ObservationError when no line is of that form.
    """
    found: dict[str, str] = {}
    for line in text.splitlines()[:_MOST_LINES]:
        path, colon, content = line.partition(":")
        if colon and "/" in path:
            found[path] = content
    if not found:
        raise ObservationError(
            "expected lines 'AREA/FILE: CONTENT', as `grep -r . /sys/kernel/debug/cma` prints them"
        )
    return found


def parse_meminfo(text: str) -> Mapping[str, int]:
    """Return the values of /proc/meminfo in KiB, by name. Raises: ObservationError when there is none."""
    values = {}
    for line in text.splitlines()[:_MOST_LINES]:
        match = _MEMINFO.match(line)
        if match is not None:
            values[match[1]] = int(match[2])
    if not values:
        raise ObservationError("expected lines 'NAME: N kB' as in /proc/meminfo")
    return values
