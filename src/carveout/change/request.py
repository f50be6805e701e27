# SPDX-License-Identifier: Apache-2.0
"""A request for memory: what was asked for, and what has to hold for it in the scenes asked for.

A request that contradicts itself, or cannot be met on any board of this kind, is refused here, with the option that
is at fault.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.boot.cma import min_alignment
from carveout.change.reach import reach_of
from carveout.errors import UsageError
from carveout.span import KIB, Span, intersect, union
from carveout.units import format_range, format_size
from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.board import Board
    from carveout.boot import Boot
    from carveout.change.reach import Reach

MOST_REQUESTS = 8
"""More at once are a memory map to be designed, not a search."""

_ADDRESS_BITS = 64
# Devicetree specification 2.2.1: a node name has at most 31 characters before the unit address.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9,._+-]{0,30}")
_PARENT = "/reserved-memory"


class Kind(StrEnum):
    """What is made of the memory."""

    PLAIN = "plain"
    """Reserved, and mapped by the kernel; whoever knows of it uses it."""
    NO_MAP = "no-map"
    """Reserved, and not mapped: firmware's, or a remote processor's."""
    COHERENT = "coherent"
    """A device's own pool, not mapped as RAM: `shared-dma-pool` with `no-map`."""
    REUSABLE = "reusable"
    """A contiguous area, lent to the system until a device asks: `shared-dma-pool` with `reusable`."""

    @property
    def no_map(self) -> bool:
        """Whether the region has `no-map`."""
        return self in (Kind.NO_MAP, Kind.COHERENT)

    @property
    def pool(self) -> str | None:
        """The pool that the kernel has to make of it."""
        return {Kind.COHERENT: "dma", Kind.REUSABLE: "cma"}.get(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user asks for. Sizes and addresses in bytes."""

    size: int
    align: int | None = None
    within: tuple[Span, ...] = ()
    """Where it may be; empty: anywhere."""
    dma_bits: int | None = None
    """How wide the addresses of the device are."""
    device: str | None = None
    """Path of the node that gets a `memory-region` entry."""
    kind: Kind = Kind.PLAIN
    name: str | None = None
    """Of the node, without unit address."""


class Wanted(NamedTuple):
    """A request as it has to be met in every scene."""

    request: Request
    size: int
    align: int
    need_why: str
    """Where the least alignment comes from."""
    windows: tuple[Span, ...]
    """Where it may be, each in one piece: within, what the device reaches, what the tree's cells can say."""
    reach: Reach
    name: str


def want(board: Board, boots: Sequence[Boot], requests: Sequence[Request]) -> tuple[Wanted, ...]:
    """Return what has to hold for each request.

    Raises: UsageError when one contradicts itself, the scenes or the board.
    """
    if len(requests) > MOST_REQUESTS:
        raise UsageError(f"{len(requests)} requests at once are more than {MOST_REQUESTS}")
    found: list[Wanted] = []
    names: set[str] = set()
    for request in requests:
        if request.device is not None and _is_region(request.device):
            raise UsageError(f"{request.device} is a region, expected the device that uses the memory")
        _refuse_kind(boots, request.kind)
        reach = reach_of(board, request.device, request.dma_bits)
        align, why = _alignment(boots, request)
        name = _name(request, names)
        names.add(name)
        found.append(
            Wanted(
                request=request,
                size=request.size,
                align=align,
                need_why=why,
                windows=_windows(board, request, reach, align),
                reach=reach,
                name=name,
            )
        )
    return tuple(found)


def _refuse_kind(boots: Sequence[Boot], kind: Kind) -> None:
    for boot in boots:
        config, kernel = boot.profile.config, f"Linux {boot.scene.kernel} as configured"
        if kind is Kind.REUSABLE and not config.dma_cma:
            raise UsageError(f"{kernel} makes no contiguous areas: CONFIG_DMA_CMA is off")
        if kind is Kind.COHERENT and not config.dma_declare_coherent:
            raise UsageError(f"{kernel} makes no DMA pools of regions: CONFIG_DMA_DECLARE_COHERENT is off")


def _is_region(path: str) -> bool:
    return path == _PARENT or path.startswith((f"{_PARENT}/", f"{_PARENT}@"))


def _alignment(boots: Sequence[Boot], request: Request) -> tuple[int, str]:
    # What every kernel asked for needs, and what the user wants on top of it.
    page = max(boot.scene.page_size for boot in boots)
    need, why = page, f"pages of {format_size(page)}"
    if request.kind is Kind.REUSABLE:
        need = max(min_alignment(boot.profile) for boot in boots)
        why = f"contiguous areas start and end at multiples of {format_size(need)}"
    if request.size <= 0:
        raise UsageError("a region of size 0 needs no place")
    if request.size % need:
        more = request.size + need - request.size % need
        raise UsageError(
            f"size 0x{request.size:x} is no multiple of 0x{need:x} ({why}); "
            f"ask for 0x{more:x} ({format_size(more)})"
        )
    if request.align is None:
        return need, why
    if request.align <= 0 or request.align & (request.align - 1):
        raise UsageError(f"alignment 0x{request.align:x} is no power of two")
    return max(need, request.align), why


def _windows(board: Board, request: Request, reach: Reach, align: int) -> tuple[Span, ...]:
    size = request.size
    asked = union(request.within) if request.within else [Span(0, 1 << _ADDRESS_BITS)]
    reached = [window.span for window in reach.windows]
    who = "the addresses of its DMA" if reach.bus is None else f"what {request.device} reaches"
    if reach.bus is not None and request.dma_bits is not None:
        who += f" with {request.dma_bits} address bits"
    if not any(_fits(span, size, align) for span in asked):
        raise UsageError(
            f"within {_ranges(asked)} there is no room for {format_size(size)} aligned to "
            f"{format_size(align)}, even if all of it were free"
        )
    if not any(span.size >= size for span in reached):
        raise UsageError(f"{who}, {_ranges(reached)}, is less than {format_size(size)} in one piece")
    both = [span for window in reached for span in intersect(asked, [window])]
    if not any(_fits(span, size, align) for span in both):
        raise UsageError(
            f"within {_ranges(asked)} and {who}, {_ranges(reached)}, have no room in common for "
            f"{format_size(size)} aligned to {format_size(align)}"
        )
    # A tree with one cell for addresses or sizes cannot say more than 32 bits hold.
    widths = [min(max(1 if cells is None else cells, 1), 2) for cells in board.root_cells]
    sayable = [span for window in both for span in intersect([window], [Span(0, 1 << (32 * widths[0]))])]
    if size >= 1 << (32 * widths[1]) or not any(_fits(span, size, align) for span in sayable):
        raise UsageError("the tree's root has too few #address-cells or #size-cells to say where that is")
    return tuple(sayable)


def _fits(span: Span, size: int, align: int) -> bool:
    return -(-span.start // align) * align + size <= span.end


def _ranges(spans: Sequence[Span]) -> str:
    if not spans:
        return "nothing"
    shown = ", ".join(format_range(span) for span in spans[:3])
    return shown + (f" and {len(spans) - 3} more" if len(spans) > 3 else "")


def _name(request: Request, taken: set[str]) -> str:
    if request.name is not None:
        if not _NAME.fullmatch(request.name):
            raise UsageError(
                f"'{request.name}' is no name for a node: expected up to 31 letters, digits and ,._+- , "
                "a letter first, without a unit address"
            )
        if request.name in taken:
            raise UsageError(f"two requests have the name '{request.name}'")
        return request.name
    device = (request.device or "").rpartition("/")[2].partition("@")[0]
    purpose = "pool" if request.kind.pool else "memory"
    base = (
        f"{device}-{purpose}" if device else f"carveout-{format_size(request.size).replace(' ', '').lower()}"
    )
    base = base[:28].strip("-,.") if _NAME.fullmatch(base[:28]) else f"carveout-{purpose}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}{number}", number + 1
    return name


def page_sizes(base: int, size: int) -> tuple[int, ...]:
    """Return the page sizes, of those that kernels have, whose multiples base and size are."""
    return tuple(page for page in (4 * KIB, 16 * KIB, 64 * KIB) if not (base % page or size % page))
