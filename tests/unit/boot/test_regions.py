# SPDX-License-Identifier: Apache-2.0
"""Malformed and unusual regions, region drivers and the undo (kernel-semantics 3.3 to 3.7)."""

from __future__ import annotations

import pytest

from carveout.boot.result import Outcome, RegionKind
from carveout.boot.run import boot
from carveout.boot.scene import Scene
from support.boards import (
    IMAGES,
    KERNELS,
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
    wide,
)

M16 = mib(16)
POOL = "shared-dma-pool"
OLD, NEW = ("5.10", "6.1"), ("6.12", "7.2")


# ---- dynamic: malformed ------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("properties", "line"),
    [
        pytest.param({"size": cells(M16)}, "invalid size property in 'd' node.", id="size-of-one-cell"),
        pytest.param({"size": b""}, "invalid size property in 'd' node.", id="empty-size"),
        pytest.param(
            {"size": wide(M16) + cells(0)}, "invalid size property in 'd' node.", id="size-too-long"
        ),
        pytest.param(
            {"size": wide(M16), "alignment": cells(0x1000)},
            "invalid alignment property in 'd' node.",
            id="alignment-of-one-cell",
        ),
    ],
)
def test_lengths_must_be_exact(kernel: str, properties: dict[str, bytes], line: str) -> None:
    result = boot_regions(kernel, node("d", properties))
    assert f"OF: reserved mem: {line}" in result.log
    found = named(result, "d")
    assert (found.base, found.outcome) == (None, Outcome.ALLOC_FAILED)


@pytest.mark.parametrize("kernel", KERNELS)
def test_alignment_has_the_cells_of_an_address(kernel: str) -> None:
    # 3.4: size in #size-cells, alignment in #address-cells. Root 2/1: one cell of size, two of alignment.
    root = {"#address-cells": cells(2), "#size-cells": cells(1)}
    ram = node("memory", {"device_type": text("memory"), "reg": cells(0, 0x4000_0000, 0x4000_0000)})
    good = node("good", {"size": cells(0x1000), "alignment": wide(mib(1))})
    bad = node("bad", {"size": cells(0x1000), "alignment": cells(mib(1))})
    board = board_of(cpus(), ram, reserved_memory(good, bad, size_cells=1), root=root)
    result = boot(board, Scene(kernel=kernel, kernel_image=IMAGES[kernel, 4096], dtb_at=0x4800_0000))
    assert bases(result) == {"good": 0x7FF0_0000, "bad": None}


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_empty_list_of_windows(kernel: str) -> None:
    # 3.4 step 5: present but empty: no attempt, so it fails. 7.2 takes what is malformed for absent, but not this.
    result = boot_regions(kernel, region("d", size=M16, extra={"alloc-ranges": b""}))
    assert named(result, "d").base is None


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("windows", "base"),
    [
        # the first window that works, in their order
        pytest.param([(0x6000_0000, M16), (0x5000_0000, M16)], 0x6000_0000, id="first"),
        pytest.param([(0x1000_0000, M16), (0x5000_0000, M16)], 0x5000_0000, id="first-outside-RAM"),
        pytest.param([(0x6000_0000, mib(8)), (0x5000_0000, M16)], 0x5000_0000, id="first-too-small"),
        # 8.14: start = size = 0 means anywhere
        pytest.param([(0, 0)], 0x7F00_0000, id="zero-is-anywhere"),
        # a window of size 0 in RAM: end == start, nothing fits
        pytest.param([(0x5000_0000, 0)], None, id="size-0"),
        # (start, size), not (start, end): [0x50000000, 0xb0000000) reaches beyond RAM
        pytest.param([(0x5000_0000, 0x6000_0000)], 0x7F00_0000, id="end-taken-for-a-size"),
        # The window begins inside the kernel, above which nothing of it is left.
        pytest.param([(0x4020_0000, mib(20))], None, id="in-the-kernel"),
    ],
)
def test_windows(kernel: str, windows: list[tuple[int, int]], base: int | None) -> None:
    assert named(boot_regions(kernel, region("d", size=M16, alloc_ranges=windows)), "d").base == base


