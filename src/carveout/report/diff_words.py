# SPDX-License-Identifier: Apache-2.0
"""What differs about a region, an area or a device, in words: shared by the text, the picture and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.words import POOL_WORDS, consumer_use, errno_name, outcome_text
from carveout.span import Span
from carveout.units import format_range, format_size, format_size_about

if TYPE_CHECKING:
    from carveout.boot.result import CmaArea, ConsumerResult, PlacedRegion
    from carveout.change.difference import AreaPair, ConsumerPair, RegionPair
    from carveout.report.layout import Totals

_NAMES = {
    "requested_size": "size asked for",
    "align": "alignment",
    "alloc_ranges": "alloc-ranges",
    "nomap": "no-map",
    "extra": "more entries of reg",
}


def verb_of(pair: RegionPair) -> str:
    """Return one word for what happened to a region: the most important one."""
    if pair.before is None:
        return "added"
    if pair.after is None:
        return "gone"
    if pair.before.base is None and pair.after.base is not None:
        return "placed"
    if pair.before.base is not None and pair.after.base is None:
        return "lost"
    if pair.is_moved:
        return "moved"
    if pair.is_resized:
        return "resized"
    if pair.is_renamed:
        return "renamed"
    return "changed" if pair.differs else "same"


def place(region: PlacedRegion, digits: int) -> str:
    """Return where a region is, with its size, or what became of it."""
    if region.base is None or region.size is None:
        return outcome_text(region)
    text = f"{format_range(Span.sized(region.base, region.size), digits)} {format_size(region.size)}"
    return text if outcome_text(region) == "placed" else f"{text} ({outcome_text(region)})"


def region_details(pair: RegionPair) -> list[str]:
    """Return each attribute that differs as `name: before -> after`."""
    if pair.before is None or pair.after is None:
        return []
    found = []
    if pair.is_renamed:
        found.append(f"node: {pair.before.path} -> {pair.after.path}")
    if pair.is_moved and pair.is_resized:
        found.append(f"size: {format_size(pair.before.size or 0)} -> {format_size(pair.after.size or 0)}")
    for name in pair.attributes:
        old, new = _value(pair.before, name), _value(pair.after, name)
        found.append(f"{_NAMES.get(name, name)}: {old} -> {new}")
    return found


def _value(region: PlacedRegion, name: str) -> str:
    value: object = getattr(region, name)
    if name == "outcome":
        return outcome_text(region)
    if name == "pool":
        return POOL_WORDS.get(region.pool or "", "none")
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in ("requested_size", "align") and isinstance(value, int):
        return format_size(value)
    if name in ("alloc_ranges", "extra") and isinstance(value, tuple):
        return ", ".join(format_range(span) if span.size else "an empty range" for span in value)
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return str(value)


def area_text(area: CmaArea | None, digits: int) -> str:
    """Return where a contiguous area is and what it is."""
    if area is None:
        return "none"
    text = f"{format_range(Span.sized(area.base, area.size), digits)} {format_size(area.size)}"
    words = [
        word
        for word, is_so in (("default", area.is_default), ("never activated", not area.activated))
        if is_so
    ]
    return f"{text} ({', '.join(words)})" if words else text


def area_name(pair: AreaPair) -> str:
    """Return the name of an area, of the second boot if it is in both."""
    area = pair.after or pair.before
    return area.name if area is not None else ""


def consumer_name(pair: ConsumerPair) -> str:
    """Name the entry of a device's memory-region."""
    use = pair.after or pair.before
    return consumer_use(use) if use is not None else ""


def consumer_ends(pair: ConsumerPair) -> tuple[str, str]:
    """Return what a device gets in each boot."""
    old, new = consumer_text(pair.before), consumer_text(pair.after)
    if old == new:
        enabled = [use.enabled if use is not None else False for use in pair]
        old, new = ("enabled" if one else "disabled" for one in enabled)
    return old, new


def area_ends(pair: AreaPair, digits: int) -> tuple[str, str]:
    """Return where a contiguous area is in each boot, or how sure that is where nothing else differs."""
    old, new = area_text(pair.before, digits), area_text(pair.after, digits)
    if pair.differs and old == new and pair.before is not None and pair.after is not None:
        return str(pair.before.exactness), str(pair.after.exactness)
    return old, new


def memory_rows(old: Totals, new: Totals) -> list[tuple[str, str, str, str]]:
    """Return each sum that differs: its name, before, after, and how much more or less that is."""
    rows = (
        ("RAM", old.ram, new.ram),
        ("no-map", old.nomap, new.nomap),
        ("reserved", old.reserved, new.reserved),
        ("of it lent to the system", old.cma, new.cma),
        ("left to the system", old.system, new.system),
    )
    return [
        (name, format_size_about(before), format_size_about(after), _more(after - before))
        for name, before, after in rows
        if before != after
    ]


def _more(size: int) -> str:
    return f"{format_size_about(abs(size))} {'more' if size > 0 else 'less'}"


def consumer_text(use: ConsumerResult | None) -> str:
    """Return what a device gets."""
    if use is None:
        return "none"
    if use.errno is not None:
        return f"{errno_name(use.errno)}" + (f", {use.message}" if use.message else "")
    text = use.region or "nothing"
    return f"{text} as {POOL_WORDS[use.bound_by]}" if use.bound_by in POOL_WORDS else text
