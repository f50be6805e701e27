# SPDX-License-Identifier: Apache-2.0
"""What one kernel does differently from another: one named field per decision.

The values given here are those of Linux 5.10; `kernel/changes.py` says which release changed which field.
The simulator branches on these fields and never on a version, since distributions backport.
Section numbers are those of the kernel-semantics specification.
"""

from __future__ import annotations

from typing import Literal

from carveout.values import NamedTuple


class Behaviour(NamedTuple):
    """The decisions of one kernel. Field names are the ones `--behaviour NAME=VALUE` takes."""

    # --- scan of the flat tree (1.1, 6) ---------------------------------------------------------------
    memory_nodes: Literal["any-depth", "root-children"] = "any-depth"
    """Which nodes with device_type `memory` count; `any-depth` ignores their status."""
    memory_reg_length: Literal["lenient", "strict"] = "lenient"
    """`strict`: a reg whose length is no multiple of an entry is rejected as a whole."""
    chosen_lookup: Literal["exact-name", "path"] = "exact-name"
    initrd_reversed: Literal["accepted", "ignored"] = "accepted"
    """What happens when linux,initrd-start is above linux,initrd-end."""
    initrd_in_use_message: Literal["one-line", "continued"] = "one-line"
    """arm, riscv: how the kernel says that an initrd is where something is reserved (1.3)."""
    usable_memory_range: Literal["arm64-first", "generic", "generic-strict"] = "arm64-first"
    elfcorehdr: Literal["arm64-after-regions", "after-scan", "first", "first-strict"] = "arm64-after-regions"
    """When linux,elfcorehdr is reserved, and whether its length is checked."""
    memreserve: Literal["first", "last"] = "first"
    """Memory reservation block before or after /reserved-memory (1.6)."""
    string_properties: Literal["raw", "checked"] = "raw"
    """`checked`: status and compatible must end in NUL, else they count as absent."""

    # --- /reserved-memory (3) -------------------------------------------------------------------------
    reserved_memory_lookup: Literal["exact-name", "path"] = "exact-name"
    region_nodes: Literal["all-depths", "children"] = "all-depths"
    region_table: Literal["sorted-queue", "two-pass"] = "sorted-queue"
    """`sorted-queue`: 64 slots, sorted, then allocated and initialised (3.5). `two-pass`: 3.6."""
    static_reg_entries: Literal["all", "first"] = "all"
    static_reg_malformed: Literal["skip", "absent"] = "skip"
    static_reg_empty: Literal["nothing", "counts", "absent"] = "nothing"
    """A `reg` of length 0: `counts` reads the cells behind it in the blob, as 6.12 does."""
    extra_reg_warning: Literal["none", "late", "early"] = "none"
    early_fixup: Literal["none", "reserve", "validated"] = "none"
    """When arm's dma_contiguous_early_fixup() sees a static pool: never before init, or while reserving."""
    region_validate: Literal["none", "before-reserve"] = "none"
    """`before-reserve`: the CMA handler may veto a region before anything is reserved."""
    static_nomap_busy: Literal["reserved", "reserved-ram"] = "reserved"
    """When a static no-map region is refused: any reserved byte, or only if the range also is RAM."""
    dynamic_nomap: Literal["remove", "reserve-and-mark"] = "remove"
    dynamic_cma_align: Literal["CMA", "DMA_CMA"] = "CMA"
    """The configuration option that makes the kernel align dynamic contiguous pools."""
    alloc_ranges_malformed: Literal["skip", "absent"] = "skip"
    alloc_direction: Literal["top-down", "neighbour"] = "top-down"
    """`neighbour`: bottom-up beside an already placed dynamic region (3.4)."""
    alloc_failure_message: Literal["plain", "with-size"] = "plain"
    region_message_prefix: Literal["OF: fdt: ", "OF: reserved mem: "] = "OF: fdt: "
    reserve_failure_level: Literal["info", "err"] = "info"
    handler_dispatch: Literal["try-next", "stop"] = "try-next"
    """After a handler fails: try the next match, or stop unless it says ENODEV."""
    cma_handler_checks: Literal["cmdline-first", "flags-first"] = "cmdline-first"
    init_failure_undo: Literal["free-and-add", "clear-or-free", "kept"] = "free-and-add"
    """`kept`: what a refused region had reserved stays reserved, as in kernels older than 5.10 (ikwzm/udmabuf issue 29)."""
    init_failure_entry: Literal["kept", "dropped"] = "kept"
    region_summary: Literal["none", "line"] = "none"
    """The `a..b (N KiB) map non-reusable NAME` line."""
    sort_variant: Literal["A", "B"] = "A"
    sort_key: Literal["base-size", "base-size-node"] = "base-size"
    refused_root_entries: Literal[0, 64] = 0
    """How many entries the late pass allocates when /reserved-memory was refused (3.6)."""
    restricted_pool: Literal["absent", "known"] = "absent"
    fsl_qbman_handlers: Literal["declared", "absent"] = "declared"
    dma_default: Literal["arm", "DMA_GLOBAL_POOL"] = "arm"

    # --- binding of devices (5.1) ---------------------------------------------------------------------
    device_lookup: Literal["phandle", "name"] = "phandle"
    second_coherent_pool: Literal["ignored", "busy"] = "ignored"
    region_resource: Literal["absent", "known"] = "absent"
    """Whether drivers can ask with of_reserved_mem_region_to_resource()."""
    region_devices: Literal["first", "more"] = "first"
    """For regions with which compatibles the kernel makes platform devices: three, or four more."""
    iommu_addresses: Literal["ignored", "read"] = "ignored"
    coherent_reach: Literal["silent", "warns"] = "silent"
    """Whether the kernel warns of a coherent pool that the device cannot reach."""
    coherent_map_message: Literal["printed", "silent"] = "printed"
    """Whether the kernel also says that a coherent pool failed, after memremap() has refused it."""
    region_missing_entry: Literal["found", "absent"] = "found"
    """Whether a region whose initialisation failed is still found by drivers."""

    # --- contiguous memory (4) ------------------------------------------------------------------------
    cma_min_alignment: Literal["max-order", "pageblock"] = "max-order"
    max_order_counts: Literal["orders", "order"] = "orders"
    """Whether (ARCH_)FORCE_MAX_(ZONE)ORDER is the number of orders or the highest one."""
    cma_slots: Literal["areas+1", "areas"] = "areas+1"
    cma_high: Literal["highmem-only", "above-4g-after-highmem", "above-4g-by-dram", "above-4g-by-limit"] = (
        "highmem-only"
    )
    cma_user_limit: Literal["clamped", "wins"] = "clamped"
    cma_messages: Literal["plain", "node", "requested"] = "plain"
    """`node`: with ` on node N`; `requested`: plain, and the size before rounding."""
    cma_boundary_check: Literal["always", "highmem"] = "always"
    pernuma_cma: Literal["before", "config-before", "after"] = "before"
    """When per-node areas are made, relative to the default area (4.5)."""
    hugetlb_cma: Literal["single", "multi"] = "single"
    unactivated_cma: Literal["kept", "released"] = "kept"

    # --- memblock (2) ---------------------------------------------------------------------------------
    memblock_full: Literal["enomem", "panic"] = "enomem"
    arm64_memory_array: Literal["128", "1024"] = "128"
    """Entries of the list of RAM on arm64 kernels built with EFI; all others have 128."""
    memblock_alloc_flag: Literal["none", "RSRV_KERN"] = "none"
    hotplug_until_numa: Literal["kept", "cleared"] = "kept"
    """Whether NUMA set-up clears the HOTPLUG flag of all memory (2.4)."""
    numa_distance_nodes: Literal["ignored", "counted"] = "ignored"
    """Whether a node that only the distance map names is a node."""
    numa_reserved_nodes: Literal["untouched", "labelled"] = "untouched"
    """Whether NUMA set-up gives what is reserved by then to its node, which splits it at node borders."""
    cap_without_memory: Literal["silent", "warns"] = "silent"

    # --- arm64 (1.2, 4.6) -----------------------------------------------------------------------------
    arm64_kernel_start: Literal["_text", "_stext"] = "_text"
    arm64_initrd: Literal["re-add", "add-and-map"] = "re-add"
    arm64_dma_limit: Literal["power-of-two", "exact"] = "power-of-two"
    arm64_linear_map_warning: Literal["silent", "warns"] = "silent"
    arm64_sparse: Literal["before-cma", "after-cma"] = "before-cma"
    arm64_kernel_mapping: Literal["apart", "with-memory"] = "apart"
    """Whether the kernel image is taken out of the linear map and mapped with blocks."""
    arm64_map_borders: Literal["outward", "inward"] = "outward"
    """Which way the linear map rounds a border of RAM that lies inside a page, beside a no-map region."""
    arm64_iomem_nomap: Literal["inward", "outward"] = "inward"
    """Which way /proc/iomem rounds no-map memory to whole pages (5.5)."""
    arm64_swapper_tables: Literal["allocated", "static"] = "allocated"
    """Whether the tables of the kernel image come from memblock (and init_pg_dir is freed)."""
    arm64_numa_distance: Literal["always", "with-map"] = "always"
    arm64_node_cpumask: Literal["none", "allocated"] = "none"
    arm64_rodata_blocks: Literal["honoured", "ignored"] = "honoured"
    kfence_pool: Literal["none", "early"] = "none"

    # --- 32-bit arm (1.3, 7.1) ------------------------------------------------------------------------
    arm_vmalloc_gap: Literal["default-only", "always"] = "default-only"
    """Whether `vmalloc=SIZE` leaves the gap of 8 MiB below it too."""
    arm_vmalloc_message: Literal["MB", "MiB"] = "MB"
    arm_mem_map: Literal["paging-init", "after-setup"] = "paging-init"
    """When struct pages are allocated: before the late pass over static regions, or after setup_arch()."""

    # --- riscv (1.4) ----------------------------------------------------------------------------------
    riscv_regions: Literal["after-unflatten", "before-dtb"] = "after-unflatten"
    """/reserved-memory after page tables and the tree (5.10), or before the tree itself is reserved."""
    riscv_address_bits: Literal["39", "probed"] = "39"
    """Width of virtual addresses: fixed, or the widest the CPU has."""
    riscv_kernel_end: Literal["exact", "section"] = "exact"
    """`section`: what the kernel reserves for itself is rounded up to 2 MiB."""
    riscv_lowest_ram: Literal["kernel", "zero"] = "kernel"
    """`kernel`: RAM below the kernel is ignored (6.2)."""
    riscv_memory_limit: Literal["page-offset", "virt-size-less-4g", "virt-size"] = "page-offset"
    """How much RAM is kept at most, when mem= does not say less."""
    riscv_linear_cap: Literal["none", "always", "when-exceeded"] = "none"
    """Whether RAM is cut at the end of the linear map, counted from the first RAM."""
    riscv_mmu_type: Literal["ignored", "limits"] = "ignored"
    """`limits`: mmu-type of a cpu node limits how wide virtual addresses are."""
    riscv_crashkernel: Literal["absent", "below-4g-first", "generic"] = "absent"
    riscv_sparse: Literal["in-setup", "later"] = "in-setup"
    """Whether the memory map is allocated in setup_arch(), before the crash kernel, or after it."""

    # --- powerpc64 (1.5, 7.3, 13) ---------------------------------------------------------------------
    powerpc_root_cells: Literal["after-chosen", "before-chosen"] = "after-chosen"
    """Read after /chosen, so that linux,elfcorehdr, in cells of the root, reserves nothing."""
    powerpc_memory_limit: Literal["page-up", "16m-down"] = "page-up"
    """How the end of RAM is rounded; `16m-down` also cuts RAM that is no multiple of 16 MiB."""
    powerpc_crashkernel: Literal["own", "generic"] = "own"
    powerpc_root_crashkernel: Literal["read", "ignored"] = "read"
    """Whether linux,crashkernel-base and -size at the root count."""
    powerpc_memory_map: Literal["buffer", "blocks"] = "buffer"
    """Struct pages from one buffer for all sections, or block by block."""
    powerpc_vmemmap_list: Literal["always", "hash"] = "always"
    """With which MMU the blocks of struct pages are also kept in a list."""
    powerpc_kvm_area: Literal["after-map", "late"] = "after-map"
    """KVM's contiguous area: at the end of setup_arch(), or after the first percpu chunk and hash tables."""

    # --- crash kernel (1.7) ---------------------------------------------------------------------------
    crashkernel: Literal["arm64-low", "arm64-high-low", "generic"] = "arm64-low"
    crashkernel_suffixes: Literal["high-low", "high-low-cma"] = "high-low"
    """Which are known; with any other the text is malformed."""
    crashkernel_value_message: Literal["bare", "size-named", "named"] = "bare"
    """Whether the message about a size, and a base, that is no number names the parameter."""

    # --- pools of a running system (5.2, 5.3; cma 1) ----------------------------------------------------
    runtime_cma_no_room: Literal["ENOMEM", "EBUSY"] = "ENOMEM"
    """What cma_alloc() returns when no free run is long enough and no attempt met a busy page."""
    runtime_cma_available: Literal["ignored", "checked"] = "ignored"
    """`checked`: a request for more pages than are free fails at once, without a search."""
    runtime_cma_ranges: Literal["one", "several"] = "one"
    runtime_cma_too_large: Literal["no-events", "no-finish", "finish"] = "no-events"
    """Which trace events a request larger than the area leaves."""
    runtime_cma_finish_pfn: Literal["last-tried", "zero"] = "last-tried"
    """The page frame number in the last event of a request that failed."""
    runtime_cma_event_pfn: Literal["bare", "0x"] = "bare"
    """How trace events write a page frame number."""
    runtime_cma_busy_events: Literal["absent", "present"] = "absent"
    runtime_cma_function: Literal[
        "cma_alloc", "cma_alloc: NAME", "__cma_alloc: NAME", "__cma_alloc_frozen: NAME"
    ] = "cma_alloc"
    """Who the line about a failed request says it is from."""
    runtime_cma_free_runs: Literal["debug", "always", "by-range"] = "debug"
    """Whether a failed request makes the kernel list the free runs; `debug`: with CONFIG_CMA_DEBUG only."""
    runtime_atomic_pools: Literal["each-zone", "populated-zones"] = "each-zone"
    """For which memory zones the DMA layer takes an atomic pool from the default area at boot."""
    runtime_restricted_search: Literal["stride", "slots"] = "stride"
    """How a restricted pool looks for slots: in steps of the alignment from a rounded start, or slot by slot to one
    that is aligned to the size."""