@pytest.mark.parametrize("kernel", KERNELS)
def test_why_a_region_does_not_fit(kernel: str) -> None:
    # [0x60000000, 0x61000000) with a page taken at 0x60800000: the largest piece is the upper one, 8 MiB less a page.
    hole = region("fw@60800000", reg=[(0x6080_0000, 0x1000)])
    wants = region("d", size=M16, alloc_ranges=[(0x6000_0000, M16)], alignment=mib(1))
    found = named(boot_regions(kernel, hole, wants), "d")
    assert found.outcome is Outcome.ALLOC_FAILED
    assert found.hole is not None
    assert found.hole.span == (0x6000_0000, 0x6080_0000)
    assert found.hole.usable == mib(8)
    assert (found.requested_size, found.align) == (M16, mib(1))


@pytest.mark.parametrize("kernel", KERNELS)
def test_dynamic_nomap(kernel: str) -> None:
    # 3.4 step 6: 5.10 removes it from memory; later kernels reserve it and mark it.
    result = boot_regions(kernel, region("d", "no-map", size=M16))
    assert named(result, "d").base == 0x7F00_0000
    assert is_reserved(result, 0x7F00_0000, M16) is (kernel != "5.10")
    assert is_nomap(result, 0x7F00_0000, M16) is (kernel != "5.10")
    end = max(entry.base + entry.size for entry in result.memory)
    assert end == (0x7F00_0000 if kernel == "5.10" else 0x8000_0000)


@pytest.mark.parametrize("kernel", KERNELS)
def test_dynamic_nomap_and_reusable(kernel: str) -> None:
    # 8.22, 8.32: refused until 6.12; 5.10 adds it to memory again; 6.1 and 6.12 clear the flag, but it stays reserved.
    result = boot_regions(kernel, region("d", "no-map", "reusable", size=M16, compatible=POOL))
    refused = kernel != "7.2"
    assert is_nomap(result, 0x7F00_0000, M16) is not refused
    if kernel == "5.10":
        assert not any(claim.who == "/reserved-memory/d" for claim in result.claims)
        assert sum(entry.size for entry in result.memory) == mib(1024)
    else:
        assert is_reserved(result, 0x7F00_0000, M16)
    assert named(result, "d").outcome is (Outcome.RELEASED if refused else Outcome.PLACED)


# ---- static: malformed -------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_an_empty_reg_and_a_size(kernel: str) -> None:
    # 3.3: ≤6.1 nothing happens; 6.12 counts it and reads what stands behind the property; 7.2: like an absent reg.
    result = boot_regions(kernel, region("e", size=M16, extra={"reg": b""}))
    found = named(result, "e")
    assert found.base == (0x7F00_0000 if kernel == "7.2" else found.base)
    assert is_free(result, 0x7000_0000, M16)
    if kernel in OLD:
        assert found.outcome is Outcome.IGNORED


def test_an_empty_reg_reads_the_blob_on_6_12() -> None:
    # Behind the empty value of the last property come FDT_END_NODE 2 of `e`, FDT_END_NODE 2 of its parent, FDT_END_NODE 2
    # of the root and FDT_END 9: base 0x00000002_00000002, size 0x00000002_00000009 bytes = 8388608 KiB.
    result = boot_regions("6.12", node("e", {"reg": b""}))
    assert (
        "OF: reserved mem: 0x0000000200000002..0x000000040000000a (8388608 KiB) map non-reusable e"
        in result.log
    )
    assert is_free(result, 0x2_0000_0002, 0x2_0000_0009)


@pytest.mark.parametrize("kernel", KERNELS)
def test_neither_reg_nor_size(kernel: str) -> None:
    result = boot_regions(kernel, node("n", {"compatible": text("x")}))
    found = named(result, "n")
    assert (found.kind, found.outcome, found.base) == (RegionKind.NONE, Outcome.IGNORED, None)
    # no-node is said where there is no /reserved-memory only
    assert not any("reserved mem" in line for line in result.log)


@pytest.mark.parametrize("kernel", KERNELS)
def test_reg_wins_over_size(kernel: str) -> None:
    # binding.md ST10
    found = named(
        boot_regions(kernel, region("r", reg=[(0x5000_0000, M16)], size=mib(1), alignment=M16)), "r"
    )
    assert (found.kind, found.base, found.size, found.align) == (RegionKind.STATIC, 0x5000_0000, M16, None)


