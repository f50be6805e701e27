# SPDX-License-Identifier: Apache-2.0
"""The table of changes: every row is sound, and folded it gives what the specification says of each kernel."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest

from carveout.kernel import resolve
from carveout.kernel.behaviour import Behaviour
from carveout.kernel.changes import CHANGES, Change
from carveout.kernel.release import BOOTED, series_key

HINTS = get_type_hints(Behaviour)
SERIES = [booted.series for booted in BOOTED]


def name_of(change: Change) -> str:
    return f"{change.field}-{change.by}"


# ---- rows --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("change", CHANGES, ids=name_of)
def test_a_row_names_a_field_and_an_allowed_value(change: Change) -> None:
    assert change.field in HINTS
    assert change.value in get_args(HINTS[change.field])


@pytest.mark.parametrize("change", CHANGES, ids=name_of)
def test_a_row_says_when_and_how_it_is_known(change: Change) -> None:
    at = SERIES.index(change.by)
    assert at > 0, "the first booted kernel is where the table begins"
    assert change.source
    for release in (change.release, change.not_before, change.seen):
        if release is not None:
            assert series_key(SERIES[at - 1]) < series_key(release) <= series_key(change.by)
    if change.commit is not None:
        assert len(change.commit) == 12
        int(change.commit, 16)


def test_a_row_changes_something() -> None:
    values: dict[str, object] = dict(Behaviour._field_defaults)
    for change in CHANGES:
        assert values[change.field] != change.value, name_of(change)
        values[change.field] = change.value


def test_rows_are_in_the_order_of_their_releases() -> None:
    order = [series_key(change.by) for change in CHANGES]
    assert order == sorted(order)
    # A field that changes twice must have its rows in this order, too.
    seen: dict[str, tuple[int, int]] = {}
    for change in CHANGES:
        key = series_key(change.certain_from)
        assert seen.get(change.field, (0, 0)) < key, name_of(change)
        seen[change.field] = key


@pytest.mark.parametrize("field", Behaviour._fields)
def test_a_field_has_choices_and_a_default_among_them(field: str) -> None:
    choices = get_args(HINTS[field])
    assert len(choices) > 1
    assert getattr(Behaviour(), field) in choices


# ---- what the specification says ---------------------------------------------------------------------------
# field: values for 5.10, 6.1, 6.12, 7.2. Section 9 of kernel-semantics line by line, then other sections.
SPECIFIED: dict[str, tuple[object, object, object, object]] = {
    # 9
    "memory_nodes": ("any-depth", "root-children", "root-children", "root-children"),
    "memory_reg_length": ("lenient", "lenient", "lenient", "strict"),
    "usable_memory_range": ("arm64-first", "generic", "generic", "generic-strict"),
    "elfcorehdr": ("arm64-after-regions", "after-scan", "first", "first-strict"),
    "memreserve": ("first", "first", "last", "last"),
    "reserved_memory_lookup": ("exact-name", "path", "path", "path"),
    "region_nodes": ("all-depths", "children", "children", "children"),
    "static_nomap_busy": ("reserved", "reserved-ram", "reserved-ram", "reserved-ram"),
    "static_reg_entries": ("all", "all", "all", "first"),
    "extra_reg_warning": ("none", "none", "late", "early"),
    "static_reg_malformed": ("skip", "skip", "skip", "absent"),
    "alloc_ranges_malformed": ("skip", "skip", "skip", "absent"),
    "region_table": ("sorted-queue", "sorted-queue", "two-pass", "two-pass"),
    "dynamic_nomap": ("remove", "reserve-and-mark", "reserve-and-mark", "reserve-and-mark"),
    "dynamic_cma_align": ("CMA", "CMA", "CMA", "DMA_CMA"),
    "alloc_direction": ("top-down", "top-down", "neighbour", "neighbour"),
    "alloc_failure_message": ("plain", "with-size", "with-size", "with-size"),
    "reserve_failure_level": ("info", "err", "err", "err"),
    "region_message_prefix": ("OF: fdt: ", "OF: fdt: ", "OF: reserved mem: ", "OF: reserved mem: "),
    "region_summary": ("none", "none", "line", "line"),
    "handler_dispatch": ("try-next", "try-next", "try-next", "stop"),
    "init_failure_entry": ("kept", "kept", "kept", "dropped"),
    "device_lookup": ("phandle", "phandle", "name", "name"),
    "second_coherent_pool": ("ignored", "ignored", "ignored", "busy"),
    "restricted_pool": ("absent", "known", "known", "known"),
    "dma_default": ("arm", "DMA_GLOBAL_POOL", "DMA_GLOBAL_POOL", "DMA_GLOBAL_POOL"),
    "cma_min_alignment": ("max-order", "pageblock", "pageblock", "pageblock"),
    "cma_slots": ("areas+1", "areas+1", "areas", "areas"),
    "cma_high": ("highmem-only", "above-4g-after-highmem", "above-4g-by-dram", "above-4g-by-limit"),
    "cma_user_limit": ("clamped", "clamped", "clamped", "wins"),
    "cma_messages": ("plain", "plain", "node", "requested"),
    "pernuma_cma": ("before", "before", "config-before", "after"),
    "arm64_sparse": ("before-cma", "before-cma", "before-cma", "after-cma"),
    "arm64_dma_limit": ("power-of-two", "power-of-two", "exact", "exact"),
    "arm64_kernel_start": ("_text", "_stext", "_text", "_text"),
    "riscv_regions": ("after-unflatten", "before-dtb", "before-dtb", "before-dtb"),
    "memblock_full": ("enomem", "enomem", "panic", "panic"),
    "memblock_alloc_flag": ("none", "none", "none", "RSRV_KERN"),
    "sort_variant": ("A", "A", "B", "B"),
    "string_properties": ("raw", "raw", "raw", "checked"),
    # 1.1
    "chosen_lookup": ("exact-name", "path", "path", "path"),
    "initrd_reversed": ("accepted", "ignored", "ignored", "ignored"),
    # 1.2
    "arm64_initrd": ("re-add", "add-and-map", "add-and-map", "add-and-map"),
    "arm64_linear_map_warning": ("silent", "warns", "warns", "warns"),
    # 2.4, 2.6
    "hotplug_until_numa": ("kept", "kept", "cleared", "cleared"),
    "cap_without_memory": ("silent", "warns", "warns", "warns"),
    # 3.3
    "static_reg_empty": ("nothing", "nothing", "counts", "absent"),
    "region_validate": ("none", "none", "none", "before-reserve"),
    "early_fixup": ("none", "none", "reserve", "validated"),
    # 3.5, 3.6
    "init_failure_undo": ("free-and-add", "clear-or-free", "clear-or-free", "clear-or-free"),
    "sort_key": ("base-size", "base-size", "base-size-node", "base-size"),
    "refused_root_entries": (0, 0, 64, 0),
    # 3.7
    "fsl_qbman_handlers": ("declared", "declared", "absent", "absent"),
    "cma_handler_checks": ("cmdline-first", "cmdline-first", "cmdline-first", "flags-first"),
    # 4.1, 4.3, 4.5
    "max_order_counts": ("orders", "orders", "order", "order"),
    "cma_boundary_check": ("always", "always", "always", "highmem"),
    # 4.6
    "arm64_kernel_mapping": ("apart", "apart", "apart", "with-memory"),
    "arm64_swapper_tables": ("allocated", "allocated", "static", "static"),
    "arm64_numa_distance": ("always", "always", "with-map", "with-map"),
    "arm64_node_cpumask": ("none", "none", "allocated", "allocated"),
    "arm64_rodata_blocks": ("honoured", "honoured", "ignored", "ignored"),
    "kfence_pool": ("none", "none", "early", "early"),
    # 5.3
    "unactivated_cma": ("kept", "released", "released", "released"),
    # 1.7
    "crashkernel": ("arm64-low", "arm64-high-low", "generic", "generic"),
}


@pytest.mark.parametrize("field", SPECIFIED)
def test_what_each_booted_kernel_does(field: str) -> None:
    found = tuple(getattr(resolve(kernel, arch="arm64").behaviour, field) for kernel in SERIES)
    assert found == SPECIFIED[field]
