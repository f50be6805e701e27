# SPDX-License-Identifier: Apache-2.0
"""The kernel's messages about reserved memory and contiguous memory: text and level, as data.

Each template is used to write a line; readers of logs use the same table. `{prefix}` is the field
`region_message_prefix` of the Behaviour.
Source: kernel-semantics 3.9, 4.3, 4.4, 1.6, 1.7.
"""

from __future__ import annotations

from carveout.values import NamedTuple


class Message(NamedTuple):
    """One message of the kernel."""

    level: str
    text: str
    is_about_regions: bool = True
    """About reserved memory or contiguous memory; the other lines tell of limits and the crash kernel."""


MESSAGES: dict[str, Message] = {
    # scan of the flat tree
    "ignoring-block": Message("warn", "OF: fdt: Ignoring memory block 0x{start:x} - 0x{end:x}"),
    "ignoring-range": Message("warn", "OF: fdt: Ignoring memory range 0x{start:x} - 0x{end:x}"),
    "elfcorehdr-overlap": Message("warn", "OF: fdt: elfcorehdr is overlapped"),
    "elfcorehdr": Message("info", "OF: fdt: Reserving {kib} KiB of memory at 0x{base:x} for elfcorehdr"),
    "elfcorehdr-overlap-arm64": Message("warn", "elfcorehdr is overlapped", is_about_regions=False),
    "elfcorehdr-arm64": Message(
        "info", "Reserving {kib}KB of memory at 0x{base:x} for elfcorehdr", is_about_regions=False
    ),
    "bad-reserve-block": Message("err", "OF: fdt: Invalid memory reservation block index {index}"),
    # /reserved-memory
    "no-node": Message("info", "OF: reserved mem: Reserved memory: No reserved-memory node in the DT"),
    "unsupported-format": Message("err", "{prefix}Reserved memory: unsupported node format, ignoring"),
    "invalid-reg": Message(
        "err", "{prefix}Reserved memory: invalid reg property in '{name}', skipping node."
    ),
    "reserve-failed": Message(
        "err",
        "{prefix}Reserved memory: failed to reserve memory for node '{name}': base {base}, size {mib} MiB",
    ),
    "many-entries": Message(
        "warn",
        "OF: reserved mem: Reserved memory: node '{name}' has {count} <base size> entries, "
        "only the first is used",
    ),
    "ignores-regions": Message(
        "warn",
        "OF: reserved mem: fdt_scan_reserved_mem_reg_nodes() ignores {count} regions in node '{name}'",
    ),
    "invalid-size": Message("err", "OF: reserved mem: invalid size property in '{name}' node."),
    "invalid-alignment": Message("err", "OF: reserved mem: invalid alignment property in '{name}' node."),
    "invalid-alloc-ranges": Message(
        "err", "OF: reserved mem: invalid alloc-ranges property in '{name}', skipping node."
    ),
    "alloc-failed": Message("info", "OF: reserved mem: failed to allocate memory for node '{name}'"),
    "alloc-failed-size": Message(
        "err", "OF: reserved mem: failed to allocate memory for node '{name}': size {mib} MiB"
    ),
    "not-enough-space": Message("err", "OF: reserved mem: not enough space for all defined regions."),
    "too-many-dynamic": Message("err", "OF: reserved mem: too many defined dynamic regions, skip '{name}'"),
    "initialized": Message("info", "OF: reserved mem: initialized node {name}, compatible id {compatible}"),
    "matching-fail": Message("info", "OF: reserved mem: node {name} compatible matching fail"),
    "summary": Message("info", "OF: reserved mem: {base}..{last} ({kib} KiB) {nomap} {reusable} {name}"),
    "overlap": Message("err", "OF: reserved mem: OVERLAP DETECTED!"),
    "overlap-pair": Message(
        "err", "{name} ({base}--{end}) overlaps with {other} ({other_base}--{other_end})"
    ),
    # region drivers
    "cma-created": Message("info", "Reserved memory: created CMA memory pool at {base}, size {mib} MiB"),
    "cma-bypass": Message("info", "Reserved memory: bypass {name} node, using cmdline CMA params instead"),
    "cma-skipped": Message("err", 'Skipping dt linux,cma-default node in favor for "cma=" kernel param.'),
    "cma-alignment": Message("err", "Reserved memory: incorrect alignment of CMA region"),
    "cma-setup-failed": Message("err", "Reserved memory: unable to setup CMA region"),
    "dma-created": Message("info", "Reserved memory: created DMA memory pool at {base}, size {mib} MiB"),
    "dma-needs-nomap": Message("err", "Reserved memory: regions without no-map are not yet supported"),
    "restricted-created": Message(
        "info", "software IO TLB: Reserved memory: created restricted DMA pool at {base}, size {mib} MiB"
    ),
    # contiguous memory
    "cma-slots": Message("err", "cma: Not enough slots for CMA reserved regions!"),
    "cma-misaligned": Message("err", "cma: Region at {base} must be aligned to {align} bytes"),
    "cma-boundary": Message("err", "cma: Region at {base} defined on low/high memory boundary ({boundary})"),
    "cma-exceeds": Message("err", "cma: Size ({size}) of region at {base} exceeds limit ({limit})"),
    "cma-no-pageblock": Message("err", "cma: pageblock_order not yet initialized. Called during early boot?"),
    "cma-reserved": Message("info", "cma: Reserved {mib} MiB at {base}"),
    "cma-reserved-node": Message("info", "cma: Reserved {mib} MiB at {base} on node {nid}"),
    "cma-reserved-ranges": Message("info", "cma: Reserved {mib} MiB in {count} range"),
    "cma-failed": Message("err", "cma: Failed to reserve {mib} MiB"),
    "cma-failed-node": Message("err", "cma: Failed to reserve {mib} MiB on node {nid}"),
    "cma-node-failed": Message("warn", "cma: {function}: reservation failed: err {error}, node {nid}"),
    "cma-node-invalid": Message("warn", "cma: invalid node {nid} specified"),
    "hugetlb-small": Message(
        "warn", "hugetlb_cma: cma area should be at least {mib} MiB", is_about_regions=False
    ),
    "hugetlb-multiple": Message(
        "warn", "hugetlb_cma: cma area must be a multiple of {mib} MiB", is_about_regions=False
    ),
    "hugetlb-small-node": Message(
        "warn", "hugetlb_cma: cma area of node {nid} should be at least {mib} MiB", is_about_regions=False
    ),
    "hugetlb-multiple-node": Message(
        "warn", "hugetlb_cma: cma area of node {nid} must be a multiple of {mib} MiB", is_about_regions=False
    ),
    "hugetlb-plan": Message(
        "info", "hugetlb_cma: reserve {mib} MiB, up to {each} MiB per node", is_about_regions=False
    ),
    "hugetlb-reserved": Message(
        "info", "hugetlb_cma: reserved {mib} MiB on node {nid}", is_about_regions=False
    ),
    "hugetlb-failed": Message(
        "warn", "hugetlb_cma: reservation failed: err {error}, node {nid}", is_about_regions=False
    ),
    "cma-not-activated": Message("err", "cma: CMA area {name} could not be activated"),
    "cma-store": Message("warn", "Couldn't store CMA reserved area."),
    # crash kernel
    "crash-reserved": Message(
        "info", "crashkernel reserved: 0x{base:016x} - 0x{end:016x} ({mib} MB)", is_about_regions=False
    ),
    "crash-low-reserved": Message(
        "info",
        "crashkernel low memory reserved: 0x{base:08x} - 0x{end:08x} ({mib} MB)",
        is_about_regions=False,
    ),
    "crash-no-size": Message("warn", "crashkernel: memory value expected", is_about_regions=False),
    "crash-char": Message("warn", "crashkernel: unrecognized char: {char}", is_about_regions=False),
    "crash-value": Message("warn", "crashkernel: Memory value expected", is_about_regions=False),
    "crash-value-bare": Message("warn", "Memory value expected", is_about_regions=False),
    "crash-value-after": Message(
        "warn", "crashkernel: Memory value expected after '@'", is_about_regions=False
    ),
    "crash-no-dash": Message("warn", "crashkernel: '-' expected", is_about_regions=False),
    "crash-no-colon": Message("warn", "crashkernel: ':' expected", is_about_regions=False),
    "crash-end": Message("warn", "crashkernel: end <= start", is_about_regions=False),
    "crash-invalid-size": Message("warn", "crashkernel: invalid size", is_about_regions=False),
    "crash-zero": Message("info", "crashkernel size resulted in zero bytes", is_about_regions=False),
    "crash-failed": Message("warn", "cannot allocate crashkernel (size:0x{size:x})", is_about_regions=False),
    "crash-low-failed": Message(
        "warn", "cannot allocate crashkernel low memory (size:0x{size:x}).", is_about_regions=False
    ),
    "crash-in-use": Message(
        "warn", "crashkernel reservation failed - memory is in use.", is_about_regions=False
    ),
    "crash-overlaps": Message(
        "warn", "cannot reserve crashkernel: region overlaps reserved memory", is_about_regions=False
    ),
    "crash-not-memory": Message(
        "warn", "cannot reserve crashkernel: region is not memory", is_about_regions=False
    ),
    "crash-misaligned": Message(
        "warn", "cannot reserve crashkernel: base address is not 2MB aligned", is_about_regions=False
    ),
    "crash-reserving": Message(
        "info",
        "Reserving {mib}MB of memory at {base_mib}MB for crashkernel (System RAM: {ram_mib}MB)",
        is_about_regions=False,
    ),
    "crash-not-found": Message(
        "err", "crashkernel reservation failed - No suitable area found.", is_about_regions=False
    ),
    # limits
    "ignoring-ram": Message("notice", "Ignoring RAM at {start}-{end}", is_about_regions=False),
    "vmalloc-small-mb": Message(
        "warn", "vmalloc area too small, limiting to {mib}MB", is_about_regions=False
    ),
    "vmalloc-big-mb": Message("warn", "vmalloc area is too big, limiting to {mib}MB", is_about_regions=False),
    "vmalloc-small-mib": Message(
        "warn", "vmalloc area is too small, limiting to {mib}MiB", is_about_regions=False
    ),
    "vmalloc-big-mib": Message(
        "warn", "vmalloc area is too big, limiting to {mib}MiB", is_about_regions=False
    ),
    "memory-limited": Message("notice", "Memory limited to {mib}MB", is_about_regions=False),
    "initrd-unreachable": Message(
        "warn",
        "initrd not fully accessible via the linear mapping -- please check your bootloader ...",
        is_about_regions=False,
    ),
    "initrd-not-memory": Message(
        "err",
        "INITRD: 0x{base:08x}+0x{size:08x} is not a memory region - disabling initrd",
        is_about_regions=False,
    ),
    "initrd-in-use": Message(
        "err",
        "INITRD: 0x{base:08x}+0x{size:08x} overlaps in-use memory region - disabling initrd",
        is_about_regions=False,
    ),
    "initrd-in-use-continued": Message(
        "err",
        "INITRD: 0x{base:08x}+0x{size:08x} overlaps in-use memory region\n - disabling initrd",
        is_about_regions=False,
    ),
    "crash-reserve-failed": Message(
        "err", "Failed to reserve memory for crashkernel!", is_about_regions=False
    ),
    "crash-over-kernel": Message(
        "warn", "Crash kernel can not overlap current kernel", is_about_regions=False
    ),
    "crash-base-aligned": Message(
        "warn", "Crash kernel base must be aligned to 0x{page:x}", is_about_regions=False
    ),
    "crash-raised-limit": Message(
        "info", "Adjusted memory limit for crashkernel, now 0x{limit:x}", is_about_regions=False
    ),
    "kvm-cma": Message("info", "kvm_cma_reserve: reserving {mib} MiB for global area"),
    "crash-reserved-riscv": Message(
        "info", "crashkernel: reserved 0x{base:016x} - 0x{end:016x} ({mib} MB)", is_about_regions=False
    ),
    "crash-failed-riscv": Message("warn", "crashkernel: couldn't allocate {kib}KB", is_about_regions=False),
    "linear-map-small": Message(
        "warn", "Memory doesn't fit in the linear mapping, VA_BITS too small", is_about_regions=False
    ),
    "no-memory-to-cap": Message(
        "warn", "memblock_cap_memory_range: No memory registered yet", is_about_regions=False
    ),
    # a running system
    "cma-alloc-failed": Message(
        "err", "cma: {function}: alloc failed, req-size: {pages} pages, ret: {error}"
    ),
    "cma-free-runs": Message(
        "info", "cma: number of available pages: {runs}=> {free} free of {total} total pages"
    ),
}
