# SPDX-License-Identifier: Apache-2.0
"""What several rules about structure share: whether children are read at all, and values in other cell counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.boot import Boot
    from carveout.boot.result import PlacedRegion
    from carveout.check.context import BoardContext, BootContext, Region

_HEX = frozenset("0123456789abcdefABCDEF")
STATUS_OFF = ("disabled", "reserved", "fail")
"""Values of `status`, beside `fail-...`, which the specification knows and which switch a node off."""


def has_root_cells(context: BoardContext) -> bool:
    """Say whether /reserved-memory has the cells of the root; if not, that is what to report, not its children."""
    parent = context.reserved_memory
    return parent is not None and parent.cells == (context.address_cells, context.size_cells)


def children(context: BoardContext) -> tuple[Region, ...]:
    """Return the children of the node that holds the regions, disabled ones too."""
    return context.children


def readable_regions(context: BoardContext) -> tuple[Region, ...]:
    """Return the enabled children, or none when the cells of their parent are wrong already."""
    return context.regions if context.regions and has_root_cells(context) else ()


def resized(value: bytes, width: int) -> bytes | None:
    """Return one number written with `width` cells, or None when it is no number or does not fit."""
    if not value or len(value) % 4:
        return None
    found = int.from_bytes(value, "big")
    return found.to_bytes(4 * width, "big") if found < 1 << (32 * width) else None


def one_bank_each(ram: Sequence[Span]) -> list[Span]:
    """Return RAM ascending, with banks that touch or overlap made one."""
    found: list[Span] = []
    for bank in sorted(ram):
        if found and bank.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, bank.end))
        else:
            found.append(bank)
    return found


def ranges(spans: Sequence[Span]) -> str:
    """Name up to three ranges of addresses."""
    return ", ".join(format_range(span) for span in spans[:3]) + (", ..." if len(spans) > 3 else "")


def where_ram_is_from(boot: Boot) -> str:
    """Name the source of RAM, to be put behind a statement about it."""
    if boot.scene.memory_source == "tree":
        return " as the memory nodes give it"
    return " as given"


def kernel_line(boot: Boot, path: str, part: str) -> str | None:
    """Return the line with this text that the kernel prints about a node, or None."""
    for line in boot.log_lines:
        if part in line.text and line.step < len(boot.trace) and boot.trace[line.step].subject == path:
            return line.text
    return None


def prints(line: str | None) -> str:
    """Return the words for a line that the kernel prints, to follow a sentence; empty without one."""
    return f'; the kernel prints "{line}"' if line else ""


def without_place(view: BootContext) -> Iterator[tuple[PlacedRegion, int, int]]:
    """Yield the well-formed dynamic requests that get no place, with size and alignment.

    Also those of a boot whose RAM is not known: their outcome is `unknown`.
    """
    for region in view.boot.regions:
        if region.kind != "dynamic" or region.outcome not in ("alloc-failed", "unknown"):
            continue
        node = view.board.by_path.get(region.path)
        if node is None or not region.requested_size or region.align is None:
            continue
        if node.raw.alloc_ranges is not None and not node.windows:
            continue
        yield region, region.requested_size, region.align


def fits(window: Span, size: int, align: int) -> bool:
    """Say whether `size` bytes whose start is a multiple of `align` go into a window."""
    start = (window.start + align - 1) // align * align if align else window.start
    return start + size <= window.end


def unit_number(text: str) -> int | None:
    """Return the number a unit address stands for, or None: `80000000`, `0x80000000`, and firmware's `1,80000000`."""
    high, comma, low = text.removeprefix("0x").partition(",")
    if not comma:
        low, high = high, "0"
    if not low or len(low) > 16 or len(high) > 8 or not set(high + low) <= _HEX:
        return None
    return int(high or "0", 16) << 32 | int(low, 16)
