# SPDX-License-Identifier: Apache-2.0
"""The table of changes: which release changed which decision, and how that is known.

Folded over a version it gives the Behaviour of that kernel. `release` is the release in which the change
appeared, where that is known; otherwise only the two booted releases around it are known, narrowed by
`not_before` (the patch was posted when older releases were closed) and `seen` (a source of that release has
it). A version between two booted ones is reported as modelled, with what is not known about it.
"""

from __future__ import annotations

from carveout.values import NamedTuple


class Change(NamedTuple):
    """One field that changed. by: the first booted release with the new value."""

    by: str
    field: str
    value: str | int
    release: str | None = None
    commit: str | None = None
    source: str = ""
    """Section of kernel-semantics; `binding N` is one of binding; then what else shows it."""
    not_before: str | None = None
    """No release older than this can have it."""
    seen: str | None = None
    """The oldest release of which a source with it was read, or named with it."""

    @property
    def certain_from(self) -> str:
        """The oldest release that has it for certain."""
        return self.release or self.seen or self.by

    @property
    def possible_from(self) -> str | None:
        """The oldest release that can have it; None: any after the booted one before `by`."""
        return self.release or self.not_before


# Where the narrowing comes from.
# `merged DATE`: the mail of that day which announces what was pushed to torvalds/linux names the commit.
_DT_516 = "devicetree-for-5.16, merged 2021-11"
_DT_517 = "devicetree-for-5.17, merged 2022-01-13"
_DT_65 = "Devicetree updates for v6.5, 20230627191433.GA2599784-robh@kernel.org"
_DMA_66 = "dma-mapping updates for Linux 6.6, ZO4NUZ+k4Q4zPu6X@infradead.org"
_DMA_612 = "dma-mapping updates for Linux 6.12, ZuvYnXzbM2qfXQPT@infradead.org"
_KDUMP_67 = "merged 2023-11-03, after 6.6"
_READ_60 = "of_reserved_mem.c of Linux 6.0.1, HHRhr/linux-6.0.1 at 02aed361a465"
_POSTED_2026 = "binding 2: posted from March 2026 on"


