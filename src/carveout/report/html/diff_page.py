# SPDX-License-Identifier: Apache-2.0
"""Two boots side by side as one page: picture, what became of each region, area and device, sums, and the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carveout.report.diff_svg import NARROW_DIFF, WIDE_DIFF, area_mark, draw_for_page, region_mark
from carveout.report.diff_words import (
    area_ends,
    area_name,
    consumer_ends,
    consumer_name,
    memory_rows,
    place,
    region_details,
    verb_of,
)
from carveout.report.html.template import markup, render
from carveout.report.layout import lay_out
from carveout.report.words import exactness_text, scene_line, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot.result import Boot, PlacedRegion
    from carveout.change.difference import AreaPair, Difference, FactPair, RegionPair
    from carveout.report.layout import Layout


def render_diff_page(difference: Difference, *, names: tuple[str, str]) -> str:
    """Return the page. names: what to call the two boards."""
    layouts = (lay_out(difference.before), lay_out(difference.after))
    digits = max(layout.digits for layout in layouts)
    is_one = names[0] == names[1]
    title = f"Memory of {names[0]} in two scenes" if is_one else f"Memory of {names[0]} and {names[1]}"
    regions = [_region(number, pair, digits) for number, pair in enumerate(difference.regions)]
    areas = [
        _area(number, pair, digits)
        for number, pair in enumerate(difference.areas)
        if _has_row_of_its_own(pair)
    ]
    values = {
        "title": title,
        "differs": difference.differs,
        "summary": _summary(difference),
        "boots": [
            _boot(word, name, boot)
            for word, name, boot in zip(
                ("First", "Second"), names, (difference.before, difference.after), strict=True
            )
        ],
        "wide": markup(draw_for_page(difference, title=title, frame=WIDE_DIFF)),
        "narrow": markup(draw_for_page(difference, title=title, frame=NARROW_DIFF)),
        "regions": sorted(regions, key=lambda row: bool(row["same"])),
        "areas": areas,
        "consumers": [(consumer_name(pair), *consumer_ends(pair)) for pair in difference.consumers],
        "memory": _memory(layouts),
        "scene": [_fact(pair) for pair in difference.scene],
        "log": difference.log,
    }
    return render("diff.html", values, scripts=("zoom.js", "diff.js"))


def _summary(difference: Difference) -> str:
    if not difference.differs:
        return "No difference in what becomes of memory."
    counts: dict[str, int] = {}
    for pair in difference.regions:
        counts[verb_of(pair)] = counts.get(verb_of(pair), 0) + 1
    found = ", ".join(f"{count} {verb}" for verb, count in sorted(counts.items(), key=_same_last))
    return f"Regions: {found or 'none'}."


def _same_last(item: tuple[str, int]) -> tuple[bool, int, str]:
    return item[0] == "same", -item[1], item[0]


def _boot(word: str, name: str, boot: Boot) -> dict[str, Any]:
    return {
        "word": word,
        "name": name,
        "line": f"{scene_line(boot)}: {exactness_text(boot).partition(',')[0]}",
        "verdict": verdict(boot) or "",
        "notes": list(boot.notes),
    }


def _region(number: int, pair: RegionPair, digits: int) -> dict[str, Any]:
    region = pair.after or pair.before
    details = region_details(pair)
    if pair.after is not None and pair.after.base is None and pair.after.why:
        details.append(pair.after.why)
    return {
        "mark": region_mark(number),
        "path": region.path if region is not None else "",
        "verb": verb_of(pair),
        "same": not pair.differs,
        "before": _place(pair.before, digits),
        "after": _place(pair.after, digits),
        "details": details,
    }


def _place(region: PlacedRegion | None, digits: int) -> str:
    return "not in the tree" if region is None else place(region, digits)


def _has_row_of_its_own(pair: AreaPair) -> bool:
    # One that is made from a region tells nothing that the region's row does not, unless it differs.
    is_of_region = any(
        area is not None and area.from_region is not None for area in (pair.before, pair.after)
    )
    return pair.differs or not is_of_region


def _area(number: int, pair: AreaPair, digits: int) -> dict[str, Any]:
    old, new = area_ends(pair, digits)
    return {
        "mark": area_mark(number),
        "name": area_name(pair),
        "same": not pair.differs,
        "before": old,
        "after": new,
    }


def _memory(layouts: Sequence[Layout]) -> list[tuple[str, str, str, str]]:
    old, new = (layout.totals for layout in layouts)
    if old is None or new is None:
        return (
            []
            if old is new
            else [("RAM", "unknown" if old is None else "known", "unknown" if new is None else "known", "")]
        )
    return memory_rows(old, new)


def _fact(pair: FactPair) -> tuple[str, str, str]:
    return (
        pair.name,
        pair.before.value if pair.before else "none",
        pair.after.value if pair.after else "none",
    )
