# SPDX-License-Identifier: Apache-2.0
"""A simulated boot against the files of a running machine: /proc/iomem, memblock's lists, contiguous areas, meminfo.

These show a later moment than the log: what the kernel reserved for a while is free again, and what it allocated
since is there. So regions and areas have to be found in them; what else they hold is not a difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Outcome
from carveout.observe.iomem import is_hidden
from carveout.observe.item import CONTIGUOUS, RAM, Contrast, Item, Standing
from carveout.observe.totals import joined, regions_in, spans_text
from carveout.span import KIB, Span, round_down, round_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from carveout.boot.result import Boot, CmaArea
    from carveout.observe.iomem import Resource
    from carveout.observe.memory_files import MemblockLists, SeenArea

_RAM = "System RAM"
_RESERVED = "reserved"
_SHOWS_RESERVED = ("arm64",)
"""Architectures whose /proc/iomem has an entry for what is reserved inside System RAM."""
_SHOWS_NOMAP = ("arm64", "riscv64")
"""Architectures whose /proc/iomem has an entry for no-map memory."""


def compare_iomem(boot: Boot, resources: Sequence[Resource]) -> tuple[Item, ...]:
    """Return an item for the RAM, and one for each placed region."""
    if not resources or is_hidden(resources) or not boot.ram_known:
        return ()
    page = boot.scene.page_size
    top = [resource.span for resource in resources if resource.depth == 0 and resource.name == _RAM]
    apart = [
        resource.span for resource in resources if resource.depth == 0 and resource.name.lower() == _RESERVED
    ]
    items = [_ram(boot, top, apart, page)]
    items += _nomap_regions(boot, top, apart)
    if boot.scene.arch in _SHOWS_RESERVED:
        inside = [
            resource.span
            for resource in resources
            if resource.depth > 0 and resource.name.lower() == _RESERVED
        ]
        kernel = [r.span for r in resources if r.depth > 0 and r.name.startswith("Kernel ")]
        items += regions_in(boot, [*inside, *kernel, *apart], source="iomem")
    return tuple(items)


def _ram(boot: Boot, top: Iterable[Span], apart: Iterable[Span], page: int) -> Item:
    is_with_nomap = boot.scene.arch in _SHOWS_NOMAP
    seen = _whole_pages([*top, *(apart if is_with_nomap else ())], page)
    ours = _whole_pages(
        [Span.sized(entry.base, entry.size) for entry in boot.memory if is_with_nomap or not entry.nomap],
        page,
    )
    if is_with_nomap:
        seen = _inside(_without_slits(seen, page), ours)
    text, predicted = spans_text(seen), spans_text(ours)
    if seen == ours:
        return Item(
            subject=RAM,
            what="iomem",
            standing=Standing.AGREES,
            seen=text,
            predicted=predicted,
            source="iomem",
        )
    return Item(
        subject=RAM,
        what="iomem",
        standing=Standing.DIFFERS,
        seen=text,
        predicted=predicted,
        contrasts=(Contrast("ranges", text, predicted),),
        source="iomem",
    )


def _without_slits(spans: Sequence[Span], page: int) -> tuple[Span, ...]:
    # A border inside a page, beside a no-map region, may cost a page on either side (kernel-semantics 5.5).
    out: list[Span] = []
    for span in spans:
        if out and span.start - out[-1].end <= 2 * page:
            out[-1] = Span(out[-1].start, span.end)
        else:
            out.append(span)
    return tuple(out)


def _inside(seen: Sequence[Span], ours: Sequence[Span]) -> tuple[Span, ...]:
    # Entries of their own may lie outside RAM. They do not count, as long as nothing of RAM is missing.
    if not all(any(a.contains(b) for a in seen) for b in ours):
        return tuple(seen)
    return joined(Span(max(a.start, b.start), min(a.end, b.end)) for a in seen for b in ours if a.overlaps(b))


def _whole_pages(spans: Iterable[Span], page: int) -> tuple[Span, ...]:
    # Borders inside a page are rounded one way or the other, by kernel and by what lies on both sides.
    return joined(
        Span(round_down(span.start, page), round_up(span.end, page)) for span in spans if span.size > 0
    )


def _nomap_regions(boot: Boot, top: Sequence[Span], apart: Sequence[Span]) -> list[Item]:
    items, page = [], boot.scene.page_size
    memory = [Span.sized(m.base, m.size) for m in boot.memory if m.nomap]
    for region in boot.regions:
        if not region.nomap or region.base is None or not region.size or region.outcome is not Outcome.PLACED:
            continue
        span = Span.sized(region.base, region.size)
        if boot.scene.arch in _SHOWS_NOMAP:
            if not any(one.overlaps(span) for one in memory):
                continue  # outside RAM: nothing is recorded of it
            whole = Span(round_up(span.start, page), round_down(span.end, page))
            good = whole.size <= 0 or any(one.contains(whole) for one in joined(apart))
        else:
            good = not any(one.overlaps(span) for one in top)
        where = f"0x{span.start:08x}..0x{span.end - 1:08x} outside System RAM"
        items.append(
            Item(
                subject=region.name,
                what="iomem",
                standing=Standing.AGREES if good else Standing.DIFFERS,
                seen=where if good else "not all of it is outside System RAM",
                predicted=where,
                contrasts=() if good else (Contrast("no-map", "System RAM", "outside System RAM"),),
                source="iomem",
            )
        )
    return items


def compare_lists(boot: Boot, lists: MemblockLists) -> tuple[Item, ...]:
    """Return an item for `memory`, and one for each region that `reserved` should hold."""
    if not boot.ram_known:
        return ()
    items: list[Item] = []
    if lists.memory is not None:
        items += _memory_list(boot, lists)
    if lists.reserved is not None:
        items += regions_in(boot, [entry.span for entry in lists.reserved], source="memblock")
    return tuple(items)


def _memory_list(boot: Boot, lists: MemblockLists) -> list[Item]:
    entries = lists.memory or ()
    items = [_spans_item(joined(e.span for e in entries), joined(_spans(boot, nomap=None)), "memory")]
    if all(entry.is_nomap is not None for entry in entries):
        nomap = joined(entry.span for entry in entries if entry.is_nomap)
        items.append(_spans_item(nomap, joined(_spans(boot, nomap=True)), "no-map"))
    return items


def _spans(boot: Boot, *, nomap: bool | None) -> list[Span]:
    return [Span.sized(m.base, m.size) for m in boot.memory if nomap is None or m.nomap is nomap]


def _spans_item(seen: tuple[Span, ...], ours: tuple[Span, ...], what: str) -> Item:
    text, predicted = spans_text(seen), spans_text(ours)
    same = seen == ours
    return Item(
        subject=RAM,
        what=what,
        standing=Standing.AGREES if same else Standing.DIFFERS,
        seen=text,
        predicted=predicted,
        contrasts=() if same else (Contrast(what, text or "nothing", predicted or "nothing"),),
        source="memblock",
    )


def compare_areas(boot: Boot, areas: Sequence[SeenArea]) -> tuple[Item, ...]:
    """Return an item for each contiguous area that was seen or predicted."""
    page = boot.scene.page_size
    left = [area for area in boot.cma if area.activated]
    items = []
    for seen in areas:
        ours = _match(seen, left, page)
        if ours is not None:
            left.remove(ours)
        items.append(_area(seen, ours, page, is_known=boot.ram_known))
    items += [
        Item(
            subject=area.name,
            what="area",
            standing=Standing.ONLY_PREDICTED,
            decides=boot.ram_known,
            predicted=f"0x{area.base:x}, size 0x{area.size:x}",
            source="cma",
        )
        for area in left
    ]
    return tuple(items)


def _match(seen: SeenArea, areas: Sequence[CmaArea], page: int) -> CmaArea | None:
    named = [area for area in areas if area.name == seen.name]
    if not named and seen.base_pfn is not None:
        named = [area for area in areas if area.base == seen.base_pfn * page]
    return named[0] if named else None


def _area(seen: SeenArea, ours: CmaArea | None, page: int, *, is_known: bool) -> Item:
    base = None if seen.base_pfn is None else seen.base_pfn * page
    size = None if seen.pages is None else seen.pages * page
    parts = [f"0x{base:x}"] if base is not None else []
    parts += [f"size 0x{size:x}"] if size is not None else []
    if seen.used is not None:
        parts.append(f"{seen.used} of {seen.pages} pages used")
    text = ", ".join(parts) or "there"
    if ours is None:
        return Item(
            subject=seen.name,
            what="area",
            standing=Standing.ONLY_SEEN,
            decides=is_known,
            seen=text,
            source="cma",
        )
    contrasts = []
    if base is not None and base != ours.base:
        contrasts.append(Contrast("base", f"0x{base:x}", f"0x{ours.base:x}"))
    if size is not None and size != ours.size:
        contrasts.append(Contrast("size", f"0x{size:x}", f"0x{ours.size:x}"))
    if seen.name != ours.name:
        contrasts.append(Contrast("name", seen.name, ours.name))
    return Item(
        subject=ours.name,
        what="area",
        standing=Standing.DIFFERS if contrasts else Standing.AGREES,
        seen=text,
        predicted=f"0x{ours.base:x}, size 0x{ours.size:x}",
        contrasts=tuple(contrasts),
        source="cma",
    )


def compare_meminfo(boot: Boot, meminfo: Mapping[str, int]) -> tuple[Item, ...]:
    """Return an item for the sum of the contiguous areas."""
    seen = meminfo.get("CmaTotal")
    if seen is None or not boot.ram_known:
        return ()
    ours = sum(area.size for area in boot.cma if area.activated) // KIB
    contrasts = () if seen == ours else (Contrast("KiB", str(seen), str(ours)),)
    return (
        Item(
            subject=CONTIGUOUS,
            what="total",
            standing=Standing.DIFFERS if contrasts else Standing.AGREES,
            seen=f"CmaTotal: {seen} kB",
            predicted=f"{ours} kB",
            contrasts=contrasts,
            source="meminfo",
        ),
    )
