# SPDX-License-Identifier: Apache-2.0
"""What a log says beside its messages about regions: sums, lists of memblock, and whether the boot went on.

Source: mem_init_print_info(), mm/mm_init.c; memblock_dump_all(), mm/memblock.c; kernel-semantics 5.5, 5.6.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.boot.result import BootOutcome, Exactness, Outcome
from carveout.observe.item import CONTIGUOUS, KERNEL, RAM, RESERVED, Contrast, Item, Standing
from carveout.span import KIB, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.boot.result import Boot, EarlyMemory
    from carveout.observe.log import BootLog
    from carveout.observe.memblock_debug import Dump

_NOMAP = 4
_OF_PLACEMENT = re.compile(
    r"kill init|kill the idle|memblock|page table|memblocks_present|[Ff]ailed to allocate|[Oo]ut of memory|sparse"
)
_MOST_ENTRIES = 50
"""Entries of a list that are told of one by one."""


def compare_totals(boot: Boot, log: BootLog) -> tuple[Item, ...]:
    """Return an item for each sum, list and outcome that the log shows."""
    items = [*_outcome(boot, log)]
    if not boot.ram_known:
        return tuple(items)
    items += _contiguous(boot, log)
    first = log.first_dump if boot.early is not None else None
    dump = first or log.dump
    if dump is not None:
        items += compare_dump(boot, dump, boot.early if boot.early is not None else boot)
    else:
        items += _ram(boot, log)
    return tuple(items)


def _outcome(boot: Boot, log: BootLog) -> list[Item]:
    seen = None if log.panic is None else f"Kernel panic - not syncing: {log.panic}"
    if boot.outcome is BootOutcome.OK:
        if log.panic is None:
            return []
        decides = _OF_PLACEMENT.search(log.panic) is not None
        note = "" if decides else "this panic need not have to do with memory"
        return [_item(KERNEL, "outcome", seen, None, Standing.ONLY_SEEN, decides=decides, note=note)]
    predicted = f"the boot ends: {boot.failure or boot.outcome}"
    if log.panic is not None:
        same = boot.failure is None or boot.failure == log.panic
        contrasts = () if same else (Contrast("panic", log.panic, boot.failure),)
        return [_item(KERNEL, "outcome", seen, predicted, _standing(contrasts), contrasts=contrasts)]
    goes_on = bool(log.memory_line) and log.has_start and (log.last_time or 0.0) > 1.0
    if not goes_on:
        return [
            _item(
                KERNEL, "outcome", None, predicted, Standing.ONLY_PREDICTED, decides=False,
                note="the log does not show whether the boot goes on",
            )
        ]  # fmt: skip
    return [_item(KERNEL, "outcome", "the boot goes on", predicted, Standing.DIFFERS)]


def _contiguous(boot: Boot, log: BootLog) -> list[Item]:
    seen = log.memory_line.get("cma-reserved")
    if seen is None:
        return []
    ours = sum(area.size for area in boot.cma) // KIB
    contrasts = () if seen == ours else (Contrast("KiB", str(seen), str(ours)),)
    return [
        _item(
            CONTIGUOUS, "total", f"{seen}K cma-reserved", f"{ours}K", _standing(contrasts), contrasts=contrasts,
            note="the Memory: line",
        )
    ]  # fmt: skip


def _ram(boot: Boot, log: BootLog) -> list[Item]:
    # The zones are made from whole pages of all memory, no-map memory too.
    if not log.ram:
        return []
    page = boot.scene.page_size
    ours = joined(
        Span(-(-entry.base // page) * page, (entry.base + entry.size) // page * page) for entry in boot.memory
    )
    if log.ram == ours:
        return [_item(RAM, "ranges", spans_text(log.ram), spans_text(ours), Standing.AGREES)]
    contrasts = (Contrast("ranges", spans_text(log.ram), spans_text(ours)),)
    return [
        _item(RAM, "ranges", spans_text(log.ram), spans_text(ours), Standing.DIFFERS, contrasts=contrasts,
              note="Early memory node ranges")
    ]  # fmt: skip


def compare_dump(boot: Boot, dump: Dump, lists: Boot | EarlyMemory) -> list[Item]:
    """Return an item for each entry of memblock's lists that is not the same, and one for each list that is."""
    items = []
    theirs = [(e.base, e.size, bool(e.flags & _NOMAP)) for e in dump.memory]
    ours = [(m.base, m.size, m.nomap) for m in lists.memory]
    items += _list("memory", RAM, merged(theirs), merged(ours))
    if boot.exactness is Exactness.EXACT and not boot.profile.doubts:
        reserved = [(e.base, e.size, False) for e in dump.reserved]
        items += _list("reserved", RESERVED, reserved, _until_dump(boot, lists))
    else:
        items += regions_in(boot, [Span.sized(e.base, e.size) for e in dump.reserved], source="memblock")
    return items


