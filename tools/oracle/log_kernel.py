# SPDX-License-Identifier: Apache-2.0
"""A boot's log as the fields of a recording (tests/data/boots/README.md says what each means)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.observe.log_lines import Record
from carveout.observe.log_machine import MachineReader
from carveout.observe.log_messages import find
from carveout.observe.memblock_debug import last_dump, parse_ops
from carveout.span import MIB

from .log_memblock import dump_row, hexed, op_row
from .log_regions import region_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.observe.memblock_debug import Op

    from .log_memblock import Row

_STAMP = re.compile(r"^\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")
# The second line of a message has no stamp of its own.
_CONTINUED = ("OVERLAP", " ")
_MEMBLOCK = ("memblock", "__memblock", " memory", " reserved", " physmem")
_ABOUT_REGIONS = re.compile(r"[Rr]eserved mem|OVERLAP| overlaps with |defined regions|OF: fdt: ")
_AREAS = ("cma-reserved", "cma-failed")
_SWIOTLB = re.compile(r"software IO TLB: mapped \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]")
_DROPPED = re.compile(r"\*\* (\d+) printk messages dropped")
_COMMAND_LINE = "Kernel command"
_IMAGE_RESERVER = re.compile(r"arm64_memblock_init|arm_memblock_init|setup_bootmem|paging_init")
_IMAGE_SHIFT = 16 * MIB
"""At most so far behind its load address does the kernel's reservation of itself begin."""

# Lines for a person who reads a recording.
_NOTABLE = re.compile(
    r"WARN|BUG|fail|invalid|ignor|overlap|unsupported|not enough|too many|bypass|incorrect|unable|exceed|Truncat"
    r"|Malformed|outside|disabl|Oops|panic|must be aligned|not yet supported|out of memory|lost|violate|expected",
    re.IGNORECASE,
)
_NOT_NOTABLE = re.compile(
    r"^(acpi|audit|cacheinfo|clk: Disabling|CPU|DMI|EDAC|efi|evm|GIC|hw-|ima|iommu: DMA|KASLR|Kernel command"
    r"|kvm|LSM|mce|Mountpoint|NetLabel|NFS|pci|platform|PM: genpd|pnp:|printk|psci|raid6|rcu|sched|Serial:|smp"
    r"|.*spectre|.*SELinux|.*lockdown|trace event|workqueue|xor|Yama|zswap)",
    re.IGNORECASE,
)
_NOTABLE_KEPT = 60
_EARLY = re.compile(
    r"^(OF: |Reserved memory|cma: |crashkernel|Memory|Zone ranges|OVERLAP|\S+@\S+ \(0x|not enough|Kernel panic"
    r"|Unable to handle|Insufficient|highmem)",
    re.IGNORECASE,
)


def kernel_lines(text: str) -> list[str]:
    """Return the kernel's lines without time stamps; what others print on the console is left out."""
    kept = []
    for line in text.replace("\r", "").splitlines():
        stamp = _STAMP.match(line)
        if stamp is not None:
            kept.append(line[stamp.end() :])
        elif line.startswith(_CONTINUED) or " overlaps with " in line:
            kept.append(line)
    return kept


def log_fields(text: str, dtb: bytes, kernel_at: int | None) -> Row:
    """Return the fields of a recording that come from the log. kernel_at: where the image runs, if it is known."""
    lines = kernel_lines(text)
    ops = parse_ops(lines)
    dump, begins = last_dump(lines)
    regions, order = region_rows(dtb, lines, ops, dump)
    before = parse_ops(lines[:begins])
    early = _without_memblock(lines)
    return {
        "reserved_mem_messages": [line for line in early if _ABOUT_REGIONS.search(line)],
        "reserved_mem_order": order,
        "regions": regions,
        "memblock_ops": [op_row(op) for op in before],
        "ops_before_dump": len(before),
        "memblock_dump": None if dump is None else dump_row(dump),
        "cma": cma_rows(early),
        "memory_line": _memory_line(early),
        "zones": _zones(early),
        "swiotlb": _swiotlb(early),
        "crashkernel": [
            line for line in early if "crashkernel" in line.lower() and not line.startswith(_COMMAND_LINE)
        ],
        "warnings": notable(early),
        "dropped_messages": sum(int(number) for number in _DROPPED.findall(text)),
        "kernel_image": _kernel_image(ops, kernel_at),
        "panic": panic_of(early),
        "probe": None,
    }


def early_console_fields(text: str, dtb: bytes, outcome: str) -> Row:
    """Return what a second boot with an early console shows; see the README of the recordings."""
    lines = _without_memblock(kernel_lines(text))
    return {
        "outcome": outcome,
        "panic": panic_of(lines),
        "messages": [line for line in lines if _EARLY.match(line)],
        "regions": region_rows(dtb, lines, [], None)[0],
        "warnings": notable(lines),
    }


def _without_memblock(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if not line.startswith(_MEMBLOCK)]


def panic_of(lines: Iterable[str]) -> str | None:
    """Return the text of the panic."""
    return _machine(line for line in lines if "Kernel panic" in line).panic


def notable(lines: Iterable[str]) -> list[str]:
    """Return other lines that say something went wrong, each once."""
    found = (line for line in lines if _NOTABLE.search(line) and not _NOT_NOTABLE.match(line))
    return list(dict.fromkeys(found))[:_NOTABLE_KEPT]


def cma_rows(lines: Iterable[str]) -> list[Row]:
    """Return each `cma: Reserved` and `cma: Failed to reserve` line."""
    return [
        {"ok": said.family == "cma-reserved", "mib": said.get("mib"), "base": hexed(said.get("base"))}
        for line in lines
        if line.startswith("cma: ") and (said := find(line)) is not None and said.family in _AREAS
    ]


def _machine(lines: Iterable[str]) -> MachineReader:
    reader = MachineReader()
    for number, line in enumerate(lines, 1):
        reader.feed(Record(number, line, None, is_headed=True))
    return reader


def _memory_line(lines: Iterable[str]) -> Row | None:
    found = _machine(lines).memory_line
    return {f"{re.sub('[ -]', '_', name)}_kib": kib for name, kib in found.items()} or None


def _zones(lines: Iterable[str]) -> Row:
    return {
        name: None if span is None else {"base": hexed(span.start), "end": hexed(span.end)}
        for name, span in _machine(lines).zones.items()
    }


def _swiotlb(lines: Iterable[str]) -> list[Row]:
    return [
        {"base": hexed(int(match[1], 16)), "end": hexed(int(match[2], 16))}
        for line in lines
        if (match := _SWIOTLB.search(line)) is not None
    ]


def _kernel_image(ops: Sequence[Op], kernel_at: int | None) -> Row | None:
    found = [
        op
        for op in ops
        if op.op == "reserve" and op.base is not None and _IMAGE_RESERVER.search(op.caller)
        if kernel_at is None or 0 <= op.base - kernel_at < _IMAGE_SHIFT
    ]
    # An initrd that is said to lie on the kernel is reserved by the same function, before it.
    image = found[0] if kernel_at is None and found else max(found, key=lambda op: op.size, default=None)
    if image is None:
        return None
    return {"base": hexed(image.base), "size": hexed(image.size), "caller": image.caller}