# ---- handlers ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("flags", "compatible", "driver"),
    [
        pytest.param((), POOL, POOL, id="coherent"),
        pytest.param(("reusable",), POOL, POOL, id="contiguous"),
        pytest.param((), "ramoops", None, id="ramoops"),
        pytest.param((), "qcom,smem", None, id="qcom,smem"),
        # Debian's kernels are built without it (10).
        pytest.param((), "restricted-dma-pool", None, id="restricted"),
        pytest.param((), "nvidia,tegra210-emc-table", None, id="tegra210-emc-table"),
    ],
)
def test_initialized_node(kernel: str, flags: tuple[str, ...], compatible: str, driver: str | None) -> None:
    fw = region("fw@50000000", *flags, reg=[(0x5000_0000, M16)], compatible=compatible)
    result = boot_regions(kernel, fw)
    assert named(result, "fw@50000000").driver == driver
    said = [line for line in result.log if "initialized node" in line]
    assert said == (
        [f"OF: reserved mem: initialized node fw@50000000, compatible id {driver}"] if driver else []
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_lines_of_a_region_in_their_order(kernel: str) -> None:
    # 3.9: handler info, then `initialized node`, then the summary line (≥6.12).
    pool = region("pool@50000000", "no-map", reg=[(0x5000_0000, M16)], compatible=POOL)
    lines = [
        "Reserved memory: created DMA memory pool at 0x0000000050000000, size 16 MiB",
        "OF: reserved mem: initialized node pool@50000000, compatible id shared-dma-pool",
    ]
    if kernel in NEW:
        lines.append(
            "OF: reserved mem: 0x0000000050000000..0x0000000050ffffff (16384 KiB) nomap non-reusable pool@50000000"
        )
    assert list(boot_regions(kernel, pool).log[: len(lines)]) == lines


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_order_of_initialisation(kernel: str) -> None:
    # 3.5: sorted by (base, size), dynamic ones, with base 0, first; 3.6: dynamic ones early, then static ones in tree order.
    high = region("high@60000000", reg=[(0x6000_0000, M16)], compatible=POOL)
    dyn = region("dyn", size=M16, compatible=POOL)
    low = region("low@50000000", reg=[(0x5000_0000, M16)], compatible=POOL)
    log = boot_regions(kernel, high, dyn, low).log
    order = [line.split("initialized node ")[1].split(",")[0] for line in log if "initialized node" in line]
    assert order == (
        ["dyn", "low@50000000", "high@60000000"]
        if kernel in OLD
        else ["dyn", "high@60000000", "low@50000000"]
    )


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("flags", "taken"),
    [
        pytest.param((), True, id="plain"),
        pytest.param(("reusable",), False, id="reusable"),
        pytest.param(("no-map",), False, id="no-map"),
        pytest.param(("linux,cma-default",), False, id="cma-default"),
        pytest.param(("linux,dma-default",), False, id="dma-default"),
    ],
)
def test_restricted_pool_where_it_is_built(kernel: str, flags: tuple[str, ...], taken: bool) -> None:
    # 3.7 (3): ≥6.1 with DMA_RESTRICTED_POOL, which the preset `defconfig` has.
    fw = region("fw@50000000", *flags, reg=[(0x5000_0000, M16)], compatible="restricted-dma-pool")
    result = boot_regions(kernel, fw, preset="defconfig")
    found = named(result, "fw@50000000")
    if kernel == "5.10":
        assert (found.pool, found.outcome) == (None, Outcome.PLACED)
        return
    assert found.pool == ("restricted" if taken else None)
    assert found.outcome is (Outcome.PLACED if taken else Outcome.RELEASED)
    line = "software IO TLB: Reserved memory: created restricted DMA pool at 0x0000000050000000, size 16 MiB"
    assert (line in result.log) is taken


@pytest.mark.parametrize("kernel", KERNELS)
def test_qman_regions_until_6_1(kernel: str) -> None:
    # 3.7 (5): fsl,qman-fqd and its friends are region drivers until 6.1, where FSL_DPAA is built (preset `defconfig`).
    fw = region("qman-fqd", size=M16, compatible="fsl,qman-fqd")
    found = named(boot_regions(kernel, fw, preset="defconfig"), "qman-fqd")
    assert (found.driver, found.outcome) == ("fsl,qman-fqd" if kernel in OLD else None, Outcome.PLACED)


