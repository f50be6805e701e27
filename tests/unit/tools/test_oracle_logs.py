# SPDX-License-Identifier: Apache-2.0
"""The live check reads logs into what the recordings have."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tools.oracle.log_kernel import kernel_lines, log_fields
from tools.oracle.log_memblock import op_row
from tools.oracle.trees import cells

from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build
from carveout.observe.memblock_debug import last_dump, parse_ops

STAMP = "[    0.000000] "


def tree(*children: DraftNode) -> bytes:
    cell = {"#address-cells": cells(2, 1), "#size-cells": cells(2, 1)}
    return build(DraftNode("", cell, [DraftNode("reserved-memory", {**cell, "ranges": b""}, children)]))


def log(*lines: str) -> str:
    return "".join(f"{STAMP}{line}\r\n" for line in lines)


def test_lines_lose_their_stamps_and_others_are_left_out() -> None:
    text = "OpenSBI v1.1\n[    0.000000][    T0] OF: a\n[   12.345678] b\nx overlaps with y\n   junk kept\n"
    assert kernel_lines(text) == ["OF: a", "b", "x overlaps with y", "   junk kept"]


def test_a_request_and_the_reservation_for_it_are_one_call() -> None:
    request = (
        "memblock_phys_alloc_range: 4096 bytes align=0x1000 from=0x0000000000000000 "
        "max_addr=0xffffffffffffffff early_init_dt_alloc_reserved_memory_arch+0x40/0xa0"
    )
    ops = parse_ops(
        [
            request,
            "memblock_reserve: [0x0000000080000000-0x0000000080000fff] memblock_alloc_range_nid+0x104/0x1a8",
            "memblock_reserve: [0x0000000040200000-0x00000000402fffff] arm64_memblock_init+0x1/0x2",
        ]
    )
    assert [op_row(op) for op in ops] == [
        {
            "op": "alloc",
            "api": "memblock_phys_alloc_range",
            "base": "0x80000000",
            "size": "0x1000",
            "align": "0x1000",
            "min": "0x0",
            "max": "0xffffffffffffffff",
            "caller": "early_init_dt_alloc_reserved_memory_arch",
        },
        {"op": "reserve", "base": "0x40200000", "size": "0x100000", "caller": "arm64_memblock_init"},
    ]


def test_a_request_that_got_nothing_has_no_base() -> None:
    request = (
        "memblock_phys_alloc_range: 4096 bytes align=0x1000 from=0x0000000000000000 "
        "max_addr=0x0000000000000001 early_pgtable_alloc+0x28/0x50"
    )
    served = "memblock_reserve: [0x0000000080000000-0x0000000080000fff] memblock_alloc_range_nid+0x1/0x2"
    failed, got = parse_ops([request, request, served])
    assert failed.base is None
    assert got.base == 0x8000_0000


def test_equal_allocations_one_below_the_other_are_one_run() -> None:
    lines = []
    for page in (9, 8, 7, 4):
        lines += [
            "memblock_phys_alloc_range: 4096 bytes align=0x1000 from=0x0 max_addr=0x1 early_pgtable_alloc+0x1/0x2",
            f"memblock_reserve: [0x{page:x}000-0x{page:x}fff] memblock_alloc_range_nid+0x1/0x2",
        ]
    run, other = parse_ops(lines)
    assert (run.base, run.lowest, run.count) == (0x9000, 0x7000, 3)
    assert (other.base, other.count) == (0x4000, 1)


def test_the_last_dump_counts() -> None:
    lines = [
        "MEMBLOCK configuration:",
        " memory[0x0]\t[0x0000000040000000-0x000000007fffffff], 0x0000000040000000 bytes flags: 0x0",
        "MEMBLOCK configuration:",
        " memory[0x0]\t[0x0000000040000000-0x000000007fffffff], 0x0000000040000000 bytes on node 0 flags: 0x4",
        " reserved[0x0]\t[0x0000000040200000-0x00000000402fffff], 0x0000000000100000 bytes flags: 0x20",
    ]
    dump, at = last_dump(lines)
    assert at == 2
    assert dump is not None
    assert dump.memory == ((0x4000_0000, 0x4000_0000, 4, 0),)
    assert dump.reserved == ((0x4020_0000, 0x10_0000, 0x20, None),)
    assert last_dump(["nothing"]) == (None, 1)


def dynamic(name: str, size: int) -> DraftNode:
    return DraftNode(name, {"size": cells(size, 2)})


def reserved_by_early_code(base: int, size: int) -> str:
    return f"memblock_reserve: [0x{base:016x}-0x{base + size - 1:016x}] early_init_dt_alloc_reserved_memory_arch+0x1/0x2"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            ["OF: reserved mem: 0x0000000050000000..0x00000000500fffff (1024 KiB) nomap non-reusable a"],
            {"base": "0x50000000", "size": "0x100000", "source": "log-line", "nomap": True, "reusable": False},
            id="own line",
        ),
        pytest.param(
            ["Reserved memory: created CMA memory pool at 0x0000000050000000, size 1 MiB",
             "OF: reserved mem: initialized node a, compatible id shared-dma-pool"],
            {"base": "0x50000000", "size": "0x100000", "source": "pool-line", "pool": "cma",
             "initialized": "shared-dma-pool"},
            id="pool",
        ),
        pytest.param(
            [reserved_by_early_code(0x5000_0000, 0x10_0000)],
            {"base": "0x50000000", "size": "0x100000", "source": "memblock-op"},
            id="call",
        ),
        pytest.param(
            ["OF: reserved mem: failed to allocate memory for node 'a': size 1 MiB"],
            {"base": None, "size": None, "source": None, "alloc_failed": True},
            id="failed",
        ),
    ],
)  # fmt: skip
def test_how_a_placement_is_known(lines: list[str], expected: dict[str, object]) -> None:
    row = log_fields(log(*lines), tree(dynamic("a", 0x10_0000)), None)["regions"][0]
    assert row == {"name": "a", "kind": "dynamic", **expected}


def test_regions_of_one_size_cannot_be_told_apart() -> None:
    dtb = tree(dynamic("a", 0x10_0000), dynamic("b", 0x10_0000))
    calls = [reserved_by_early_code(base, 0x10_0000) for base in (0x5000_0000, 0x4FF0_0000)]
    rows = log_fields(log(*calls), dtb, None)["regions"]
    assert [row["candidates"] for row in rows] == [["0x4ff00000", "0x50000000"]] * 2


def test_the_kernel_is_the_reservation_behind_its_load_address() -> None:
    lines = [
        "memblock_reserve: [0x0000000048000000-0x0000000048000fff] arm64_memblock_init+0x1/0x2",
        "memblock_reserve: [0x0000000040210000-0x00000000411fffff] arm64_memblock_init+0x1/0x2",
    ]
    image = log_fields(log(*lines), tree(), 0x4020_0000)["kernel_image"]
    assert image == {"base": "0x40210000", "size": "0xff0000", "caller": "arm64_memblock_init"}


def test_lines_of_other_fields() -> None:
    fields = log_fields(
        log(
            "cma: Reserved 64 MiB at 0x000000007c000000 on node -1",
            "cma: Failed to reserve 32 MiB",
            "Memory: 900000K/1048576K available (1K kernel code, 8352K reserved, 65536K cma-reserved)",
            "  DMA      [mem 0x0000000040000000-0x000000007fffffff]",
            "  Normal   empty",
            "Kernel panic - not syncing: no working init",
        )
        + "** 7 printk messages dropped **\n",
        tree(),
        None,
    )
    assert fields["cma"] == [
        {"ok": True, "mib": 64, "base": "0x7c000000"},
        {"ok": False, "mib": 32, "base": None},
    ]
    assert fields["memory_line"]["cma_reserved_kib"] == 65536
    assert fields["zones"] == {"DMA": {"base": "0x40000000", "end": "0x80000000"}, "Normal": None}
    assert fields["panic"] == "no working init"
    assert fields["dropped_messages"] == 7
