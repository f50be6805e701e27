# SPDX-License-Identifier: Apache-2.0
"""Base or size of a static region is not a multiple of the page size.

What it checks
--------------
The first entry of `reg` of enabled regions in RAM against the page size of the simulated kernel. When another region with
the other mapping (no-map or not) lies in the same page it is a warning.

Why it matters
--------------
A page is mapped or it is not. Neighbours in one page share its fate: a no-map region can stay mapped in part, and the
whole page is lost to the system.

Kernel behaviour
----------------
All versions reserve the exact bytes; the page allocator never gets a page that is touched. A coherent pool drops its
last, incomplete page.

Example
-------
See `bad`: 256 bytes of shared memory.

Fix
---
Give the region whole pages of the largest page size that the board is used with.

Known limits
------------
Small regions on purpose, such as 256 bytes for SCMI, are common and work: a note.

References
----------
map_mem(), arch/arm64/mm/mmu.c; dma_init_coherent_memory(), kernel/dma/coherent.c; kernel-semantics 8, item 29; binding
rule AD15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import has_root_cells
from carveout.span import KIB, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.check.context import BootContext, Region


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    page = view.profile.config.page_size
    odd = [
        (region, span)
        for region, span in view.board.static
        if (span.start | span.end) & (page - 1) and span.end <= 1 << 64
    ]
    if not odd or not has_root_cells(view.board):
        return
    ram = view.known_ram
    for region, span in odd:
        if ram and not any(bank.overlaps(span) for bank in ram):
            continue
        other = _neighbour(region, span, page, view.board.static)
        yield Problem(
            path=region.path,
            prop="reg",
            message=(
                f"base 0x{span.start:x} and size 0x{span.size:x} are not both multiples of the page size, {page // KIB} KiB; "
                + (
                    f"it shares a page with {other.path}, which is {'no-map' if other.raw.no_map else 'mapped'} while this "
                    f"is {'no-map' if region.raw.no_map else 'mapped'}"
                    if other is not None
                    else "the rest of its pages is lost to the system, or mapped like it"
                )
            ),
            related=() if other is None else (other.path,),
            severity=None if other is None else Severity.WARNING,
        )


def _neighbour(region: Region, span: Span, page: int, static: Sequence[tuple[Region, Span]]) -> Region | None:
    # Another region, beside this one, with the other mapping in the same first or last page.
    pages = Span(span.start & -page, (span.end + page - 1) & -page)
    for other, there in static:
        if there.start >= pages.end:
            break
        beside = other is not region and pages.overlaps(there) and not span.overlaps(there)
        if beside and other.raw.no_map != region.raw.no_map:
            return other
    return None


RULE = Rule(
    code="CV115",
    slug="region-not-page-aligned",
    severity=Severity.NOTE,
    summary="base or size of a static region is not a multiple of the page size",
    boot=check,
    covers=("AD15", "corpus-page-alignment"),
    bad=(
        Example("shmem@50000000 { reg = <0x0 0x50000000 0x0 0x100>; no-map; };"),
        Example("fw@50001000 { reg = <0x0 0x50001000 0x0 0x1000>; no-map; };", page_size=16384),
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x800>; no-map; };
            log@50000800 { reg = <0x0 0x50000800 0x0 0x800>; };
        """),
    ),
    good=(
        Example("fw@50001000 { reg = <0x0 0x50001000 0x0 0x1000>; no-map; };"),
        Example("sram@10000000 { reg = <0x0 0x10000000 0x0 0x100>; no-map; };"),
    ),
)
