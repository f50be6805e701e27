# SPDX-License-Identifier: Apache-2.0
"""Physical memory as ascending spans to show: what the text map and the picture are both drawn from.

A boot tells the same bytes several times: a region, the claim it made, the merged entry of memblock's
reserved list. Here each byte that somebody holds is given to the most telling of them, once:

1. regions that were placed, with their further `reg` entries;
2. contiguous memory areas that no region of the tree made (the default area);
3. claims, less what 1 and 2 already tell; kernel, tree and initrd whole, since a region on them harms them;
4. no-map memory and reserved ranges that none of those explain.

What is left of RAM is free, and what is left between the banks is a hole.

The records are named tuples: they cost a fifth of what dataclasses cost at start-up.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.boot.result import Exactness, Outcome
from carveout.report.intervals import gaps, intersect, subtract, total, union
from carveout.span import MIB, Span
from carveout.units import address_digits
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from carveout.boot.device_result import RegionDeviceResult
    from carveout.boot.result import Boot, CmaArea, ConsumerResult, PlacedRegion

# Early allocations closer together than this are one row: page tables lie in dozens of single pages.
_EARLY_GAP = 1 * MIB

# Naming more neighbours than this in one row helps nobody, and keeps a tree of 10,000 regions at one
# address from costing 10,000 squared.
_MAX_OVERLAPS = 3


class SpanKind(StrEnum):
    """What holds a span."""

    FREE = "free"
    HOLE = "hole"
    REGION = "region"
    CMA = "cma"
    KERNEL = "kernel"
    DTB = "dtb"
    INITRD = "initrd"
    FIRMWARE = "firmware"
    """Kept by firmware or boot loader: reserve map, reserved-ranges, no-map memory of the EFI map."""
    EARLY = "early"
    """Page tables and other allocations of the kernel before the page allocator runs."""


_CLAIM_KINDS: Mapping[str, tuple[SpanKind, str]] = {
    "kernel": (SpanKind.KERNEL, "kernel image"),
    "dtb": (SpanKind.DTB, "device tree blob"),
    "initrd": (SpanKind.INITRD, "initrd"),
    "memreserve": (SpanKind.FIRMWARE, "/memreserve/"),
    "reserved-ranges": (SpanKind.FIRMWARE, "reserved-ranges"),
    "default cma": (SpanKind.CMA, "default CMA area"),
}


# What is in memory when the kernel starts. Whoever writes over it must be seen.
_IMAGES = frozenset({"kernel", "dtb", "initrd"})


class DisplaySpan(NamedTuple):
    """One row of a map. `span` in bytes, end exclusive."""

    span: Span
    kind: SpanKind
    label: str
    exactness: Exactness = Exactness.EXACT
    region: PlacedRegion | None = None
    cma: CmaArea | None = None
    users: tuple[ConsumerResult, ...] = ()
    device: RegionDeviceResult | None = None
    """The platform device that the kernel makes of the region."""
    remark: str = ""
    """What a reader has to know beyond the label, for example that a released region stays reserved."""
    pieces: int = 1
    """How many allocations a summarised row stands for."""
    used: int = 0
    """Bytes really held; less than the span's size only in a summarised row."""
    in_ram: bool = True
    overlaps: tuple[str, ...] = ()
    """Labels of rows that hold some of the same bytes."""


class Totals(NamedTuple):
    """Sums over RAM, in bytes."""

    ram: int
    nomap: int
    reserved: int
    """Reserved in RAM that is mapped; with the contiguous areas."""
    cma: int
    """Contiguous areas, lent to the system for movable pages until a driver asks."""

    @property
    def system(self) -> int:
        """What the system can use: RAM less no-map and reserved, and what the contiguous areas lend."""
        return self.ram - self.nomap - self.reserved + self.cma


class Layout(NamedTuple):
    """A boot, prepared for showing."""

    spans: tuple[DisplaySpan, ...]
    """Ascending; free RAM and holes included when RAM is known."""
    banks: tuple[Span, ...]
    """RAM, neighbours joined; empty when RAM is unknown."""
    totals: Totals | None
    """None when RAM is unknown."""
    failed: tuple[PlacedRegion, ...]
    """Asked for memory and did not get it, or nobody can tell; tree order."""
    dropped: tuple[PlacedRegion, ...]
    """Released or ignored, tree order."""
    failing: tuple[ConsumerResult, ...]
    """Consumers whose driver gets an error, enabled ones first."""
    digits: int
    """Hexadecimal digits that every address of this map fits in."""