CHANGES: tuple[Change, ...] = (
    # --- between 5.10 and 6.1 -------------------------------------------------------------------------
    Change("6.1", "memory_nodes", "root-children", "5.17", "1f012283e936", f"6.1, 9; {_DT_517}"),
    Change("6.1", "chosen_lookup", "path", "5.17", "60f20d84dc81", f"1.1; {_DT_517}"),
    Change("6.1", "reserved_memory_lookup", "path", "5.16", "fb2293fd5ef1", f"3.1; {_DT_516}"),
    Change("6.1", "region_nodes", "children", "5.16", "fb2293fd5ef1", f"3.2; {_DT_516}"),
    Change("6.1", "initrd_reversed", "ignored", source="1.1"),
    # 5.17 (8347b41748c3) made it generic; a second range came later.
    Change("6.1", "usable_memory_range", "generic", source="1.1, 6.3", not_before="5.17"),
    Change("6.1", "elfcorehdr", "after-scan", source="1.6"),
    Change("6.1", "static_nomap_busy", "reserved-ram", "5.17", "da17d6905d29", f"3.3; {_DT_517}"),
    Change("6.1", "dynamic_nomap", "reserve-and-mark", source=f"3.4; {_READ_60}", seen="6.0"),
    Change("6.1", "alloc_failure_message", "with-size", source=f"3.9; {_READ_60}", seen="6.0"),
    Change("6.1", "reserve_failure_level", "err", source="3.9"),
    Change("6.1", "init_failure_undo", "clear-or-free", source=f"3.5; {_READ_60}", seen="6.0"),
    Change("6.1", "restricted_pool", "known", source="3.7"),
    Change("6.1", "dma_default", "DMA_GLOBAL_POOL", source="3.7"),
    Change("6.1", "region_devices", "more", source="3.7"),
    Change("6.1", "coherent_map_message", "silent", source="5.1"),
    Change("6.1", "cma_min_alignment", "pageblock", source="4.1"),
    Change("6.1", "cma_high", "above-4g-after-highmem", source="4.3"),
    Change("6.1", "unactivated_cma", "released", source="5.3"),
    Change("6.1", "cap_without_memory", "warns", source="2.6"),
    Change("6.1", "arm64_memory_array", "1024", source="2.2"),
    Change("6.1", "arm64_kernel_start", "_stext", source="1.2"),
    Change("6.1", "arm64_initrd", "add-and-map", source="1.2"),
    Change("6.1", "arm64_iomem_nomap", "outward", source="5.5; /proc/iomem of recorded boots"),
    Change("6.1", "arm64_linear_map_warning", "warns", source="1.2"),
    Change("6.1", "hugetlb_cma_nodes", "read", source="booted: 5.10.223, 6.1.176"),
    Change("6.1", "hugetlb_cma_share", "whole-pages", source="booted: 5.10.223, 6.1.176"),
    Change("6.1", "hugetlb_cma_align", "smaller-page", source="booted: 5.10.223, 6.1.176"),
    Change("6.1", "arm_empty_crashkernel", "ignored", source="booted: 5.10.223, 6.1.176"),
    Change("6.1", "numa_distance_nodes", "counted", source="booted: 5.10.223, 6.1.176"),
    Change("6.1", "crashkernel", "arm64-high-low", source="1.7"),
    Change("6.1", "initrd_in_use_message", "continued", source="1.3"),
    Change("6.1", "riscv_regions", "before-dtb", source="1.4"),
    Change("6.1", "riscv_address_bits", "probed", source="7.2"),
    Change("6.1", "riscv_kernel_end", "section", source="1.4"),
    Change("6.1", "riscv_memory_limit", "virt-size-less-4g", source="1.4"),
    Change("6.1", "riscv_crashkernel", "below-4g-first", source="1.7"),
    Change("6.1", "arm_vmalloc_gap", "always", source="7.1"),
    Change("6.1", "arm_vmalloc_message", "MiB", source="7.1"),
    Change("6.1", "runtime_cma_too_large", "no-finish", source="cma 1.1"),
    Change("6.1", "runtime_cma_event_pfn", "0x", source="cma 1.7"),
    Change("6.1", "runtime_cma_busy_events", "present", source="cma 1.7"),
    Change("6.1", "runtime_cma_function", "cma_alloc: NAME", source="5.3"),
    # --- between 6.1 and 6.12 -------------------------------------------------------------------------
    Change("6.12", "memreserve", "last", "6.4", "b41328187629", "1.6"),
    Change("6.12", "region_table", "two-pass", "6.12", "8a6e02d0c00e", "3.6"),
    Change("6.12", "static_reg_empty", "counts", "6.12", "8a6e02d0c00e", "3.3"),
    Change("6.12", "extra_reg_warning", "late", "6.12", "8a6e02d0c00e", "3.6"),
    Change("6.12", "sort_key", "base-size-node", "6.5", "4cea2821882b", f"3.6; {_DT_65}"),
    Change("6.12", "sort_variant", "B", source="3.8"),
    Change("6.12", "refused_root_entries", 64, "6.12", "8a6e02d0c00e", "3.6"),
    Change("6.12", "region_message_prefix", "OF: reserved mem: ", source="3.9"),
    Change("6.12", "device_lookup", "name", source="5.1"),
    Change("6.12", "iommu_addresses", "read", "6.3", source="binding 2"),
    Change("6.12", "early_fixup", "reserve", source="3.3"),
    Change("6.12", "elfcorehdr", "first", source="1.6"),
    Change("6.12", "alloc_direction", "neighbour", "6.5", "83ba7361e168", f"3.4; {_DT_65}"),
    # The text was mended later: spaces and the unit.
    Change("6.12", "region_summary", "line", "6.3", "aeb9267eb6b1", "3.6; merged 2023-02-24, after 6.2"),
    Change("6.12", "fsl_qbman_handlers", "absent", source="3.7"),
    Change("6.12", "max_order_counts", "order", "6.4", "23baf831a32c", "4.1; merged 2023-04-28, after 6.3"),
    Change("6.12", "cma_slots", "areas", "6.9", "73307523c9bb", "3.7; merged 2024-03-15, after 6.8"),
    Change("6.12", "cma_high", "above-4g-by-dram", source="4.3"),
    Change("6.12", "cma_messages", "node", source="4.4"),
    Change("6.12", "hugetlb_cma_align", "page", source="booted: 6.1.176, 6.12.117"),
    # Two commits: for all architectures, and numa_cma=.
    Change("6.12", "pernuma_cma", "config-before", "6.6", "bf29bfaa5490", f"4.5; {_DMA_66}"),
    Change("6.12", "memblock_full", "panic", source="2.2"),
    Change("6.12", "hotplug_until_numa", "cleared", source="2.4"),
    Change("6.12", "numa_reserved_nodes", "labelled", source="4.6"),
    Change("6.12", "arm64_kernel_start", "_text", source="1.2"),
    Change("6.12", "arm64_dma_limit", "exact", "6.12", "3be9b846896d", f"1.2; {_DMA_612}"),
    Change("6.12", "arm64_map_borders", "inward", source="booted: 6.12.117"),
    Change("6.12", "arm64_swapper_tables", "static", source="4.6"),
    Change("6.12", "arm64_numa_distance", "with-map", source="4.6"),
    Change("6.12", "arm64_node_cpumask", "allocated", source="4.6"),
    Change("6.12", "arm64_rodata_blocks", "ignored", source="4.6"),
    Change("6.12", "kfence_pool", "early", source="4.6"),
    Change("6.12", "powerpc_root_cells", "before-chosen", source="1.5, 13"),
    Change("6.12", "powerpc_memory_limit", "16m-down", source="1.5"),
    Change("6.12", "powerpc_vmemmap_list", "hash", source="recorded boots"),
    Change("6.12", "crashkernel_value_message", "size-named", source="booted: 6.12.117"),
    Change("6.12", "crashkernel", "generic", "6.7", "fdc268232dbb", f"1.7; {_KDUMP_67}"),
    Change("6.12", "riscv_lowest_ram", "zero", source="6.2"),
    Change("6.12", "riscv_memory_limit", "virt-size", source="1.4"),
    Change("6.12", "riscv_linear_cap", "always", source="1.4"),
    Change("6.12", "riscv_crashkernel", "generic", "6.7", "39365395046f", f"1.7; {_KDUMP_67}"),
    Change("6.12", "runtime_cma_function", "__cma_alloc: NAME", source="5.3"),
    Change("6.12", "runtime_cma_free_runs", "always", source="cma 1.1"),
    Change("6.12", "runtime_restricted_search", "slots", source="cma 1.4"),
    # --- between 6.12 and 7.2 -------------------------------------------------------------------------
    Change("7.2", "memory_reg_length", "strict", source="6.1"),
    Change("7.2", "usable_memory_range", "generic-strict", source="6.3"),
    Change("7.2", "elfcorehdr", "first-strict", source="1.1"),
    Change("7.2", "string_properties", "checked", source="3.2"),
    Change("7.2", "static_reg_entries", "first", source=f"3.3; {_POSTED_2026}", not_before="7.0"),
    Change("7.2", "static_reg_malformed", "absent", source="3.3"),
    Change("7.2", "static_reg_empty", "absent", source="3.3"),
    Change("7.2", "extra_reg_warning", "early", source=f"3.3; {_POSTED_2026}", not_before="7.0"),
    Change("7.2", "early_fixup", "validated", source=f"3.3; {_POSTED_2026}", not_before="7.0"),
    Change("7.2", "region_validate", "before-reserve", source=f"3.3; {_POSTED_2026}", not_before="7.0"),
    Change("7.2", "dynamic_cma_align", "DMA_CMA", source=f"3.4; {_POSTED_2026}", not_before="7.0"),
    Change("7.2", "alloc_ranges_malformed", "absent", source="3.4"),
    Change("7.2", "handler_dispatch", "stop", source=f"3.7; {_POSTED_2026}", not_before="7.0"),
    Change("7.2", "cma_handler_checks", "flags-first", source=f"3.7; {_POSTED_2026}", not_before="7.0"),
    Change("7.2", "init_failure_entry", "dropped", source=f"3.6; {_POSTED_2026}", not_before="7.0"),
    Change("7.2", "sort_key", "base-size", source="3.6"),
    Change("7.2", "refused_root_entries", 0, source="3.6"),
    Change(
        "7.2",
        "region_resource",
        "known",
        source='5.1; posted 2025 for 6.16, "of: reserved_mem: Add functions to parse memory-region"',
        not_before="6.16",
    ),
    Change("7.2", "second_coherent_pool", "busy", source="5.1"),
    Change("7.2", "coherent_reach", "warns", source="5.1"),
    Change("7.2", "region_missing_entry", "absent", source=f"5.1; {_POSTED_2026}", not_before="7.0"),
    Change("7.2", "cma_high", "above-4g-by-limit", source="4.3"),
    Change("7.2", "cma_user_limit", "wins", source="4.2"),
    Change("7.2", "cma_messages", "requested", source="4.4"),
    Change("7.2", "cma_boundary_check", "highmem", source="4.3"),
    Change(
        "7.2",
        "pernuma_cma",
        "after",
        source="4.5; posted 2026-04-23, dma-contiguous: setup default pernuma cma area",
        not_before="7.0",
    ),
    Change("7.2", "hugetlb_cma", "multi", source="4.5"),
    Change("7.2", "hugetlb_cma_size", "multiple", source="booted: 7.2.13"),
    Change("7.2", "memblock_alloc_flag", "RSRV_KERN", source="2.1"),
    Change("7.2", "powerpc_crashkernel", "generic", source="13"),
    Change("7.2", "crashkernel_suffixes", "high-low-cma", source="1.7"),
    Change("7.2", "crashkernel_value_message", "named", source="booted: 7.2.13"),
    Change("7.2", "powerpc_root_crashkernel", "ignored", source="13"),
    Change("7.2", "powerpc_memory_map", "blocks", source="boots with memblock=debug"),
    Change("7.2", "powerpc_kvm_area", "late", source="boots with memblock=debug"),
    Change("7.2", "arm64_sparse", "after-cma", source="1.2"),
    Change("7.2", "arm64_map_borders", "outward", source="booted: 7.2.13"),
    Change("7.2", "arm64_kernel_mapping", "with-memory", source="4.6"),
    Change("7.2", "riscv_linear_cap", "when-exceeded", source="1.4"),
    Change("7.2", "riscv_mmu_type", "limits", source="recorded boots: page tables of a tree with sv48"),
    Change("7.2", "riscv_sparse", "later", source="recorded boots"),
    Change("7.2", "arm_mem_map", "after-setup", source="5.6"),
    Change("7.2", "runtime_cma_no_room", "EBUSY", source="cma 1.1"),
    Change("7.2", "runtime_cma_available", "checked", source="cma 1.1"),
    Change("7.2", "runtime_cma_ranges", "several", source="cma 1.1"),
    Change("7.2", "runtime_cma_too_large", "finish", source="cma 1.1"),
    Change("7.2", "runtime_cma_finish_pfn", "zero", source="cma 1.1"),
    Change("7.2", "runtime_cma_function", "__cma_alloc_frozen: NAME", source="5.3"),
    Change("7.2", "runtime_cma_free_runs", "by-range", source="cma 1.1"),
    Change("7.2", "runtime_atomic_pools", "populated-zones", source="cma 1.1"),
)
