# SPDX-License-Identifier: Apache-2.0
"""What a running kernel shows of its contiguous areas → which pages are in use: debugfs bitmaps, sysfs counts.

The bitmap is one line of decimal 32-bit words; the lowest bit of the first word is the area's first page. An area of
7.2 can have several ranges, each with a bitmap. sysfs has counts only: how much is in use, not where.
Source: cma 1.7 (mm/cma_debug.c, mm/cma_sysfs.c); recorded files of 5.10 to 7.2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.errors import TraceError
from carveout.pool.runs import extents_of, page_set
from carveout.pool.trace import Extent, PoolKind, PoolSpec
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WORD_BITS = 32
_FULL_WORD = (1 << _WORD_BITS) - 1
_MAX_WORDS = 1 << 24
"""2 TiB of 4 KiB pages."""
_NUMBER_FILES = {
    "count": "pages",
    "base_pfn": "base_pfn",
    "order_per_bit": "order_per_bit",
    "used": "used_pages",
    "total_pages": "pages",
    "available_pages": "available",
}
_RANGE = re.compile(r"ranges/(\d{1,2})/(base_pfn|bitmap)$")
_OLD_PREFIX = "cma-"
_OLD_NAME_LENGTH = 15 - len(_OLD_PREFIX)
"""5.10 cuts the whole directory name at 15 characters."""
_LINE = re.compile(r"^(\S*?/?\S+?):\s?(.*)$")
_MAX_PFN = 1 << 52


class AreaState(NamedTuple):
    """One area at one moment. What was not shown is None."""

    name: str
    """Empty for a bitmap that nobody named."""
    base_pfn: int | None = None
    pages: int | None = None
    order_per_bit: int = 0
    ranges: tuple[Extent, ...] = ()
    """Ascending; only for an area that has several."""
    used: tuple[Extent, ...] | None = None
    """Where pages are in use; with base_pfn None counted from the area's start. None: only counts are known."""
    used_pages: int | None = None


def read_area_files(files: Mapping[str, str]) -> tuple[AreaState, ...]:
    """Return the areas that files of /sys/kernel/debug/cma or /sys/kernel/mm/cma show, by name.

    files: path → content. A path ends in `AREA/FILE` or `AREA/ranges/N/FILE`. Raises: TraceError.
    """
    areas: dict[str, dict[str, str]] = {}
    for path, content in files.items():
        name, file = _split(path)
        if name:
            areas.setdefault(name, {})[file] = content
    states = [_area(name, shown) for name, shown in sorted(areas.items())]
    return tuple(state for state in states if state is not None)


def read_state_text(lines: Iterable[str]) -> tuple[AreaState, ...]:
    """Return the areas in a text of `PATH: CONTENT` lines, as `grep -r . DIR` prints, or in a bitmap alone.

    Raises: TraceError when it is neither.
    """
    files: dict[str, str] = {}
    bare: list[str] = []
    for line in lines:
        text = line.strip()
        if text[:1].isdigit() and ":" not in text:
            bare.append(text)
            continue
        found = _LINE.match(text)
        if found and "/" in found[1]:
            files[found[1]] = found[2]
    if files:
        states = read_area_files(files)
        if states:
            return states
    if bare:
        words = [word for text in bare for word in _words(text, "the bitmap")]
        return (AreaState("", pages=len(words) * _WORD_BITS, used=tuple(_bits(words, 0, 0))),)
    raise TraceError(
        "shows no area: expected a bitmap in decimal words, or lines such as "
        "'/sys/kernel/debug/cma/NAME/bitmap: 4294967295 0 ...'"
    )


def pools_with_state(pools: Sequence[PoolSpec], states: Sequence[AreaState]) -> tuple[PoolSpec, ...]:
    """Return the pools with what the states say about place, size and use; areas that only a state knows are added.

    Raises: TraceError for a state that cannot be of any of the pools.
    """
    result = list(pools)
    for state in states:
        index = _match(result, state)
        if index is None:
            added = _pool(state, len(result), result)
            if added is not None:
                result.append(added)
            continue
        result[index] = _merged(result[index], state)
    return tuple(result)


def _split(path: str) -> tuple[str, str]:
    # (area, file below it); the area is empty when the path is about none.
    parts = [part for part in path.replace("\\", "/").split("/") if part]
    if len(parts) >= 4 and parts[-3] == "ranges":
        return _area_name(parts[-4]), "/".join(parts[-3:])
    if len(parts) >= 2 and (parts[-1] in _NUMBER_FILES or parts[-1] == "bitmap"):
        return _area_name(parts[-2]), parts[-1]
    return "", ""


def _area_name(folder: str) -> str:
    return folder.removeprefix(_OLD_PREFIX)


def _area(name: str, shown: Mapping[str, str]) -> AreaState | None:
    numbers = {
        field: _number(shown[file], f"{name}/{file}")
        for file, field in _NUMBER_FILES.items()
        if file in shown and shown[file].strip()
    }
    order = numbers.get("order_per_bit", 0)
    if order > _WORD_BITS:
        raise TraceError(f"{name}/order_per_bit: {order} is no order of pages")
    ranges = _ranges(name, shown, order)
    base, pages = numbers.get("base_pfn"), numbers.get("pages")
    used: tuple[Extent, ...] | None = None
    if len(ranges) > 1:
        base = ranges[0][0].pfn
        used = extents_of(page_set(extent for _, found in ranges for extent in found))
    else:
        bitmap = shown.get("bitmap") or shown.get("ranges/0/bitmap")
        base = ranges[0][0].pfn if ranges and base is None else base
        if bitmap and bitmap.strip():
            words = _words(bitmap, f"{name}/bitmap")
            used = tuple(
                _clipped(_bits(words, base or 0, order), (base or 0) + (pages or len(words) << 5 + order))
            )
    used_pages = numbers.get("used_pages")
    if used_pages is None and pages is not None and "available" in numbers:
        used_pages = pages - numbers["available"]
    if base is None and pages is None and used is None:
        return None
    return AreaState(
        name=name,
        base_pfn=base,
        pages=pages,
        order_per_bit=order,
        ranges=tuple(extent for extent, _ in ranges) if len(ranges) > 1 else (),
        used=used,
        used_pages=used_pages,
    )


