# SPDX-License-Identifier: Apache-2.0
"""riscv64: the KFENCE pool and the page tables that setup_vm_final() takes from memblock.

Theory of operation: RAM without no-map is mapped with the largest leaves that fit, so a slot of addresses costs
a table unless one leaf covers it. The kernel image and the KFENCE pool cut RAM into pieces; the pool is mapped in
pages. A piece that does not begin on a page is mapped in pages to its end, since no address in it is aligned.
Source: the page tables of every recorded boot agree with this count (kernel-semantics 1.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.memblock import Flag
from carveout.boot.page_tables import inside, take_pages, total, touched
from carveout.boot.state import KernelPanic
from carveout.span import GIB, MIB, TIB, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 1.4"
_PAGE = 4096
_KFENCE_PAGES = 512
# What one entry of a table of each level maps; the root table is static.
_LEAVES = (_PAGE, 2 * MIB, GIB, 512 * GIB, 256 * TIB)
TABLE_LEVELS = {39: 2, 48: 3, 57: 4}
"""Width of virtual addresses → levels of tables below the root."""
_WIDEST = 57
_MMU_TYPES = {b"riscv,sv39": 39, b"riscv,sv48": 48, b"riscv,sv57": 57}


def address_bits(state: EarlyBoot) -> int:
    """Return how wide virtual addresses are: 39, 48 or 57 bits.

    The CPU decides unless the kernel knows one width only, or believes mmu-type. What a CPU can do is taken from
    --cpu-va, else from an mmu-type of riscv,sv39; the emulated CPU of the recorded boots has 57 bits whatever
    its mmu-type says.
    """
    if state.behaviour.riscv_address_bits == "39":
        return 39
    stated = _stated_bits(state)
    given = state.scene.cpu_va
    widest = given if given in TABLE_LEVELS else 39 if stated == 39 else _WIDEST
    limit = _WIDEST
    if state.behaviour.riscv_mmu_type == "limits" and stated is not None:
        limit = stated
    for word, bits in (("no4lvl", 39), ("no5lvl", 48)):
        if state.arguments.has(word):
            limit = min(limit, bits)
            break
    allowed = min(widest, limit, state.config.va_bits)
    return max(bits for bits in TABLE_LEVELS if bits <= max(allowed, 39))


def _stated_bits(state: EarlyBoot) -> int | None:
    # mmu-type of the first cpu node that has one.
    for prop in state.board.tree.properties_named("mmu-type"):
        return _MMU_TYPES.get(prop.value.rstrip(b"\0").lower())
    return None


def setup_vm_final(state: EarlyBoot, ram_base: int, bits: int) -> None:
    """Take the KFENCE pool and the page tables. ram_base: where the linear map begins; bits: address_bits()."""
    pool = _kfence_pool(state)
    levels = TABLE_LEVELS[bits]
    # The kernel's own mapping has tables of its own, except for pages.
    count = linear_map_tables(state, ram_base, levels, pool) + levels - 1
    reason = "tables of the linear map and of the kernel"
    try:
        take_pages(state, count, "page tables", reason, source=_SOURCE, panic=None)
    except KernelPanic:
        state.doubts.append("no page was left for a page table: how the kernel stops then was never seen")
        raise


def _kfence_pool(state: EarlyBoot) -> Span | None:
    # Taken even when kfence.sample_interval is 0.
    if state.behaviour.kfence_pool != "early" or not state.config.kfence:
        return None
    size = _KFENCE_PAGES * state.config.page_size
    base = state.allocate(size, state.config.page_size, "kfence pool", "CONFIG_KFENCE", source=_SOURCE)
    return Span.sized(base, size) if base else None


def linear_map_tables(state: EarlyBoot, ram_base: int, levels: int, pool: Span | None) -> int:
    """Return how many tables the linear map needs. levels: of tables below the root; pool: KFENCE's."""
    pieces = list(_pieces(state, pool))
    by_leaf = [piece for piece in pieces if piece != pool and piece.start % _PAGE == 0]
    count = 0
    for level in range(levels):
        width = _LEAVES[level + 1]
        count += total(touched(pieces, ram_base, width))
        # Leaves of one more level exist only with as many levels of tables above, and where both the physical
        # and the virtual address, which counts from ram_base, are aligned.
        if (level == 0 or level + 2 <= levels) and ram_base % width == 0:
            count -= total(inside(by_leaf, ram_base, width))
    return count


def _pieces(state: EarlyBoot, pool: Span | None) -> Iterator[Span]:
    # RAM without no-map, cut at the borders of the image and of the pool. Empty pieces are left out.
    image = state.scene.kernel_image
    cuts = sorted(edge for span in (image, pool) if span is not None for edge in span)
    for region in state.mb.memory:
        if region.flags & Flag.NOMAP:
            continue
        start, end = region.base, region.base + region.size
        for cut in (*(c for c in cuts if start < c < end), end):
            # Pages are counted from where the piece begins: the last one may end before the piece does.
            pages = (cut - start + _PAGE - 1) // _PAGE
            yield Span(start, start + (pages - 1) * _PAGE + 1 if start % _PAGE else cut)
            start = cut
