# SPDX-License-Identifier: Apache-2.0
"""The nasty tests of kernel-semantics 11, as far as they are about arm64, and surprises of section 8.

Each is a small tree, and the outcome stated there. RAM is [0x40000000, 0x80000000), the kernel lies at 0x40200000,
the tree at 0x48000000, so without other regions the first dynamic one ends at 0x80000000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.result import Outcome
from carveout.boot.run import boot
from carveout.span import GIB, Span
from support.boards import (
    IMAGES,
    KERNEL_AT,
    bases,
    board_of,
    boot_regions,
    cells,
    cpus,
    is_free,
    is_nomap,
    is_reserved,
    memory,
    mib,
    named,
    node,
    region,
    reserved_memory,
    text,
    usual_board,
    usual_scene,
    wide,
)

if TYPE_CHECKING:
    from carveout.boot.result import Boot
    from carveout.fdt.draft import DraftNode

M16 = mib(16)
POOL = "shared-dma-pool"
OLD, NEW, EVERY = ("5.10", "6.1"), ("6.12", "7.2"), ("5.10", "6.1", "6.12", "7.2")


def dynamic(name: str) -> DraftNode:
    return region(name, size=M16)


def static(name: str, base: int) -> DraftNode:
    return region(name, reg=[(base, M16)])


# ---- 1, 2: order of dynamic regions ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kernel", "names", "order"),
    [
        # 3.5: with k dynamic nodes only, 5.10 and 6.1 work in the order [1,0], [1,2,0], [1,2,3,0]; 3.8: [1,2,3,4,0].
        *(pytest.param(k, "AB", "BA", id=f"{k}-two") for k in OLD),
        *(pytest.param(k, "ABC", "BCA", id=f"{k}-three") for k in OLD),
        *(pytest.param(k, "ABCD", "BCDA", id=f"{k}-four") for k in OLD),
        *(pytest.param(k, "ABCDE", "BCDEA", id=f"{k}-five") for k in OLD),
        # 3.8: [D0, D1, S] → D1, D0; [D0, S, D1] → D0, D1. Small letters are static regions.
        *(pytest.param(k, "ABs", "BA", id=f"{k}-two-and-static") for k in OLD),
        *(pytest.param(k, "AsB", "AB", id=f"{k}-static-between") for k in OLD),
        # 3.6: 6.12 and later allocate in tree order.
        *(pytest.param(k, "AB", "AB", id=f"{k}-two") for k in NEW),
        *(pytest.param(k, "ABsCDE", "ABCDE", id=f"{k}-five-and-static") for k in NEW),
    ],
)
def test_1_2_dynamic_regions_are_placed_in_this_order(kernel: str, names: str, order: str) -> None:
    # The first one is the highest:
    #   |  ...  | third 0x7d000000 | second 0x7e000000 | first 0x7f000000 | end of RAM
    nodes = [dynamic(name) if name.isupper() else static(name, 0x5000_0000) for name in names]
    found = bases(boot_regions(kernel, *nodes))
    expected = {name: 0x7F00_0000 - at * M16 for at, name in enumerate(order)}
    assert {name: base for name, base in found.items() if name.isupper()} == expected


# ---- 3, 4: the memory reservation block --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kernel", "base"),
    [
        pytest.param("5.10", 0x7E00_0000, id="5.10-below"),
        pytest.param("6.1", 0x7E00_0000, id="6.1-below"),
        pytest.param("6.12", 0x7F00_0000, id="6.12-on-top"),
        pytest.param("7.2", 0x7F00_0000, id="7.2-on-top"),
    ],
)
def test_3_dynamic_region_and_memreserve(kernel: str, base: int) -> None:
    result = boot_regions(kernel, dynamic("dyn"), reserve=[(0x7F00_0000, M16)])
    assert named(result, "dyn").base == base
    assert is_reserved(result, 0x7F00_0000, M16)


@pytest.mark.parametrize("kernel", EVERY)
def test_4_nomap_region_over_a_memreserve_entry(kernel: str) -> None:
    fw = region("fw@50000000", "no-map", reg=[(0x5000_0000, M16)])
    result = boot_regions(kernel, fw, reserve=[(0x5000_0000, 0x1000)])
    found = named(result, "fw@50000000")
    line = (
        "OF: fdt: Reserved memory: failed to reserve memory for node 'fw@50000000': "
        "base 0x0000000050000000, size 16 MiB"
    )
    if kernel in OLD:
        assert found.outcome is Outcome.RESERVE_FAILED
        assert line in result.log
        # 8.6: it stays mapped.
        assert not any(entry.nomap for entry in result.memory)
        (said,) = [entry for entry in result.log_lines if entry.text == line]
        assert said.level == ("info" if kernel == "5.10" else "err")  # 3.9
    else:
        assert found.outcome is Outcome.PLACED
        assert is_nomap(result, 0x5000_0000, M16)
        assert is_reserved(result, 0x5000_0000, 0x1000)


# ---- 5: no-map outside RAM ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kernel", "outcome"),
    [
        pytest.param("5.10", Outcome.RESERVE_FAILED, id="5.10-EBUSY"),
        pytest.param("6.1", Outcome.PLACED, id="6.1"),
        pytest.param("6.12", Outcome.PLACED, id="6.12"),
        pytest.param("7.2", Outcome.PLACED, id="7.2"),
    ],
)
def test_5_nomap_outside_ram_over_the_tree(kernel: str, outcome: Outcome) -> None:
    fw = region("fw@30000000", "no-map", reg=[(0x3000_0000, mib(1))])
    result = boot_regions(kernel, fw, dtb_at=0x3000_0000)
    assert named(result, "fw@30000000").outcome is outcome
    # 8.27: nothing of it is recorded in memory.
    assert not any(entry.nomap for entry in result.memory)


# ---- 6, 7: alignment of contiguous pools -------------------------------------------------------------------
@pytest.mark.parametrize("kernel", EVERY)
def test_6_dynamic_pool_of_3_mib(kernel: str) -> None:
    # CMA_MIN is 4 MiB on 5.10, else 2 MiB (4.1). rdn(0x80000000 - 3 MiB, CMA_MIN) = 0x7fc00000 either way.
    result = boot_regions(kernel, region("pool", "reusable", size=mib(3), compatible=POOL))
    found = named(result, "pool")
    assert (found.outcome, found.pool, found.driver) == (Outcome.RELEASED, None, None)
    assert any(
        (step.kind, step.subject, step.base) == ("alloc", found.path, 0x7FC0_0000) for step in result.trace
    )
    assert not any(claim.who == found.path for claim in result.claims)
    about = [line for line in result.log if not line.startswith("cma: ")]
    # No summary line: 6.12 and 7.2 leave by the error branch.
    assert about == [
        "Reserved memory: incorrect alignment of CMA region",
        "OF: reserved mem: node pool compatible matching fail",
    ]


@pytest.mark.parametrize(
    ("kernel", "page_size", "passes"),
    [
        pytest.param("5.10", 4096, True, id="5.10-needs-4-MiB"),
        pytest.param("6.1", 4096, True, id="6.1-needs-2-MiB"),
        pytest.param("6.12", 4096, True, id="6.12-needs-2-MiB"),
        pytest.param("6.12", 16384, False, id="6.12-16k-needs-32-MiB"),
        pytest.param("7.2", 4096, True, id="7.2-needs-2-MiB"),
    ],
)
def test_7_static_pool_of_4_mib(kernel: str, page_size: int, passes: bool) -> None:
    pool = region("pool@50400000", "reusable", reg=[(0x5040_0000, mib(4))], compatible=POOL)
    found = named(result := boot_regions(kernel, pool, page_size=page_size), "pool@50400000")
    assert found.pool == ("cma" if passes else None)
    assert found.outcome is (Outcome.PLACED if passes else Outcome.RELEASED)
    assert is_reserved(result, 0x5040_0000, mib(4)) is passes


# ---- 8: reusable and no-map --------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", EVERY)
def test_8_reusable_and_nomap(kernel: str) -> None:
    both = region("both@50000000", "reusable", "no-map", reg=[(0x5000_0000, M16)], compatible=POOL)
    result = boot_regions(kernel, both)
    found = named(result, "both@50000000")
    summary = (
        "OF: reserved mem: 0x0000000050000000..0x0000000050ffffff (16384 KiB) nomap reusable both@50000000"
    )
    failed = "OF: reserved mem: node both@50000000 compatible matching fail"
    assert found.pool is None
    assert (summary in result.log) is (kernel == "7.2")
    assert (failed in result.log) is (kernel != "7.2")
    # 3.5: on 5.10 the undo adds what is there already, which leaves the flag; 7.2 never undoes it (3.7).
    assert is_nomap(result, 0x5000_0000, M16) is (kernel in ("5.10", "7.2"))
    assert is_free(result, 0x5000_0000, M16)
    assert found.outcome is (Outcome.PLACED if kernel == "7.2" else Outcome.RELEASED)


# ---- 9, 10: cma= and linux,cma-default ---------------------------------------------------------------------
@pytest.mark.parametrize("kernel", EVERY)
def test_9_default_pool_with_cma_0(kernel: str) -> None:
    pool = region(
        "pool@50000000", "reusable", "linux,cma-default", reg=[(0x5000_0000, mib(32))], compatible=POOL
    )
    result = boot_regions(kernel, pool, cmdline="cma=0")
    assert result.cma == ()
    assert is_free(result, 0x5000_0000, mib(32))
    if kernel == "7.2":
        line = 'Skipping dt linux,cma-default node in favor for "cma=" kernel param.'
        assert result.log == (line, line)
    else:
        assert result.log == (
            "Reserved memory: bypass pool@50000000 node, using cmdline CMA params instead",
            "OF: reserved mem: node pool@50000000 compatible matching fail",
        )


def test_9_dynamic_default_pool_with_cma_0_is_skipped_once() -> None:
    # 3.7: the message of 7.2 comes once for a dynamic node.
    pool = region("pool", "reusable", "linux,cma-default", size=mib(32), compatible=POOL)
    result = boot_regions("7.2", pool, cmdline="cma=0")
    assert result.log == ('Skipping dt linux,cma-default node in favor for "cma=" kernel param.',)
    assert (named(result, "pool").base, result.cma) == (None, ())


@pytest.mark.parametrize("kernel", EVERY)
def test_10_cma_default_without_reusable(kernel: str) -> None:
    pool = region("pool@50000000", "linux,cma-default", reg=[(0x5000_0000, M16)], compatible=POOL)
    result = boot_regions(kernel, pool, cmdline="cma=16M")
    assert named(result, "pool@50000000").pool == "dma"
    bypass = "Reserved memory: bypass pool@50000000 node, using cmdline CMA params instead"
    assert (bypass in result.log) is (kernel != "7.2")
    assert "Reserved memory: created DMA memory pool at 0x0000000050000000, size 16 MiB" in result.log
    assert [(area.name, area.size, area.is_default) for area in result.cma] == [("reserved", M16, True)]


# ---- 12 to 14: windows and alignment -----------------------------------------------------------------------
@pytest.mark.parametrize("kernel", EVERY)
def test_12_a_window_that_ends_at_2_to_64_wraps_to_anywhere(kernel: str) -> None:
    # 3.4 step 6: the end is 0, which stands for anywhere; the start is kept.
    window = (0x6000_0000, (1 << 64) - 0x6000_0000)
    result = boot_regions(kernel, region("dyn", size=M16, alloc_ranges=[window]))
    assert named(result, "dyn").base == 0x7F00_0000


@pytest.mark.parametrize("kernel", EVERY)
def test_12_a_window_that_starts_above_ram_finds_nothing(kernel: str) -> None:
    window = (0x9000_0000, (1 << 64) - 0x9000_0000)
    result = boot_regions(kernel, region("dyn", size=M16, alloc_ranges=[window]))
    assert named(result, "dyn").outcome is Outcome.ALLOC_FAILED
    sized = "" if kernel == "5.10" else ": size 16 MiB"
    assert f"OF: reserved mem: failed to allocate memory for node 'dyn'{sized}" in result.log


@pytest.mark.parametrize("kernel", EVERY)
@pytest.mark.parametrize(
    ("size", "alignment", "base"),
    [
        # 0x80000000 - 0x1000 = 0x7ffff000; & ~(0x3000 - 1) = & ~0x2fff: 0xf000 & 0xd000 = 0xd000
        pytest.param(0x1000, 0x3000, 0x7FFF_D000, id="13-no-power-of-two"),
        # 0x80000000 - 0x3000 = 0x7fffd000, which has no bit of 0x2fff
        pytest.param(0x3000, 0x3000, 0x7FFF_D000, id="13-no-power-of-two-no-effect"),
        # 0x80000000 - 0x1800, a multiple of 64
        pytest.param(0x1800, None, 0x7FFF_E800, id="14-half-pages"),
        # 0x80000000 - 1, rounded down to 64 (SMP_CACHE_BYTES, 2.5)
        pytest.param(1, None, 0x7FFF_FFC0, id="one-byte"),
        pytest.param(0x1000, 0x1000_0000, 0x7000_0000, id="256-MiB"),
    ],
)
def test_13_14_alignment_is_a_mask(kernel: str, size: int, alignment: int | None, base: int) -> None:
    found = named(boot_regions(kernel, region("dyn", size=size, alignment=alignment)), "dyn")
    assert (found.base, found.size) == (base, size)


# ---- 15, 16: several entries, and entries of size 0 --------------------------------------------------------
@pytest.mark.parametrize("kernel", EVERY)
def test_15_three_entries_of_reg(kernel: str) -> None:
    entries = [(0x5000_0000, M16), (0x5400_0000, M16), (0x5800_0000, M16)]
    result = boot_regions(kernel, region("three@50000000", reg=entries))
    found = named(result, "three@50000000")
    assert (found.base, found.size) == entries[0]
    reserved = [is_reserved(result, *entry) for entry in entries]
    free = [is_free(result, *entry) for entry in entries]
    late = "OF: reserved mem: fdt_scan_reserved_mem_reg_nodes() ignores 2 regions in node 'three@50000000'"
    early = (
        "OF: reserved mem: Reserved memory: node 'three@50000000' has 3 <base size> entries, "
        "only the first is used"
    )
    if kernel == "7.2":
        assert (reserved, free) == ([True, False, False], [False, True, True])
        assert found.extra == ()
    else:
        assert reserved == [True, True, True]
        assert found.extra == (Span.sized(*entries[1]), Span.sized(*entries[2]))
    assert (late in result.log, early in result.log) == (kernel == "6.12", kernel == "7.2")


@pytest.mark.parametrize("kernel", EVERY)
def test_16_reg_of_size_0_and_a_size(kernel: str) -> None:
    result = boot_regions(kernel, region("late", reg=[(0, 0)], size=M16))
    found = named(result, "late")
    line = "Reserved memory: failed to reserve memory for node 'late': base 0x0000000000000000, size 0 MiB"
    assert any(said.endswith(line) for said in result.log)
    if kernel in OLD:
        assert (found.kind, found.base, found.size) == ("dynamic", 0x7F00_0000, M16)
    else:
        assert found.outcome is Outcome.RESERVE_FAILED
        assert is_free(result, 0x7000_0000, M16)


# ---- 17: many regions --------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", EVERY)
def test_17_seventy_static_regions(kernel: str) -> None:
    # One page each, with a page between them.
    places = [0x5000_0000 + 0x2000 * number for number in range(70)]
    result = boot_regions(kernel, *(region(f"r@{base:x}", reg=[(base, 0x1000)]) for base in places))
    assert all(is_reserved(result, base, 0x1000) for base in places)
    full = result.log.count("OF: reserved mem: not enough space for all defined regions.")
    assert full == (6 if kernel in OLD else 0)
    summaries = [line for line in result.log if " non-reusable r@" in line]
    assert len(summaries) == (0 if kernel in OLD else 70)


@pytest.mark.parametrize("kernel", EVERY)
def test_17_seventy_dynamic_regions(kernel: str) -> None:
    # 3.5: 64 slots, the others vanish; 3.6: at most 64 dynamic regions.
    result = boot_regions(kernel, *(region(f"d{number}", size=0x1000) for number in range(70)))
    placed = [found.name for found in result.regions if found.outcome is Outcome.PLACED]
    assert placed == [f"d{number}" for number in range(64)]
    if kernel in OLD:
        assert result.log.count("OF: reserved mem: not enough space for all defined regions.") == 6
    else:
        said = [line for line in result.log if "too many" in line]
        assert said == [
            f"OF: reserved mem: too many defined dynamic regions, skip 'd{number}'"
            for number in range(64, 70)
        ]


# ---- 19: odd lengths ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", EVERY)
def test_19_alloc_ranges_of_odd_length(kernel: str) -> None:
    odd = region("odd", size=M16, extra={"alloc-ranges": cells(0, 0x5000_0000, 0)})
    result = boot_regions(kernel, odd)
    found = named(result, "odd")
    error = "OF: reserved mem: invalid alloc-ranges property in 'odd', skipping node."
    if kernel == "7.2":
        assert found.base == 0x7F00_0000
        assert error not in result.log
    else:
        assert (found.base, found.outcome) == (None, Outcome.ALLOC_FAILED)
        assert result.log.count(error) == 1


@pytest.mark.parametrize("kernel", EVERY)
def test_19_reg_of_odd_length(kernel: str) -> None:
    odd = region("odd", size=M16, extra={"reg": cells(0, 0x5000_0000, 0x1000)})
    result = boot_regions(kernel, odd)
    found = named(result, "odd")
    errors = [line for line in result.log if "invalid reg property in 'odd', skipping node." in line]
    if kernel == "7.2":
        assert (found.base, found.kind) == (0x7F00_0000, "dynamic")
        assert errors == []
    else:
        assert (found.base, found.outcome) == (None, Outcome.IGNORED)
        prefix = "OF: reserved mem: " if kernel == "6.12" else "OF: fdt: "
        line = f"{prefix}Reserved memory: invalid reg property in 'odd', skipping node."
        # 3.6: the late pass of 6.12 says it again.
        assert errors == [line] * (2 if kernel == "6.12" else 1)


# ---- 20: dma-ranges ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kernel", "base"),
    [
        # fls64(0x3bffffff) = 30 bits: limit 0x40000000; less 64 MiB, and nothing else is there.
        pytest.param("5.10", 0x3C00_0000, id="5.10-power-of-two"),
        pytest.param("6.1", 0x3C00_0000, id="6.1-power-of-two"),
        # limit 0x3c000000, less 64 MiB
        pytest.param("6.12", 0x3800_0000, id="6.12-exact"),
        pytest.param("7.2", 0x3800_0000, id="7.2-exact"),
    ],
)
def test_20_default_area_below_the_reach_of_a_bus(kernel: str, base: int) -> None:
    # 4 GiB at 0. soc addresses 0xc0000000... are CPU addresses [0, 0x3c000000), as on a Raspberry Pi 4.
    result = _boot_with_bus(kernel, status="okay")
    assert [(area.base, area.size) for area in result.cma] == [(base, mib(64))]


@pytest.mark.parametrize("kernel", EVERY)
def test_20_a_disabled_bus_is_ignored(kernel: str) -> None:
    # Then only the 32 bits of ZONE_DMA32 limit it: it is among the highest things below 4 GiB.
    (area,) = _boot_with_bus(kernel, status="disabled").cma
    assert area.base > 0xE000_0000


def _boot_with_bus(kernel: str, *, status: str) -> Boot:
    soc = node(
        "soc",
        {
            "#address-cells": cells(1),
            "#size-cells": cells(1),
            "status": text(status),
            # child address 0xc0000000, parent address 0 (two cells), size 0x3c000000
            "dma-ranges": cells(0xC000_0000, 0, 0, 0x3C00_0000),
        },
    )
    image = IMAGES[kernel, 4096]
    moved = Span(image.start - 0x4000_0000, image.end - 0x4000_0000)
    return boot_regions(
        kernel, others=[soc], ram=[Span.sized(0, 4 * GIB)], kernel_image=moved, dtb_at=0x0800_0000
    )


# ---- the extra ones ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", EVERY)
def test_grandchildren_are_regions_to_5_10_only(kernel: str) -> None:
    group = node("group", {}, region("deep@50000000", reg=[(0x5000_0000, M16)]))
    result = boot_regions(kernel, group)
    deep = kernel == "5.10"
    assert is_reserved(result, 0x5000_0000, M16) is deep
    assert named(result, "deep@50000000").outcome is (Outcome.PLACED if deep else Outcome.IGNORED)


@pytest.mark.parametrize("kernel", EVERY)
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"size_cells": 1}, id="size-cells-differ"),
        pytest.param({"address_cells": 1}, id="address-cells-differ"),
        pytest.param({"size_cells": None}, id="no-size-cells"),
        pytest.param({"address_cells": None}, id="no-address-cells"),
        pytest.param({"ranges": None}, id="no-ranges"),
    ],
)
def test_unsupported_format_drops_everything(kernel: str, broken: dict[str, int | None]) -> None:
    # 3.1: the whole node is ignored; 6.12 and 7.2 say so in both passes (3.9 has the prefixes).
    parent = reserved_memory(region("fw@50000000", reg=[(0x5000_0000, M16)]), **broken)
    result = boot_regions(kernel, others=[parent])
    assert named(result, "fw@50000000").outcome is Outcome.IGNORED
    assert is_free(result, 0x5000_0000, M16)
    prefix = "OF: reserved mem: " if kernel in NEW else "OF: fdt: "
    line = f"{prefix}Reserved memory: unsupported node format, ignoring"
    assert [said for said in result.log if "format" in said] == [line] * (2 if kernel in NEW else 1)


def test_what_a_refused_node_asks_for_is_read_with_its_parents_cells() -> None:
    lost = region("fw@50000000", "no-map", extra={"reg": cells(0x5000_0000, 0x10_0000)})
    result = boot_regions("6.12", others=[reserved_memory(lost, address_cells=1, size_cells=1)])
    fw = named(result, "fw@50000000")
    assert (fw.outcome, fw.requested_base, fw.requested_size) == (Outcome.IGNORED, 0x5000_0000, 0x10_0000)


@pytest.mark.parametrize("kernel", EVERY)
def test_ranges_need_not_be_empty_and_status_of_the_parent_is_not_looked_at(kernel: str) -> None:
    # 3.1: the content of ranges is ignored, the status of /reserved-memory is not checked.
    parent = reserved_memory(
        region("fw@50000000", reg=[(0x5000_0000, M16)]),
        ranges=wide(0, 0x8000_0000, 0x1000_0000),
        extra={"status": text("disabled")},
    )
    assert is_reserved(boot_regions(kernel, others=[parent]), 0x5000_0000, M16)


@pytest.mark.parametrize("kernel", EVERY)
@pytest.mark.parametrize(
    ("status", "kernels"),
    [
        pytest.param(b"ok\0", EVERY, id="ok"),
        pytest.param(b"okay\0", EVERY, id="okay"),
        pytest.param(b"reserved\0", (), id="reserved"),
        pytest.param(b"disabled\0", (), id="disabled"),
        pytest.param(b"fail\0", (), id="fail"),
        pytest.param(b"Okay\0", (), id="case-counts"),
        pytest.param(b"\0", (), id="empty-string"),
        # 3.2: 7.2 takes a string without its NUL for an absent one.
        pytest.param(b"disabled", ("7.2",), id="no-NUL"),
    ],
)
def test_status_of_a_region(kernel: str, status: bytes, kernels: tuple[str, ...]) -> None:
    fw = region("fw@50000000", reg=[(0x5000_0000, M16)], extra={"status": status})
    result = boot_regions(kernel, fw)
    assert is_reserved(result, 0x5000_0000, M16) is (kernel in kernels)
    # "skipped silently"
    assert all("failed" not in line and "invalid" not in line for line in result.log)


@pytest.mark.parametrize("kernel", EVERY)
def test_overlaps_are_reported_for_neighbours_only(kernel: str) -> None:
    # 3.8:  A |--------------------------------|
    #       B     |------|                          A/B is reported,
    #       C                |------|               A/C is not: only neighbours in the sorted table are compared.
    a = region("a@50000000", reg=[(0x5000_0000, 0x10_0000)])
    b = region("b@50010000", reg=[(0x5001_0000, 0x1_0000)])
    c = region("c@50030000", reg=[(0x5003_0000, 0x1_0000)])
    result = boot_regions(kernel, a, b, c)
    at = result.log.index("OF: reserved mem: OVERLAP DETECTED!")
    assert result.log[at + 1] == (
        "a@50000000 (0x0000000050000000--0x0000000050100000) overlaps with "
        "b@50010000 (0x0000000050010000--0x0000000050020000)"
    )
    assert sum("OVERLAP" in line for line in result.log) == 1


@pytest.mark.parametrize("kernel", EVERY)
def test_touching_regions_do_not_overlap(kernel: str) -> None:
    a = region("a@50000000", reg=[(0x5000_0000, 0x1000)])
    b = region("b@50001000", reg=[(0x5000_1000, 0x1000)])
    assert not any("OVERLAP" in line for line in boot_regions(kernel, a, b).log)


@pytest.mark.parametrize("kernel", EVERY)
def test_a_window_that_begins_at_the_end_of_a_dynamic_region(kernel: str) -> None:
    # 3.4 step 6: 6.12 and later turn bottom-up beside a dynamic region that is already there.
    first = region("first", size=M16, alloc_ranges=[(0x5000_0000, M16)])
    second = region("second", size=M16, alloc_ranges=[(0x5100_0000, 0x0700_0000)])
    found = bases(boot_regions(kernel, first, second))
    assert found == {"first": 0x5000_0000, "second": 0x5100_0000 if kernel in NEW else 0x5700_0000}


@pytest.mark.parametrize("kernel", EVERY)
def test_a_static_neighbour_does_not_count(kernel: str) -> None:
    # 8.15: statics are not in the table at that time.
    first = region("first@50000000", reg=[(0x5000_0000, M16)])
    second = region("second", size=M16, alloc_ranges=[(0x5100_0000, 0x0700_0000)])
    assert bases(boot_regions(kernel, first, second))["second"] == 0x5700_0000


@pytest.mark.parametrize("kernel", EVERY)
def test_a_region_between_two_neighbours_stays_top_down(kernel: str) -> None:
    # 3.4 step 6: start and end both touch, so bu == td and the direction stays.
    low = region("low", size=M16, alloc_ranges=[(0x5000_0000, M16)])
    high = region("high", size=M16, alloc_ranges=[(0x5800_0000, M16)])
    middle = region("middle", size=M16, alloc_ranges=[(0x5100_0000, 0x0700_0000)])
    assert bases(boot_regions(kernel, low, high, middle))["middle"] == 0x5700_0000


@pytest.mark.parametrize("kernel", EVERY)
def test_a_refused_region_over_the_kernel_frees_the_kernel(kernel: str) -> None:
    # 8.5: the undo frees the bytes whoever reserved them. 1.5 MiB is no size for a contiguous pool.
    over = region("over@40210000", "reusable", reg=[(KERNEL_AT + 0x1_0000, 0x18_0000)], compatible=POOL)
    result = boot_regions(kernel, over)
    assert is_free(result, KERNEL_AT + 0x1_0000, 0x18_0000)
    assert is_reserved(result, KERNEL_AT + 0x19_0000, 0x10_0000)


@pytest.mark.parametrize("kernel", EVERY)
@pytest.mark.parametrize("nomap_first", [True, False], ids=["no-map-first", "plain-first"])
def test_nomap_and_plain_regions_that_overlap(kernel: str, nomap_first: bool) -> None:
    # 8.6: plain then no-map: the no-map fails. No-map then plain: both succeed, NOMAP and reserved.
    nomap = region("nomap@50000000", "no-map", reg=[(0x5000_0000, M16)])
    plain = region("plain@50800000", reg=[(0x5080_0000, M16)])
    result = boot_regions(kernel, *([nomap, plain] if nomap_first else [plain, nomap]))
    assert is_nomap(result, 0x5000_0000, M16) is nomap_first
    assert is_reserved(result, 0x5080_0000, M16)
    found = named(result, "nomap@50000000")
    assert found.outcome is (Outcome.PLACED if nomap_first else Outcome.RESERVE_FAILED)


@pytest.mark.parametrize("kernel", EVERY)
def test_a_parent_with_a_unit_address(kernel: str) -> None:
    # 3.1: 5.10 wants the exact name.
    parent = reserved_memory(region("fw@50000000", reg=[(0x5000_0000, M16)]), name="reserved-memory@0")
    result = boot_regions(kernel, others=[parent])
    assert is_reserved(result, 0x5000_0000, M16) is (kernel != "5.10")


@pytest.mark.parametrize("kernel", EVERY)
def test_compatible_in_upper_case(kernel: str) -> None:
    # 3.2: strcasecmp.
    pool = region("pool@50000000", reg=[(0x5000_0000, M16)], compatible="Shared-DMA-Pool")
    result = boot_regions(kernel, pool)
    found = named(result, "pool@50000000")
    assert (found.pool, found.driver) == ("dma", POOL)


@pytest.mark.parametrize("kernel", EVERY)
def test_compatible_without_its_nul(kernel: str) -> None:
    # 9: 7.2 reads a checked list of strings; older kernels read on to the next NUL, here the byte of padding behind
    # the 15 of the string.
    pool = region("pool@50000000", reg=[(0x5000_0000, M16)], extra={"compatible": POOL.encode()})
    assert named(boot_regions(kernel, pool), "pool@50000000").pool == (None if kernel == "7.2" else "dma")


@pytest.mark.parametrize(
    ("kernel", "base"),
    [
        # 4.3: bottom-up from 4 GiB. The kernel ends at 0x102210000, 0x1026f0000 and 0x103100000; then comes the next
        # multiple of 2 MiB. (6.1 gives back the last 20 KiB of its image, which changes nothing.)
        pytest.param("6.1", 0x1_0240_0000, id="6.1"),
        pytest.param("6.12", 0x1_0280_0000, id="6.12"),
        pytest.param("7.2", 0x1_0320_0000, id="7.2"),
    ],
)
def test_ram_above_4_gib_only(kernel: str, base: int) -> None:
    image = IMAGES[kernel, 4096]
    moved = Span(image.start + 0xC000_0000, image.end + 0xC000_0000)
    ram = [Span.sized(4 * GIB, 2 * GIB)]
    result = boot_regions(kernel, ram=ram, kernel_image=moved, dtb_at=0x1_0800_0000)
    assert [area.base for area in result.cma] == [base]


def test_ram_above_4_gib_on_5_10_is_used_from_the_top() -> None:
    image = IMAGES["5.10", 4096]
    moved = Span(image.start + 0xC000_0000, image.end + 0xC000_0000)
    ram = [Span.sized(4 * GIB, 2 * GIB)]
    (area,) = boot_regions("5.10", ram=ram, kernel_image=moved, dtb_at=0x1_0800_0000).cma
    assert area.base > 0x1_7000_0000


def test_two_numa_nodes_get_an_area_each_on_7_2() -> None:
    # 4.5: without parameters each node gets an area of the default's size.
    board = board_of(
        cpus(),
        memory((0x4000_0000, GIB), extra={"numa-node-id": cells(0)}),
        memory((0x8000_0000, GIB), name="memory@80000000", extra={"numa-node-id": cells(1)}),
    )
    result = boot(board, usual_scene("7.2"))
    assert [(area.name, area.size) for area in result.cma] == [
        ("reserved", mib(64)),
        ("numa0", mib(64)),
        ("numa1", mib(64)),
    ]
    places = {area.name: area.base for area in result.cma}
    assert 0x4000_0000 <= places["numa0"] < 0x8000_0000 <= places["numa1"] < 0xC000_0000


@pytest.mark.parametrize("kernel", EVERY)
@pytest.mark.parametrize("movable", [True, False], ids=["movable_node", "plain"])
def test_hotpluggable_memory_is_avoided_with_movable_node_only(kernel: str, movable: bool) -> None:
    # 2.4, 13: with movable_node a dynamic region avoids the hotpluggable bank.
    from carveout.boot.run import boot

    board = board_of(
        cpus(),
        memory((0x4000_0000, GIB)),
        memory((0x8000_0000, GIB), name="memory@80000000", extra={"hotpluggable": b""}),
        reserved_memory(dynamic("dyn")),
    )
    result = boot(board, usual_scene(kernel, cmdline="movable_node" if movable else ""))
    assert named(result, "dyn").base == (0x7F00_0000 if movable else 0xBF00_0000)


@pytest.mark.parametrize("kernel", EVERY)
def test_a_plain_region_outside_ram_is_only_an_entry(kernel: str) -> None:
    # 8.27
    result = boot_regions(kernel, region("mmio@10000000", reg=[(0x1000_0000, mib(1))]))
    assert is_reserved(result, 0x1000_0000, mib(1))
    assert named(result, "mmio@10000000").outcome is Outcome.PLACED
    assert result.outcome == "ok"  # 5.6: harmless


def test_usual_board_without_regions_has_no_reserved_memory_node() -> None:
    assert usual_board().reserved_memory == ()
