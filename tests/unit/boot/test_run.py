# SPDX-License-Identifier: Apache-2.0
"""One boot as a whole: what is gathered, and that time stays bounded whatever a tree claims."""

from __future__ import annotations

import pytest

from carveout.boot.result import BootOutcome, StepKind
from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.span import GIB, Span
from support.boards import (
    DTB_AT,
    KERNELS,
    RAM,
    board_of,
    boot_regions,
    cpus,
    memory,
    mib,
    node,
    region,
    reserved_memory,
    usual_board,
)


def test_without_a_scene_the_newest_kernel_and_the_tree() -> None:
    result = boot(usual_board())
    assert (result.scene.kernel, result.scene.arch, result.scene.memory) == ("7.2", "arm64", (RAM,))
    assert result.profile.release == "7.2.13+deb14"


@pytest.mark.parametrize("kernel", KERNELS)
def test_regions_come_in_tree_order_with_those_of_all_parents(kernel: str) -> None:
    first = reserved_memory(region("z", size=0x1000), node("a", {}, region("deep", size=0x1000)))
    second = reserved_memory(region("b", size=0x1000), name="reserved-memory@1")
    result = boot_regions(kernel, others=[first, second])
    assert [r.path for r in result.regions] == [
        "/reserved-memory/z",
        "/reserved-memory/a",
        "/reserved-memory/a/deep",
        "/reserved-memory@1/b",
    ]


@pytest.mark.parametrize("kernel", KERNELS)
def test_owners_of_what_is_reserved(kernel: str) -> None:
    fw = region("fw@50000000", reg=[(0x5000_0000, mib(1))])
    result = boot_regions(kernel, fw, reserve=[(0x5100_0000, 0x1000)], initrd=Span.sized(0x5200_0000, 0x1000))
    who = {entry.base: entry.who for entry in result.reserved}
    assert who[0x5000_0000] == "/reserved-memory/fw@50000000"
    assert who[0x5100_0000] == "memreserve"
    assert who[0x5200_0000] == "initrd"
    assert who[DTB_AT] == "dtb"


@pytest.mark.parametrize("kernel", KERNELS)
def test_neighbours_share_an_entry_and_are_both_named(kernel: str) -> None:
    # 2.1: touching neighbours with equal flags merge.
    regions = [region(f"r{number}", reg=[(0x5000_0000 + 0x1000 * number, 0x1000)]) for number in range(2)]
    result = boot_regions(kernel, *regions)
    (entry,) = [entry for entry in result.reserved if entry.base == 0x5000_0000]
    assert (entry.size, entry.who) == (0x2000, "/reserved-memory/r0, /reserved-memory/r1")
    claims = [(claim.base, claim.who) for claim in result.claims if claim.base in (0x5000_0000, 0x5000_1000)]
    assert claims == [(0x5000_0000, "/reserved-memory/r0"), (0x5000_1000, "/reserved-memory/r1")]


@pytest.mark.parametrize("kernel", KERNELS)
def test_allocations_do_not_merge_with_reservations_on_7_2(kernel: str) -> None:
    # 2.1: RSRV_KERN (0x20) keeps them apart. The dynamic region ends where the static one begins.
    static = region("static@7f000000", reg=[(0x7F00_0000, mib(16))])
    result = boot_regions(kernel, static, region("dynamic", size=mib(16)))
    (entry,) = [entry for entry in result.reserved if entry.base <= 0x7E00_0000 < entry.base + entry.size]
    assert entry.base + entry.size == (0x7F00_0000 if kernel == "7.2" else 0x8000_0000)
    assert entry.flags == (0x20 if kernel == "7.2" else 0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_line_belongs_to_the_step_that_printed_it(kernel: str) -> None:
    result = boot_regions(kernel, region("fw@40200000", "no-map", reg=[(0x4030_0000, mib(1))]))
    (line,) = [line for line in result.log_lines if "failed to reserve memory" in line.text]
    step = result.trace[line.step]
    assert (step.kind, step.subject, step.base) == (
        StepKind.FAIL,
        "/reserved-memory/fw@40200000",
        0x4030_0000,
    )


@pytest.mark.parametrize(
    ("processor", "kernels"),
    [
        pytest.param("arm,cortex-a53", KERNELS, id="arm64"),
        pytest.param("arm,cortex-a9", KERNELS, id="arm"),
        pytest.param("riscv", ("6.12", "7.2"), id="riscv64"),
        pytest.param("PowerPC,POWER9", ("6.1", "6.12", "7.2"), id="powerpc64"),
    ],
)
@pytest.mark.parametrize(
    "bank",
    [
        pytest.param((GIB, 1 << 46), id="64-TiB"),
        pytest.param((GIB, 1 << 55), id="32-PiB"),
        pytest.param((0, (1 << 64) - 0x1000), id="everything"),
        pytest.param((1 << 63, (1 << 63) - 1), id="upper-half"),
    ],
)
def test_any_amount_of_ram_takes_bounded_time(
    processor: str, kernels: tuple[str, ...], bank: tuple[int, int]
) -> None:
    # Design, decision 9: a tree comes from anyone. No clock here: without a bound this test does not end.
    for kernel in kernels:
        result = boot(board_of(cpus(processor), memory(bank)), Scene(kernel=kernel))
        assert len(result.trace) < 1000
        assert result.exactness == "modelled"


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_page_left_is_a_panic_and_not_an_error(kernel: str) -> None:
    # 5.6: the regions leave nothing of 128 MiB, so the first page table finds no room.
    banks = [Span.sized(0x4000_0000, mib(128))]
    result = boot_regions(kernel, region("all@40000000", reg=[(0x4000_0000, mib(128))]), ram=banks)
    assert (result.outcome, result.failure) == (
        BootOutcome.PANIC,
        "Failed to allocate page table page",
    )