# ---- which parent ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_two_parents(kernel: str) -> None:
    # 3.1: libfdt finds the first child of that name, with or without a unit address; 5.10 the exact one.
    first = reserved_memory(region("a@50000000", reg=[(0x5000_0000, M16)]), name="reserved-memory@0")
    second = reserved_memory(region("b@52000000", reg=[(0x5200_0000, M16)]))
    result = boot_regions(kernel, others=[first, second])
    taken = {found.name: found.outcome is Outcome.PLACED for found in result.regions}
    assert taken == {"a@50000000": kernel != "5.10", "b@52000000": kernel == "5.10"}


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_reserved_memory_at_all(kernel: str) -> None:
    # 3.6: said from 6.12 on.
    said = any("No reserved-memory node in the DT" in line for line in boot_regions(kernel).log)
    assert said is (kernel in NEW)


@pytest.mark.parametrize("kernel", KERNELS)
def test_facts_about_a_region(kernel: str) -> None:
    symbols = node("__symbols__", {"fw_mem": text("/reserved-memory/fw@50000000")})
    fw = region("fw@50000000", "no-map", reg=[(0x5000_0000, M16)], compatible="ramoops", phandle=7)
    board = board_of(cpus(), memory((0x4000_0000, mib(1024))), reserved_memory(fw), symbols)
    (found,) = boot(board, Scene(kernel=kernel)).regions
    assert (found.path, found.label, found.phandle, found.compatible, found.requested_base) == (
        "/reserved-memory/fw@50000000",
        "fw_mem",
        7,
        ("ramoops",),
        0x5000_0000,
    )


# ---- what one region does to another -----------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_refused_pool_takes_the_pool_inside_it_along(kernel: str) -> None:
    # 8.5: the outer one, 9 MiB, is no contiguous pool and is freed; then the inner one is not reserved any more (3.7).
    outer = region("outer@50000000", "reusable", reg=[(0x5000_0000, mib(9))], compatible=POOL)
    inner = region("inner@50400000", "reusable", reg=[(0x5040_0000, mib(4))], compatible=POOL)
    result = boot_regions(kernel, outer, inner)
    assert [r.outcome for r in result.regions] == [Outcome.RELEASED, Outcome.RELEASED]
    assert "Reserved memory: unable to setup CMA region" in result.log
    assert is_free(result, 0x5000_0000, mib(9))


def test_an_undone_nomap_region_becomes_ram_on_5_10() -> None:
    # 3.5: 5.10 adds what it undoes, RAM or not: [0x3ff00000, 0x40000000) was none.
    both = region("both@3ff00000", "no-map", "reusable", reg=[(0x3FF0_0000, mib(2))], compatible=POOL)
    result = boot_regions("5.10", both)
    assert named(result, "both@3ff00000").outcome is Outcome.RELEASED
    assert result.memory[0].base == 0x3FF0_0000


@pytest.mark.parametrize("kernel", NEW)
def test_no_room_in_the_list_of_memory(kernel: str) -> None:
    # 2.2: 1024 entries; 511 no-map pages cut RAM into 1023, and two more must fit for the mark of `d`.
    pages = [region(f"p{n}", "no-map", reg=[(0x5000_0000 + 0x2000 * n, 0x1000)]) for n in range(511)]
    result = boot_regions(kernel, *pages, region("d", "no-map", size=M16))
    assert (result.outcome, result.failure) == ("panic", "memblock: cannot resize memory array")


def test_a_dynamic_nomap_region_that_cannot_be_marked() -> None:
    # As above, on 6.1, where the mark only fails. `d` is the first in the tree, since the table of 64 is full later; it is
    # placed after the static ones are reserved (3.5).
    pages = [region(f"p{n}", "no-map", reg=[(0x5000_0000 + 0x2000 * n, 0x1000)]) for n in range(511)]
    result = boot_regions("6.1", region("d", "no-map", size=M16), *pages)
    found = named(result, "d")
    assert (found.base, found.outcome) == (None, Outcome.ALLOC_FAILED)
    assert is_free(result, 0x7000_0000, mib(1))