def _ranges(name: str, shown: Mapping[str, str], order: int) -> list[tuple[Extent, list[Extent]]]:
    found: list[tuple[Extent, list[Extent]]] = []
    numbers = sorted({int(match[1]) for match in map(_RANGE.search, shown) if match})
    for number in numbers:
        base_text = shown.get(f"ranges/{number}/base_pfn")
        bitmap = shown.get(f"ranges/{number}/bitmap", "")
        if base_text is None:
            continue
        base = _number(base_text, f"{name}/ranges/{number}/base_pfn")
        words = _words(bitmap, f"{name}/ranges/{number}/bitmap")
        found.append((Extent(base, len(words) * _WORD_BITS << order), list(_bits(words, base, order))))
    return sorted(found)


def _words(text: str, what: str) -> list[int]:
    parts = text.split()
    if len(parts) > _MAX_WORDS:
        raise TraceError(f"{what}: more than {_MAX_WORDS} words")
    words = []
    for number, part in enumerate(parts, 1):
        if not (part.isascii() and part.isdigit()) or len(part) > 10 or int(part) > _FULL_WORD:
            raise TraceError(f"{what}: word {number}, '{part[:40]}', is no decimal 32-bit number")
        words.append(int(part))
    return words


def _bits(words: Sequence[int], base: int, order: int) -> Iterable[Extent]:
    # Runs of set bits, in pages from `base` on.
    start: int | None = None
    for index, word in enumerate(words):
        at = index * _WORD_BITS
        if word in (0, _FULL_WORD):
            if word and start is None:
                start = at
            elif not word and start is not None:
                yield _run(start, at, base, order)
                start = None
            continue
        for bit in range(_WORD_BITS):
            is_set = word >> bit & 1
            if is_set and start is None:
                start = at + bit
            elif not is_set and start is not None:
                yield _run(start, at + bit, base, order)
                start = None
    if start is not None:
        yield _run(start, len(words) * _WORD_BITS, base, order)


def _run(start: int, end: int, base: int, order: int) -> Extent:
    return Extent(base + (start << order), end - start << order)


def _clipped(extents: Iterable[Extent], end: int) -> Iterable[Extent]:
    # The last word may have bits behind the area's end; they mean nothing.
    for extent in extents:
        if extent.pfn < end:
            yield Extent(extent.pfn, min(extent.end, end) - extent.pfn)


def _number(text: str, what: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 16 or int(digits) > _MAX_PFN:
        raise TraceError(f"{what}: '{digits[:40]}' is no count of pages")
    return int(digits)


def _match(pools: Sequence[PoolSpec], state: AreaState) -> int | None:
    contiguous = [index for index, pool in enumerate(pools) if pool.kind.is_contiguous]
    for index in contiguous:
        if state.name == pools[index].name:
            return index
    if state.base_pfn is not None:
        for index in contiguous:
            if pools[index].base_pfn == state.base_pfn:
                return index
    if len(state.name) == _OLD_NAME_LENGTH:
        cut = [index for index in contiguous if pools[index].name.startswith(state.name)]
        if len(cut) == 1:
            return cut[0]
    return contiguous[0] if not state.name and len(contiguous) == 1 else None


def _pool(state: AreaState, number: int, pools: Sequence[PoolSpec]) -> PoolSpec | None:
    if state.base_pfn is None or state.pages is None:
        if state.name:
            return None
        raise TraceError(
            "a bitmap alone does not say of which area it is: --area NAME=SIZE@BASE, or --board and --pool, say it"
        )
    taken = {pool.id for pool in pools}
    id_ = next(str(n) for n in range(number, number + len(taken) + 1) if str(n) not in taken)
    return PoolSpec(
        id=id_,
        name=state.name or "area",
        base_pfn=state.base_pfn,
        pages=state.pages,
        kind=PoolKind.CMA,
        order_per_bit=state.order_per_bit,
        ranges=state.ranges,
        initially=state.used or (),
    )


def _merged(pool: PoolSpec, state: AreaState) -> PoolSpec:
    base = pool.base_pfn if state.base_pfn is None else state.base_pfn
    # A bitmap alone is padded to whole words: a known size stays.
    pages = state.pages if state.pages is not None and state.name else pool.pages
    used = state.used
    if used is None:
        return replace(pool, base_pfn=base, pages=pages)
    if state.base_pfn is None:
        used = tuple(Extent(extent.pfn + base, extent.pages) for extent in used)
    end = base + pages
    if not state.ranges and used and used[-1].end > end:
        raise TraceError(
            f"{pool.name}: the bitmap has pages in use up to {used[-1].end - base}, the area has {pages}"
        )
    return replace(
        pool,
        base_pfn=base,
        pages=pages,
        order_per_bit=state.order_per_bit,
        ranges=state.ranges or pool.ranges,
        initially=used,
    )