_NOT_PLACED = (Outcome.RESERVE_FAILED, Outcome.ALLOC_FAILED, Outcome.UNKNOWN)


def lay_out(boot: Boot, *, collapse: bool = True) -> Layout:
    """Return the rows of a map of `boot`. collapse: summarise early allocations that lie close together."""
    banks = union(Span.sized(entry.base, entry.size) for entry in boot.memory) if boot.ram_known else []
    held = _held(boot)
    held.sort(key=lambda row: (row.span.start, -row.span.end, row.label))
    held = _mark_overlaps(_mark_outside(held, banks))
    rows = _join_early(held, _EARLY_GAP if collapse else 0)
    if boot.ram_known:
        rows = sorted([*rows, *_background(rows, banks)], key=lambda row: row.span)
    failed = [r for r in boot.regions if r.outcome in _NOT_PLACED]
    dropped = [r for r in boot.regions if r.outcome in (Outcome.RELEASED, Outcome.IGNORED)]
    failing = [use for use in boot.consumers if use.errno is not None]
    return Layout(
        spans=tuple(rows),
        banks=tuple(banks),
        totals=_totals(boot, banks) if boot.ram_known else None,
        failed=tuple(failed),
        dropped=tuple(dropped),
        failing=tuple(sorted(failing, key=lambda use: not use.enabled)),
        digits=_digits(boot, rows),
    )


def _held(boot: Boot) -> list[DisplaySpan]:
    # Every span that somebody holds, in the order of the module's docstring.
    rows = _region_rows(boot)
    rows += _default_cma_rows(boot)
    told = union(row.span for row in rows)
    regions = {region.path: region for region in boot.regions}
    for claim in boot.claims:
        whole = [Span.sized(claim.base, claim.size)]
        rests = subtract(whole, _near(told, claim.base, claim.size))
        for rest in whole if claim.who in _IMAGES else rests:
            rows.append(_claim_row(claim.who, rest, regions))
    told = union(row.span for row in rows)
    nomap = union(Span.sized(entry.base, entry.size) for entry in boot.memory if entry.nomap)
    rows += [_nomap_row(rest, boot.regions) for rest in subtract(nomap, told)]
    for entry in boot.reserved:
        for rest in subtract([Span.sized(entry.base, entry.size)], _near(told, entry.base, entry.size)):
            rows.append(_claim_row(entry.who, rest, regions))
    return rows


def _near(spans: Sequence[Span], base: int, size: int) -> Sequence[Span]:
    # The part of an ascending list that can touch [base, base + size).
    from bisect import bisect_left

    low = bisect_left(spans, (base, base))
    high = bisect_left(spans, (base + size, base + size))
    return spans[max(0, low - 1) : high]


def _region_rows(boot: Boot) -> list[DisplaySpan]:
    users: dict[str, list[ConsumerResult]] = {}
    devices = {device.path: device for device in boot.region_devices}
    for use in boot.consumers:
        if use.region is not None:
            users.setdefault(use.region, []).append(use)
    areas = {area.from_region: area for area in boot.cma if area.from_region is not None}
    rows: list[DisplaySpan] = []
    for region in boot.regions:
        if region.outcome is not Outcome.PLACED or region.base is None or not region.size:
            continue
        row = DisplaySpan(
            span=Span.sized(region.base, region.size),
            kind=SpanKind.REGION,
            label=region.name,
            exactness=region.exactness,
            region=region,
            cma=areas.get(region.path),
            users=tuple(users.get(region.path, ())),
            device=devices.get(region.path),
            used=region.size,
        )
        rows.append(row)
        for number, span in enumerate(region.extra, start=2):
            remark = f"entry {number} of reg"
            rows.append(
                row._replace(span=span, cma=None, users=(), device=None, remark=remark, used=span.size)
            )
    return rows


def _default_cma_rows(boot: Boot) -> list[DisplaySpan]:
    return [
        DisplaySpan(
            span=Span.sized(area.base, area.size),
            kind=SpanKind.CMA,
            label="default CMA area" if area.is_default else f"CMA area {area.name}",
            exactness=area.exactness,
            cma=area,
            used=area.size,
        )
        for area in boot.cma
        if area.from_region is None
    ]


def _claim_row(who: str, span: Span, regions: Mapping[str, PlacedRegion]) -> DisplaySpan:
    region = regions.get(who)
    if region is not None:
        remark = (
            "" if region.outcome is Outcome.PLACED else f"{region.outcome}, but its memory stays reserved"
        )
        return DisplaySpan(
            span=span, kind=SpanKind.REGION, label=region.name, region=region, remark=remark, used=span.size
        )
    kind, label = _CLAIM_KINDS.get(who, (SpanKind.EARLY, who))
    return DisplaySpan(span=span, kind=kind, label=label, used=span.size)


