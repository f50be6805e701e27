# SPDX-License-Identifier: Apache-2.0
"""arm64: how many page-table pages paging_init() takes from memblock, and taking them.

Source: map_mem(), map_kernel(), arch/arm64/mm/mmu.c (kernel-semantics 4.6, steps 1 to 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.memblock import Flag
from carveout.boot.page_tables import inside, take_pages, total, touched, union
from carveout.span import GIB, Span, round_down, round_up

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 4.6"
_PGD_SPAN = 512 * GIB
_KFENCE_PAGES = 512


def paging_init(state: EarlyBoot, memstart: int) -> None:
    """Take the page-table pages, give back what is not needed any more, let memblock grow from here on."""
    layout = state.profile.arm64
    pool = _kfence_pool(state)
    _take_pages(state, table_pages(state, memstart, pool), "tables of the linear map")
    state.linear_map = [Span(*run) for run in union(mapped_ranges(state))]
    text = text_start(state)
    if text is not None and layout.init_pg_dir is not None:
        offset, size = layout.init_pg_dir
        state.free(text + offset, size, "kernel", "init_pg_dir is not needed any more", _SOURCE)
    state.mb.can_resize = True
    if layout.idmap_pages:
        _take_pages(state, layout.idmap_pages, "tables of the identity map")


def _take_pages(state: EarlyBoot, count: int, reason: str) -> None:
    take_pages(
        state, count, "page tables", reason, source=_SOURCE, panic="Failed to allocate page table page"
    )


def text_start(state: EarlyBoot) -> int | None:
    """Return the address of _text, or None when the place of the image is not known."""
    image = state.scene.kernel_image
    return None if image is None else image.start - state.profile.arm64.reserved_from


def _kfence_pool(state: EarlyBoot) -> Span | None:
    if state.behaviour.kfence_pool != "early" or not state.config.kfence:
        return None
    interval = state.arguments.size("kfence.sample_interval")
    if interval is None:
        interval = state.config.kfence_sample_interval
    if not interval:
        return None
    size = _KFENCE_PAGES * state.config.page_size
    reason = "kfence.sample_interval is not 0"
    base = state.allocate(size, state.config.page_size, "kfence pool", reason, needed=True, source=_SOURCE)
    return Span.sized(base, size) if base else None


def table_pages(state: EarlyBoot, memstart: int, pool: Span | None = None) -> int:
    """Return how many pages the linear map (and on older kernels the image) needs for its tables.

    memstart: start of the linear map, in bytes. pool: KFENCE's, always mapped in pages and apart from the rest.
    """
    _note_borders(state, memstart)
    mapped = mapped_ranges(state)
    kernel = _kernel_apart(state)
    slot0 = state.config.page_size * (state.config.page_size // 8)
    slot1 = slot0 * (state.config.page_size // 8)
    blocks = _maps_blocks(state, pool)
    if blocks and state.behaviour.arm64_kernel_mapping == "with-memory":
        # 7.2.13 was booted with rodata=off and a pool for KFENCE: it takes three pages more than are counted here.
        state.doubts.append("how many tables a linear map in blocks needs is not known of this kernel")
    if kernel is None:
        count = _count(mapped, memstart, slot0, slot1, blocks=blocks, kernel=None, pool=pool)
    else:
        isolated = state.mb.mark_nomap(kernel.start, kernel.size) == 0
        if isolated:
            mapped = mapped_ranges(state)
            state.mb.clear_nomap(kernel.start, kernel.size)
        count = _count(
            mapped, memstart, slot0, slot1, blocks=blocks, kernel=kernel if isolated else None, pool=pool
        )
    if state.config.page_size == 4096:
        count += total(touched([*mapped, *([kernel] if kernel else [])], memstart, _PGD_SPAN))
    if state.scene.cpu_va == 52 and state.config.va_bits == 52:
        count += 1
    return count + _image_tables(state, slot0)


def mapped_ranges(state: EarlyBoot) -> list[Span]:
    """Return RAM without no-map in whole pages; which way a border inside a page goes differs between kernels."""
    return _whole_pages(state, outward=state.behaviour.arm64_map_borders == "outward")


def _whole_pages(state: EarlyBoot, *, outward: bool) -> list[Span]:
    page = state.config.page_size
    first, last = (round_down, round_up) if outward else (round_up, round_down)
    spans = (
        Span(first(region.base, page), last(region.base + region.size, page))
        for region in state.mb.memory
        if not region.flags & Flag.NOMAP
    )
    return [span for span in spans if span.size > 0]


def _note_borders(state: EarlyBoot, memstart: int) -> None:
    # The inward rounding was seen on a later build than the recorded one, in whose boots nothing depends on it.
    if state.behaviour.arm64_map_borders == "outward":
        return
    slot0 = state.config.page_size * (state.config.page_size // 8)
    inward, outward = (
        total(touched(_whole_pages(state, outward=way), memstart, slot0)) for way in (False, True)
    )
    if inward != outward:
        state.doubts.append(
            "a no-map region ends inside a page: that the linear map leaves the page out was seen on 6.12.117"
        )


def _kernel_apart(state: EarlyBoot) -> Span | None:
    layout, text = state.profile.arm64, text_start(state)
    if state.behaviour.arm64_kernel_mapping == "with-memory" or text is None:
        return None
    return Span(text + layout.reserved_from, text + layout.init_begin)


def _maps_blocks(state: EarlyBoot, pool: Span | None) -> bool:
    # rodata=off and rodata=on switch off the splitting of the linear map into pages. A KFENCE that has no pool yet keeps
    # it, since the pool may be made later, of any memory.
    if state.behaviour.arm64_rodata_blocks == "ignored" and state.config.kfence and pool is None:
        return False
    value = state.arguments.last("rodata") or ""
    return value[:1] in ("y", "Y", "1", "n", "N", "0") or value[:2].lower() in ("on", "of")


def _count(
    mapped: list[Span],
    origin: int,
    slot0: int,
    slot1: int,
    *,
    blocks: bool,
    kernel: Span | None,
    pool: Span | None = None,
) -> int:
    everything = [*mapped, kernel] if kernel is not None else mapped
    count = total(touched(everything, origin, slot0)) + total(touched(everything, origin, slot1))
    if blocks:
        whole = everything if pool is None else _without(everything, pool)
        return count - total(inside(whole, origin, slot0)) - total(inside(whole, origin, slot1))
    if kernel is not None:
        count -= total(inside([kernel], origin, slot0))
    return count


def _without(spans: list[Span], hole: Span) -> list[Span]:
    pieces = (
        Span(max(span.start, low), min(span.end, high))
        for span in spans
        for low, high in ((0, hole.start), (hole.end, span.end))
    )
    return [piece for piece in pieces if piece.start < piece.end]


def _image_tables(state: EarlyBoot, slot0: int) -> int:
    # Tables of the kernel's own mapping: one per slot that is not wholly inside one segment, and two above.
    layout, text = state.profile.arm64, text_start(state)
    if state.behaviour.arm64_swapper_tables == "static" or text is None:
        return 0
    segments = [
        Span(text + low, text + high) for low, high in zip(layout.segments, layout.segments[1:], strict=False)
    ]
    return 2 + total(touched(segments, 0, slot0)) - total(inside(segments, 0, slot0))
