# SPDX-License-Identifier: Apache-2.0
"""An EFI boot: RAM comes from the firmware's memory map, and some of its tables are reserved.

Source: efi_init(), reserve_regions(), drivers/firmware/efi/efi-init.c; efi_memattr_init(),
efi_config_parse_tables() (kernel-semantics 1.0, 6.5; the sizes of the tables are from the recorded boots).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.fdt_scan import add_memory, apply_usable_range, find_chosen
from carveout.boot.result import StepKind
from carveout.span import Span, round_down, round_up

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot.efi_map import EfiEntry, EfiMap
    from carveout.boot.state import EarlyBoot
    from carveout.kernel import Behaviour

_SOURCE = "kernel-semantics 6.5"
_CACHEABLE = frozenset(("WB", "WT", "WC"))
_USABLE_TYPES = frozenset(
    ("Loader Code", "Loader Data", "Boot Code", "Boot Data", "Conventional", "ACPI Reclaim", "Persistent")
)
_ACPI_RECLAIM = "ACPI Reclaim"
# The memory attributes table: a header, then one EFI descriptor for each line the kernel prints.
_MEMATTR_HEADER, _MEMATTR_ENTRY = 16, 48
_MEMATTR_USUAL = 21
_MEMRESERVE_HEADER = 16
# Tables for which the kernel reserves memory that no log tells the size of.
_UNSIZED_TABLES = ("ESRT", "TPMEventLog", "MOKvar", "Unaccepted")


def is_memory(entry: EfiEntry) -> bool:
    """Say whether the kernel takes a descriptor for memory: anything that can be mapped cached or combining."""
    return bool(entry.attributes & _CACHEABLE) and not is_soft_reserved(entry)


def is_soft_reserved(entry: EfiEntry) -> bool:
    """Say whether the firmware asks to keep this memory for a special purpose."""
    return entry.type == "Conventional" and "SP" in entry.attributes


def is_usable(entry: EfiEntry) -> bool:
    """Say whether a descriptor is ordinary RAM once the firmware's boot services are gone."""
    return entry.type in _USABLE_TYPES and "WB" in entry.attributes and not is_soft_reserved(entry)


def efi_ram(efi_map: EfiMap, page_size: int) -> tuple[Span, ...]:
    """Return the ordinary RAM of a map, joined where it touches, ascending."""
    merged: list[Span] = []
    for span in sorted(_native(entry, page_size) for entry in efi_map.entries if is_usable(entry)):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(span.end, merged[-1].end))
        else:
            merged.append(span)
    return tuple(merged)


def efi_init(state: EarlyBoot) -> None:
    """Do as the kernel does in an EFI boot whose memory map is given; nothing otherwise."""
    efi_map = state.scene.efi_map
    if not state.scene.efi or efi_map is None:
        return
    _reserve_tables(state, efi_map)
    state.mb.remove(0, state.mask)
    state.step(
        StepKind.MEMORY, "efi", "RAM of the tree is forgotten: the EFI memory map counts", source=_SOURCE
    )
    for entry in efi_map.entries:
        if is_memory(entry):
            _add(state, entry)
    if state.behaviour.usable_memory_range != "arm64-first":
        apply_usable_range(state)
    place = map_place(efi_map, state.board, state.behaviour)
    if place is not None:
        page = state.config.page_size
        base = round_down(place.start, page)
        state.reserve(base, round_up(place.end, page) - base, "efi memory map", "whole pages of it", _SOURCE)


def _native(entry: EfiEntry, page_size: int) -> Span:
    # Rounded outward, so that descriptors can overlap with pages larger than those of EFI.
    return Span(round_down(entry.base, page_size), round_up(entry.end, page_size))


def _add(state: EarlyBoot, entry: EfiEntry) -> None:
    span = _native(entry, state.config.page_size)
    who = f"efi: {entry.type}"
    add_memory(state, span.start, span.size, who)
    if not is_usable(entry):
        state.mb.mark_nomap(span.start, span.size)
        state.step(
            StepKind.NOMAP, who, "the firmware keeps it", base=span.start, size=span.size, source=_SOURCE
        )
    elif entry.type == _ACPI_RECLAIM:
        state.reserve(span.start, span.size, "efi ACPI tables", "ACPI reclaim memory", _SOURCE)


def _reserve_tables(state: EarlyBoot, efi_map: EfiMap) -> None:
    memattr = efi_map.table("MEMATTR")
    if memattr is not None:
        size = _MEMATTR_HEADER + _MEMATTR_ENTRY * (efi_map.memattr_entries or _MEMATTR_USUAL)
        state.reserve(memattr, size, "efi memory attributes", "the table of that name", _SOURCE)
    memreserve = efi_map.table("MEMRESERVE")
    if memreserve is not None:
        state.reserve(
            memreserve, _MEMRESERVE_HEADER, "efi reservations", "head of the list of reservations", _SOURCE
        )


def map_place(efi_map: EfiMap, board: Board, behaviour: Behaviour) -> Span | None:
    """Return where the memory map lies: as the log says, else as /chosen says; None: neither does."""
    return efi_map.place or _chosen_place(board, behaviour)


def _chosen_place(board: Board, behaviour: Behaviour) -> Span | None:
    chosen = find_chosen(board, behaviour)
    if chosen is None:
        return None
    start, size = chosen.node.prop("linux,uefi-mmap-start"), chosen.node.prop("linux,uefi-mmap-size")
    if start is None or size is None or start.length not in (4, 8) or size.length != 4:
        return None
    return Span.sized(int.from_bytes(start.value, "big"), int.from_bytes(size.value, "big"))


def efi_gaps(state: EarlyBoot) -> list[str]:
    """Return what is not known of an EFI boot, as sentences; empty when everything is known."""
    if not state.scene.efi:
        return []
    efi_map = state.scene.efi_map
    if efi_map is None:
        return ["booted through EFI, but the memory map of the firmware is not given: pass --efi-map FILE"]
    gaps = []
    if efi_map.descriptors is not None and efi_map.descriptors != len(efi_map.entries):
        gaps.append(f"the EFI memory map has {efi_map.descriptors} entries, {len(efi_map.entries)} are given")
    given, chosen = efi_map.place, _chosen_place(state.board, state.behaviour)
    if given is None and chosen is None:
        gaps.append("where the EFI memory map itself lies is not known: neither the log nor /chosen says it")
    elif given is not None and chosen is not None and given != chosen:
        gaps.append("the log and /chosen place the EFI memory map differently")
    gaps += _table_gaps(efi_map)
    if any("MR" in entry.attributes for entry in efi_map.entries):
        gaps.append("the EFI memory map has mirrored memory, which is not simulated")
    if any(is_soft_reserved(entry) for entry in efi_map.entries):
        gaps.append("the EFI memory map has memory for a special purpose, which was never booted")
    return gaps


def _table_gaps(efi_map: EfiMap) -> list[str]:
    if efi_map.tables is None:
        return ["which EFI tables are reserved is not known: the line with MEMATTR= is not in the log"]
    gaps = []
    if efi_map.table("MEMATTR") is not None and not efi_map.memattr_entries:
        gaps.append("the size of the EFI memory attributes table is not known: its lines are not in the log")
    unsized = [name for name in _UNSIZED_TABLES if efi_map.table(name) is not None]
    if unsized:
        gaps.append(f"the kernel also reserves the EFI tables {', '.join(unsized)}, of unknown size")
    return gaps
