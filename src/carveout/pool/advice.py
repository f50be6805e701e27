# SPDX-License-Identifier: Apache-2.0
"""From the smallest size to what goes into the tree: headroom, what each page size accepts, the property's cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import UsageError
from carveout.kernel.profile import PAGE_SIZES
from carveout.pool.sizing import area_step
from carveout.units import parse_size
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.pool.sizing import PoolNeed
    from carveout.pool.trace import TraceHeader

_MOST_HEADROOM = 1000


class Headroom(NamedTuple):
    """What is added to the smallest size: a share of it, or bytes."""

    percent: int = 0
    size: int = 0


class Legal(NamedTuple):
    """What a kernel with pages of one size demands of a contiguous area. Bytes."""

    page_size: int
    step: int
    """Base and size must be multiples of it."""
    accepts: bool
    """The advised size is one; the base is another question."""
    size: int
    """The advised size, rounded up to what this kernel accepts."""


class Advice(NamedTuple):
    """What to write. Sizes in bytes."""

    need: PoolNeed
    size: int
    """With headroom, rounded up to what the trace's kernel accepts."""
    align: int
    """The least alignment of the base."""
    legal: tuple[Legal, ...]
    """By page size; empty for a pool that is no contiguous area."""


def parse_headroom(text: str) -> Headroom:
    """Return what `20%` or `16M` stands for. Raises: SceneError, UsageError."""
    if text.endswith("%"):
        digits = text[:-1].strip()
        if not (digits.isascii() and digits.isdigit()) or int(digits) > _MOST_HEADROOM:
            raise UsageError(f"--headroom: cannot read '{text[:40]}': expected for example 20% or 16M")
        return Headroom(percent=int(digits))
    return Headroom(size=parse_size(text))


def advise(need: PoolNeed, header: TraceHeader, headroom: Headroom) -> Advice:
    """Return the size to write for a pool of this need."""
    page = header.page_size
    least = (need.exact_pages or need.pages) * page
    wanted = least + -(-least * headroom.percent // 100) + headroom.size
    step = need.step_pages * page
    size = max(-(-wanted // step) * step, need.pages * page)
    legal: list[Legal] = []
    if need.pool.kind.is_contiguous:
        for page_size in PAGE_SIZES[header.arch]:
            other = area_step(header.kernel, header.arch, page_size)
            legal.append(Legal(page_size, other, size % other == 0, -(-size // other) * other))
    return Advice(need=need, size=size, align=step, legal=tuple(legal))


def cells_text(value: int, cells: int) -> str:
    """Return a number as a .dts writes it: `<0x0 0x4000000>`."""
    words = [value >> 32 * number & 0xFFFFFFFF for number in reversed(range(cells))]
    return "<" + " ".join(f"0x{word:x}" for word in words) + ">"