def _nomap_row(span: Span, regions: Iterable[PlacedRegion]) -> DisplaySpan:
    # No-map memory that no placed region explains: a refused region's, or firmware's.
    for region in regions:
        base, size = region.requested_base, region.requested_size
        if region.nomap and base is not None and size and Span.sized(base, size).overlaps(span):
            remark = f"{region.outcome}, but its memory stays no-map"
            return DisplaySpan(
                span=span,
                kind=SpanKind.REGION,
                label=region.name,
                region=region,
                remark=remark,
                used=span.size,
            )
    return DisplaySpan(
        span=span, kind=SpanKind.FIRMWARE, label="no-map memory", remark="not in the tree", used=span.size
    )


def _mark_outside(rows: Sequence[DisplaySpan], banks: Sequence[Span]) -> list[DisplaySpan]:
    if not banks:
        return list(rows)
    return [
        row
        if not subtract([row.span], _near(banks, row.span.start, row.span.size))
        else row._replace(in_ram=False)
        for row in rows
    ]


def _mark_overlaps(rows: Sequence[DisplaySpan]) -> list[DisplaySpan]:
    # rows ascend by start. Spans still open are kept, but no more than can be named.
    others: list[list[str]] = [[] for _ in rows]
    active: list[int] = []
    for index, row in enumerate(rows):
        active = [other for other in active if rows[other].span.end > row.span.start]
        for other in active:
            if len(others[index]) < _MAX_OVERLAPS:
                others[index].append(rows[other].label)
            if len(others[other]) < _MAX_OVERLAPS:
                others[other].append(row.label)
        active.append(index)
        if len(active) > _MAX_OVERLAPS + 1:
            active.remove(min(active, key=lambda other: rows[other].span.end))
    return [
        row._replace(overlaps=tuple(names)) if names else row for row, names in zip(rows, others, strict=True)
    ]


def _join_early(rows: Sequence[DisplaySpan], gap: int) -> list[DisplaySpan]:
    # Runs of early allocations no further than `gap` apart become one row; with gap 0 only one owner's
    # touching pieces do.
    joined: list[DisplaySpan] = []
    for row in rows:
        last = joined[-1] if joined else None
        if (
            last is None
            or row.kind is not SpanKind.EARLY
            or last.kind is not SpanKind.EARLY
            or row.span.start - last.span.end > gap
            or (gap == 0 and row.label != last.label)
        ):
            joined.append(row)
            continue
        joined[-1] = last._replace(
            span=Span(last.span.start, max(last.span.end, row.span.end)),
            label=last.label if last.label == row.label else "early allocations",
            pieces=last.pieces + row.pieces,
            used=last.used + row.used,
        )
    return joined


def _background(rows: Iterable[DisplaySpan], banks: Sequence[Span]) -> list[DisplaySpan]:
    taken = union(row.span for row in rows)
    free = [
        DisplaySpan(span=span, kind=SpanKind.FREE, label="System RAM", used=span.size)
        for span in subtract(banks, taken)
    ]
    holes = [
        DisplaySpan(span=span, kind=SpanKind.HOLE, label="no RAM", in_ram=False, used=span.size)
        for span in subtract(gaps(banks), taken)
    ]
    return free + holes


def _totals(boot: Boot, banks: Sequence[Span]) -> Totals:
    nomap = union(Span.sized(entry.base, entry.size) for entry in boot.memory if entry.nomap)
    mapped = subtract(banks, nomap)
    reserved = intersect(mapped, union(Span.sized(entry.base, entry.size) for entry in boot.reserved))
    # An area that is never activated is lost where its pages stay reserved, and ordinary memory where they do not.
    lent = [a for a in boot.cma if a.activated or boot.profile.behaviour.unactivated_cma == "released"]
    cma = intersect(reserved, union(Span.sized(area.base, area.size) for area in lent))
    return Totals(ram=total(banks), nomap=total(nomap), reserved=total(reserved), cma=total(cma))


def _digits(boot: Boot, rows: Iterable[DisplaySpan]) -> int:
    highest = max((row.span.end - 1 for row in rows), default=0)
    for region in boot.regions:
        if region.outcome in (Outcome.RESERVE_FAILED, Outcome.ALLOC_FAILED):
            highest = max(highest, *(span.end - 1 for span in region.alloc_ranges), 0)
            highest = max(highest, (region.requested_base or 0) + (region.requested_size or 0) - 1)
    return address_digits(highest)
