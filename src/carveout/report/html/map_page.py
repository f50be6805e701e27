# SPDX-License-Identifier: Apache-2.0
"""The map of a board as one page: picture, tables, boot step by step, log, findings, in every scene asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carveout.boot.result import Exactness
from carveout.report.html.marks import Marks
from carveout.report.html.template import embedded_json, markup, render
from carveout.report.layout import SpanKind, lay_out
from carveout.report.map_svg import draw_for_page
from carveout.report.svg_frame import NARROW, WIDE
from carveout.report.svg_labels import failed_mark, row_mark
from carveout.report.svg_style import fill_class
from carveout.report.words import (
    area_fate,
    consumer_use,
    errno_name,
    exactness_text,
    hole_text,
    outcome_text,
    region_attributes,
    region_owner,
    request,
    row_size,
    scene_line,
    verdict,
)
from carveout.span import Span
from carveout.units import format_range, format_size_about
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot.result import Boot, ConsumerResult, PlacedRegion, Step
    from carveout.check.allow import Allowed
    from carveout.check.model import Finding
    from carveout.report.html.pool_part import PoolRun
    from carveout.report.layout import DisplaySpan, Layout
    from carveout.report.svg_scale import Scale


class View(NamedTuple):
    """One scene of a page."""

    name: str
    """What the reader chooses it by."""
    boot: Boot
    pools: tuple[PoolRun, ...] = ()
    """Its pools while a trace ran."""
    no_pools: tuple[str, ...] = ()
    """Why there is no picture of a pool that the trace goes to, as sentences."""


def render_map_page(
    views: Sequence[View], *, title: str, findings: Sequence[Finding] = (), allowed: Sequence[Allowed] = ()
) -> str:
    """Return the page. views: at least one. title: what was simulated.

    findings, allowed: of all the views together.
    """
    scenes = [_scene(number, view, title, findings, allowed) for number, view in enumerate(views)]
    data = [{"appears": scene.pop("appears"), "steps": scene.pop("places")} for scene in scenes]
    values = {"title": title, "scenes": scenes, "data": embedded_json(data), "several": len(scenes) > 1}
    return render("map.html", values, scripts=("zoom.js", "map.js"))


def _scene(
    number: int, view: View, title: str, findings: Sequence[Finding], allowed: Sequence[Allowed]
) -> dict[str, Any]:
    boot, layout = view.boot, lay_out(view.boot)
    marks = Marks(boot, layout)
    name = f"{title}, {view.name}"
    wide, wide_scale = draw_for_page(boot, layout, title=name, frame=WIDE)
    narrow, narrow_scale = draw_for_page(boot, layout, title=name, frame=NARROW)
    return {
        "number": number,
        "name": view.name,
        "line": f"{scene_line(boot)}: {exactness_text(boot).partition(',')[0]}",
        "verdict": verdict(boot),
        "totals": _totals(layout),
        "wide": markup(wide),
        "narrow": markup(narrow),
        "pools": _pools(view, number),
        "no_pools": list(view.no_pools),
        # Worst first: who scrolls reads what matters before the notes. Within a severity in the order of the tree.
        "findings": [
            _finding(finding, marks, view.name)
            for finding in sorted(findings, key=lambda finding: finding.severity.rank)
            if _bites(finding, view.name)
        ],
        "allowed": [
            {**_finding(each.finding, marks, view.name), "reason": each.reason or "no reason given"}
            for each in allowed
            if _bites(each.finding, view.name)
        ],
        "rows": [_row(index, row, layout) for index, row in enumerate(layout.spans)],
        "failed": [_failed(index, layout) for index in range(len(layout.failed))],
        "dropped": [_dropped(region, layout) for region in layout.dropped],
        "consumers": [_consumer(use, marks) for use in boot.consumers],
        "log": [(marks.of_line(line), line.level, line.text) for line in boot.log_lines],
        "steps": [_step(step, layout, marks) for step in boot.trace],
        "notes": list(boot.notes),
        "facts": list(boot.scene.facts),
        "appears": marks.appears,
        "places": [_places(step, wide_scale, narrow_scale) for step in boot.trace],
    }


def _pools(view: View, scene: int) -> list[dict[str, Any]]:
    if not view.pools:
        return []
    from carveout.report.html.pool_part import pool_part

    return [pool_part(run, f"p{scene}n{index}") for index, run in enumerate(view.pools)]


def _totals(layout: Layout) -> list[tuple[str, str]]:
    sums = layout.totals
    if sums is None:
        return [("RAM", "unknown, pass --memory SIZE@BASE")]
    found = [
        ("RAM", sums.ram),
        ("no-map", sums.nomap),
        ("reserved", sums.reserved),
        ("of which CMA", sums.cma),
        ("left to the system", sums.system),
    ]
    return [(name, format_size_about(size)) for name, size in found]


def _row(number: int, row: DisplaySpan, layout: Layout) -> dict[str, Any]:
    facts = [f"overlaps {', '.join(row.overlaps)}"] if row.overlaps else []
    facts.append(row.remark)
    if not row.in_ram and row.kind is not SpanKind.HOLE:
        facts.append("not in RAM, or not all of it")
    if row.cma is not None and not row.cma.activated:
        facts.append(area_fate(row.cma))
    elif row.cma is not None and (row.cma.is_default or row.region is None):
        facts.append("lent to the system")
    if row.pieces > 1:
        facts.append(f"{row.pieces} pieces, {row_size(row.used)} in use")
    words = [*region_attributes(row.region), region_owner(row.region)] if row.region is not None else []
    why = row.region.why if row.region is not None else row.cma.why if row.cma is not None else ""
    return {
        "mark": row_mark(number),
        "fill": fill_class(row),
        "place": format_range(row.span, layout.digits),
        "start": f"{row.span.start:x}",
        "end": f"{row.span.end:x}",
        "size": row_size(row.span.size),
        "label": row.label,
        "path": row.region.path if row.region is not None else "",
        "kind": ", ".join(word for word in words if word) or str(row.kind),
        "exactness": "" if row.exactness is Exactness.EXACT else str(row.exactness),
        "facts": [fact for fact in facts if fact],
        "why": why,
        "users": [consumer_use(use) for use in row.users],
    }


def _failed(number: int, layout: Layout) -> dict[str, Any]:
    region = layout.failed[number]
    return {
        "mark": failed_mark(number),
        "path": region.path,
        "outcome": outcome_text(region),
        "request": request(region, layout.digits),
        "why": region.why,
        "hole": hole_text(region, layout.digits) or "",
    }


def _dropped(region: PlacedRegion, layout: Layout) -> dict[str, Any]:
    return {
        "path": region.path,
        "outcome": outcome_text(region),
        "request": request(region, layout.digits),
        "why": region.why,
    }


def _consumer(use: ConsumerResult, marks: Marks) -> dict[str, Any]:
    return {
        "mark": marks.of_path(use.region or ""),
        "use": consumer_use(use),
        "region": use.region or "nothing: the phandle leads nowhere",
        "result": "gets it" if use.errno is None else errno_name(use.errno),
        "failed": use.errno is not None,
        "message": use.message or "",
        "bound_by": use.bound_by or "",
    }


def _bites(finding: Finding, scene: str) -> bool:
    return not finding.scenes or scene in finding.scenes


def _finding(finding: Finding, marks: Marks, scene: str) -> dict[str, Any]:
    # Where the numbers differ, those of the worst scene are told: elsewhere that is said.
    elsewhere = f" (in {finding.said_of})" if finding.said_of not in ("", scene) else ""
    return {
        "mark": marks.of_path(finding.path),
        "severity": str(finding.severity),
        "code": finding.code,
        "slug": finding.slug,
        "path": finding.path,
        "message": finding.message + elsewhere,
        "fix": finding.fix or "",
    }


def _step(step: Step, layout: Layout, marks: Marks) -> dict[str, Any]:
    place = ""
    if step.base is not None:
        span = Span.sized(step.base, step.size or 0)
        place = format_range(span, layout.digits) if span.size else f"0x{step.base:0{layout.digits}x}"
    return {
        "mark": marks.of_step(step),
        "kind": str(step.kind),
        "subject": step.subject,
        "reason": step.reason,
        "place": place,
        "size": row_size(step.size) if step.size else "",
        "source": step.source,
    }


def _places(step: Step, *scales: Scale) -> list[list[float]]:
    # Top and bottom of a step's bytes in each picture, for the marker; empty when it has none.
    if step.base is None or not step.size:
        return []
    span = Span.sized(step.base, step.size)
    return [_extent(span, scale) for scale in scales if scale.segments]


def _extent(span: Span, scale: Scale) -> list[float]:
    top, bottom = scale.extent(span)
    return [round(top, 1), round(bottom, 1)]
