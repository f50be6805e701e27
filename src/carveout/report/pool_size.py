# SPDX-License-Identifier: Apache-2.0
"""The smallest pool for a trace, and what to write into the tree, as text and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carveout.pool.advice import cells_text
from carveout.report.pool_json import dump
from carveout.report.pool_text import notes_lines, problems_lines
from carveout.report.pool_words import asked_text, fitted, pages_text, plural, reason_text
from carveout.report.words import safe
from carveout.units import format_size, format_size_about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.pool.advice import Advice
    from carveout.pool.trace import Trace
    from carveout.report.terminal import Terminal

SCHEMA = "carveout.pool.size/1"
_DEFAULT_CELLS = 2


def render_text(
    advices: Sequence[Advice], trace: Trace, *, title: str, terminal: Terminal, cells: int = _DEFAULT_CELLS,
    tree: Sequence[str] = (), has_present: bool = True,
) -> str:  # fmt: skip
    """Return the answer for each pool as text.

    cells: #size-cells of /reserved-memory. tree: what a new tree does. has_present: the pools have a size now.
    """
    header = trace.header
    about = f"Linux {safe(header.kernel, limit=40)}, {header.page_size >> 10} KiB pages"
    lines = [terminal.paint("heading", safe(f"{title}: {about}", ascii_only=terminal.ascii_only))]
    for advice in advices:
        found = _advice(advice, trace, terminal, cells, has_present=has_present)
        lines += ["", *(piece for line in found for piece in fitted(line, terminal))]
    if tree:
        lines += ["", *(safe(line, limit=300) for line in tree)]
    lines += problems_lines(trace.problems, terminal)
    return "\n".join([*lines, *notes_lines(_notes(advices, trace), terminal)]) + "\n"


def _advice(advice: Advice, trace: Trace, terminal: Terminal, cells: int, *, has_present: bool) -> list[str]:
    need, page = advice.need, trace.header.page_size
    name = safe(need.pool.name, limit=60, ascii_only=terminal.ascii_only)
    smallest = "smallest size without a failure" if need.is_smallest else "size without a failure"
    found = terminal.paint("heading", format_size(need.pages * page))
    present = f"; it has {format_size_about(need.pool.pages * page)}" if has_present else ""
    lines = [f"{name}: {smallest}: {found} ({need.policy}{present})"]
    if need.exact_pages is not None:
        lines.append(
            f"  highest page used: {pages_text(need.exact_pages, page)}; "
            f"peak of what is in use at one time: {pages_text(need.peak_pages, page)}"
        )
    else:
        lines.append(f"  peak of what is in use at one time: {pages_text(need.peak_pages, page)}")
    lines.append(
        f"  checked by replay: {plural(need.requests, 'request')}, none fails; {_below(advice, trace)}"
    )
    if advice.size != need.pages * page:
        lines.append(f"  with headroom: {format_size(advice.size)}")
    lines += ["", "  in the tree:"]
    lines.append(f"    size = {cells_text(advice.size, cells)};  /* {format_size(advice.size)} */")
    if advice.legal:
        lines.append(f"    alignment = {cells_text(advice.align, cells)};  /* {format_size(advice.align)} */")
    for legal in advice.legal:
        verdict = (
            "accepted" if legal.accepts else f"refused: {format_size(legal.size)} is the next it accepts"
        )
        step = format_size(legal.step)
        lines.append(f"  with {legal.page_size >> 10} KiB pages: multiples of {step}: {verdict}")
    return lines


def _below(advice: Advice, trace: Trace) -> str:
    need, page = advice.need, trace.header.page_size
    smaller = format_size((need.pages - need.step_pages) * page)
    if need.fails_below is None:
        return "one step less is no pool"
    request = need.fails_below.request
    where = f" (line {request.line})" if request.line is not None else ""
    reason = reason_text(need.fails_below.allocation.reason).partition(":")[0]
    return f"with {smaller} {asked_text(request, trace.header)} fails{where}, {reason}"


def _without(advice: Advice, trace: Trace) -> str:
    pages = advice.need.pages_without_held or advice.need.pages
    return format_size(pages * trace.header.page_size)


def _notes(advices: Sequence[Advice], trace: Trace) -> list[str]:
    notes = [*trace.header.notes]
    for advice in advices:
        need = advice.need
        if need.held_to_end:
            notes.append(
                f"{need.pool.name}: {need.held_to_end} requests failed in the recording, so that nothing says how long "
                f"they would have been held: here to the end. Without them {_without(advice, trace)} serves; what is "
                "needed lies between the two"
            )
        if not need.is_smallest:
            notes.append(
                f"{need.pool.name}: found by halving after {need.tries} tries: a smaller size may serve as well"
            )
        if need.never_served:
            notes.append(
                f"{need.pool.name}: {need.never_served} requests are larger than a segment of 256 KiB, "
                "which no restricted pool serves; they are left out"
            )
    notes.append(
        "a size is for these requests in this order; who asks otherwise, or holds longer, needs headroom"
    )
    return notes


def render_json(advices: Sequence[Advice], trace: Trace, *, title: str, cells: int = _DEFAULT_CELLS) -> str:
    """Return the answer for each pool as JSON."""
    header = trace.header
    value: dict[str, Any] = {
        "schema": SCHEMA,
        "of": title,
        "kernel": header.kernel,
        "page_size": header.page_size,
        "pools": [_json(advice, header.page_size, cells) for advice in advices],
        "problems": [*trace.problems],
        "notes": _notes(advices, trace),
    }
    return dump(value)


def _json(advice: Advice, page: int, cells: int) -> dict[str, Any]:
    need = advice.need
    below = need.fails_below
    return {
        "name": need.pool.name,
        "kind": str(need.pool.kind),
        "policy": need.policy,
        "present": hex(need.pool.pages * page),
        "need": hex(need.pages * page),
        "is_smallest": need.is_smallest,
        "high_water": None if need.exact_pages is None else hex(need.exact_pages * page),
        "peak": hex(need.peak_pages * page),
        "held_to_end": need.held_to_end,
        "need_without_held": None if need.pages_without_held is None else hex(need.pages_without_held * page),
        "step": hex(need.step_pages * page),
        "requests": need.requests,
        "fails_below": None
        if below is None
        else {"line": below.request.line, "id": below.request.id, "reason": str(below.allocation.reason)},
        "size": hex(advice.size),
        "property": f"size = {cells_text(advice.size, cells)};",
        "legal": [
            {
                "page_size": legal.page_size,
                "step": hex(legal.step),
                "accepted": legal.accepts,
                "size": hex(legal.size),
            }
            for legal in advice.legal
        ],
    }