def _until_dump(boot: Boot, lists: Boot | EarlyMemory) -> list[tuple[int, int, bool]]:
    # 7.2 makes the areas for huge pages behind its last dump.
    later = boot.profile.behaviour.hugetlb_cma == "multi"
    return [
        (entry.base, entry.size, False)
        for entry in lists.reserved
        if not (later and entry.who.startswith("hugetlb cma"))
    ]


def regions_in(boot: Boot, reserved: Iterable[Span], *, source: str) -> list[Item]:
    """Return an item for each placed region that is mapped: whether what is reserved holds it."""
    held = joined(reserved)
    ours = joined(Span.sized(entry.base, entry.size) for entry in boot.reserved)
    items = []
    for region in boot.regions:
        if region.base is None or not region.size or region.nomap or region.outcome is not Outcome.PLACED:
            continue
        span = Span.sized(region.base, region.size)
        if not any(Span.sized(one.base, one.size).contains(span) for one in boot.memory):
            continue  # outside RAM: kernels differ in whether they keep it in the list
        if not any(one.contains(span) for one in ours):
            continue  # another region that was given back took a part of it along
        if any(one.contains(span) for one in held):
            items.append(
                _item(region.name, "reserved", "reserved", _place(span), Standing.AGREES, source=source)
            )
        else:
            items.append(
                _item(region.name, "reserved", None, _place(span), Standing.ONLY_PREDICTED, source=source)
            )
    return items


def _list(
    name: str, subject: str, theirs: list[tuple[int, int, bool]], ours: list[tuple[int, int, bool]]
) -> list[Item]:
    if theirs == ours:
        text = f"{len(ours)} entries of `{name}`"
        return [_item(subject, name, text, text, Standing.AGREES, source="memblock")]
    only_seen, only_ours = _left_over(theirs, ours), _left_over(ours, theirs)
    items = []
    for number in range(min(max(len(only_seen), len(only_ours)), _MOST_ENTRIES)):
        seen = _entry(only_seen[number]) if number < len(only_seen) else None
        predicted = _entry(only_ours[number]) if number < len(only_ours) else None
        standing = Standing.DIFFERS
        if seen is None or predicted is None:
            standing = Standing.ONLY_PREDICTED if seen is None else Standing.ONLY_SEEN
        contrasts = (Contrast(name, seen, predicted),)
        items.append(_item(subject, name, seen, predicted, standing, contrasts=contrasts, source="memblock"))
    return items


def _left_over(
    entries: list[tuple[int, int, bool]], others: list[tuple[int, int, bool]]
) -> list[tuple[int, int, bool]]:
    known = set(others)
    return [entry for entry in entries if entry not in known]


def merged(entries: Iterable[tuple[int, int, bool]]) -> list[tuple[int, int, bool]]:
    """Join neighbours with the same mark, ascending."""
    out: list[tuple[int, int, bool]] = []
    for base, size, nomap in sorted(entries):
        if out and out[-1][2] == nomap and out[-1][0] + out[-1][1] == base:
            out[-1] = (out[-1][0], out[-1][1] + size, nomap)
        else:
            out.append((base, size, nomap))
    return out


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans ascending, those that touch or overlap as one; empty ones are left out."""
    out: list[Span] = []
    for span in sorted(span for span in spans if span.size > 0):
        if out and span.start <= out[-1].end:
            out[-1] = Span(out[-1].start, max(out[-1].end, span.end))
        else:
            out.append(span)
    return tuple(out)


def spans_text(spans: Iterable[Span]) -> str:
    """Return spans as the kernel's log has them."""
    shown = [_place(span) for span in spans]
    return ", ".join(shown[:8]) + (f" and {len(shown) - 8} more" if len(shown) > 8 else "")


def _entry(entry: tuple[int, int, bool]) -> str:
    base, size, nomap = entry
    return _place(Span.sized(base, size)) + (" no-map" if nomap else "")


def _place(span: Span) -> str:
    return f"0x{span.start:08x}..0x{span.end - 1:08x}"


def _standing(contrasts: tuple[Contrast, ...]) -> Standing:
    return Standing.DIFFERS if contrasts else Standing.AGREES


def _item(
    subject: str,
    what: str,
    seen: str | None,
    predicted: str | None,
    standing: Standing,
    *,
    contrasts: tuple[Contrast, ...] = (),
    decides: bool = True,
    note: str = "",
    source: str = "log",
) -> Item:
    return Item(
        subject=subject,
        what=what,
        standing=standing,
        decides=decides,
        seen=seen,
        predicted=predicted,
        contrasts=contrasts,
        note=note,
        source=source,
    )
