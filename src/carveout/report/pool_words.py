# SPDX-License-Identifier: Apache-2.0
"""Pools and requests in words, and a pool as a line of characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.pool.order import get_order
from carveout.pool.result import Reason
from carveout.pool.trace import Op, PoolKind
from carveout.report.terminal import wrap
from carveout.report.words import fit
from carveout.span import Span
from carveout.units import format_range, format_size, format_size_about

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carveout.pool.system import RequestResult
    from carveout.pool.trace import Extent, PoolSpec, Request, TraceHeader
    from carveout.pool.view import Hole, PoolView
    from carveout.report.terminal import Terminal

KINDS = {
    PoolKind.CMA: "CMA pool",
    PoolKind.CMA_DEFAULT: "default CMA area",
    PoolKind.COHERENT: "coherent DMA pool",
    PoolKind.RESTRICTED: "restricted DMA pool",
}

_REASONS = {
    Reason.TOO_LARGE: "too large: no pool of this size holds it",
    Reason.ROOM: "no room: fewer pages are free than it asks for",
    Reason.FRAGMENTATION: "fragmentation: enough pages are free, but not in one run",
    Reason.ALIGNMENT: "alignment: a free run is long enough, but not from an aligned page on",
    Reason.BUSY: "busy: every place has a page that cannot be moved",
    Reason.NO_TARGET: "no target: the pages in it can be moved, but there is no room for them elsewhere",
    Reason.NONE: "",
}

# 0, 16 pages, what the DMA API aligns at most, and what areas are multiples of with huge pages of 4 KiB ones.
_ORDERS_SHOWN = (0, 4, 8, 9)

# Cells by how full they are: free, up to a third, up to two thirds, nearly full, full.
_SHADES = ("\N{MIDDLE DOT}", "\N{LIGHT SHADE}", "\N{MEDIUM SHADE}", "\N{DARK SHADE}", "\N{FULL BLOCK}")
_ASCII_SHADES = (".", "-", "+", "*", "#")


def strip(used: Sequence[Extent], span: Extent, width: int, *, unicode: bool) -> str:
    """Return a stretch of pages as `width` characters, each as dark as the pages it stands for are full.

    A cell is free or full only when all of its pages are.
    """
    width = max(1, min(width, span.pages))
    filled = [0] * width
    for extent in used:
        start, end = max(extent.pfn, span.pfn) - span.pfn, min(extent.end, span.end) - span.pfn
        if start >= end:
            continue
        first, last = start * width // span.pages, (end - 1) * width // span.pages
        for cell in range(first, last + 1):
            low, high = cell_pages(cell, width, span.pages)
            filled[cell] += min(high, end) - max(low, start)
    shades = _SHADES if unicode else _ASCII_SHADES
    cells = []
    for cell, pages in enumerate(filled):
        low, high = cell_pages(cell, width, span.pages)
        whole = high - low
        if pages in (0, whole):
            cells.append(shades[4 if pages else 0])
        else:
            cells.append(shades[1 + min(2, pages * 3 // whole)])
    return "".join(cells)


def cell_pages(cell: int, width: int, pages: int) -> tuple[int, int]:
    """Return which pages [low, high) of `pages` the cell of a strip stands for."""
    return -(-cell * pages // width), -(-(cell + 1) * pages // width)


def strip_lines(view: PoolView, terminal: Terminal, *, indent: int) -> list[str]:
    """Return the strip of a pool, one line for each of its ranges."""
    width = terminal.width - indent
    lines = []
    for part in view.ranges:
        text = strip(view.used, part, width, unicode=terminal.unicode)
        lines.append(" " * indent + terminal.paint("cma", text))
    return lines


def legend(terminal: Terminal) -> str:
    """Say what the characters of a strip mean."""
    shades = _SHADES if terminal.unicode else _ASCII_SHADES
    return f"{shades[0]} free  {shades[1]}{shades[2]}{shades[3]} partly in use  {shades[4]} in use"


def pages_text(pages: int, page_size: int) -> str:
    """Return a number of pages as a size that a person can grasp."""
    return format_size_about(pages * page_size)


def extent_text(extent: Extent, page_size: int) -> str:
    """Return the addresses of an extent, first and last."""
    return format_range(Span.sized(extent.pfn * page_size, extent.pages * page_size))


def pool_title(spec: PoolSpec, page_size: int, *, ascii_only: bool = False) -> str:
    """Return name, kind, place and size of a pool."""
    place = ", ".join(extent_text(part, page_size) for part in (spec.ranges or ())) or format_range(
        Span.sized(spec.base_pfn * page_size, spec.pages * page_size)
    )
    name = fit(spec.name, 60, ascii_only=ascii_only)
    return f"{name}: {KINDS[spec.kind]}, {place}, {format_size(spec.pages * page_size)}"


def holes_text(holes: Sequence[Hole], page_size: int) -> str:
    """Say how large a request can be: unaligned, and for the alignments that requests have."""
    parts: list[str] = []
    for order in _ORDERS_SHOWN:
        pages = next((hole.pages for hole in reversed(holes) if hole.order <= order), 0)
        size = pages_text(pages, page_size) if pages else "nothing"
        parts.append(f"{size} aligned to {format_size(page_size << order)}" if order else size)
    # What larger alignments do not change is not said again.
    while len(parts) > 1 and parts[-1].split(" aligned")[0] == parts[-2].split(" aligned")[0]:
        parts.pop()
    return ", ".join(parts)


def asked_bytes(request: Request, page_size: int) -> int:
    """Return how many bytes a request asks for."""
    return request.pages * page_size if request.op is Op.CMA_ALLOC else request.size


def asked_text(request: Request, header: TraceHeader) -> str:
    """Say what a request asks for: its size and alignment."""
    page_size = header.page_size
    size = asked_bytes(request, page_size)
    order = request.align
    if request.op is not Op.CMA_ALLOC:
        order = min(get_order(size, page_size), header.cma_alignment)
    text = format_size_about(size)
    return f"{text} aligned to {format_size(page_size << order)}" if order else text


def reason_text(reason: Reason) -> str:
    """Say why a request failed."""
    return _REASONS[reason]


def failures_text(failures: Mapping[Reason, int]) -> str:
    """Return how many requests failed for each reason, the most frequent first."""
    order = sorted(failures.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {str(reason).replace('-', ' ')}" for reason, count in order)


def place_text(result: RequestResult, page_size: int) -> str:
    """Say where a request was placed, or how it failed."""
    got = result.allocation
    if got.pfn is not None:
        return f"0x{got.pfn * page_size if got.address is None else got.address:x}"
    return "outside of the pool" if result.place == "buddy" else f"failed, {result.errno}"


def fitted(line: str, terminal: Terminal) -> list[str]:
    """Return a line broken at spaces where it is too wide, with what follows indented. Painted ones stay whole."""
    if len(line) <= terminal.width or "\x1b" in line:
        return [line]
    indent = len(line) - len(line.lstrip())
    pieces = wrap(line.strip(), terminal.width - indent - 2)
    return [" " * (indent if number == 0 else indent + 2) + piece for number, piece in enumerate(pieces)]


def plural(number: int, word: str) -> str:
    """Return the number with its word: `1 request`, `2 requests`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
