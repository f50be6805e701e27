# SPDX-License-Identifier: Apache-2.0
"""Page tables, the KFENCE pool and the section roots of arm64, by the numbers of kernel-semantics 4.6."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.span import GIB, MIB, Span
from support.boards import KERNELS, boot_regions, region

if TYPE_CHECKING:
    from carveout.boot.result import Boot

# Step 2: the pages for 1 GiB at 0x40000000 without holes.
WITHOUT_HOLES = {
    ("5.10", 4096): 511,
    ("6.1", 4096): 511,
    ("6.12", 4096): 500,
    ("6.12", 16384): 33,
    ("7.2", 4096): 514,
}


def pages(result: Boot, reason: str = "tables of the linear map") -> int:
    """Return how many pages were taken for this reason."""
    size = sum(step.size or 0 for step in result.trace if step.reason.startswith(reason))
    return size // result.scene.page_size


def sizes(result: Boot, reason: str) -> list[int | None]:
    return [step.size for step in result.trace if step.reason == reason]


@pytest.mark.parametrize(("build", "count"), WITHOUT_HOLES.items(), ids=str)
def test_tables_of_one_gib(build: tuple[str, int], count: int) -> None:
    kernel, page_size = build
    assert pages(boot_regions(kernel, page_size=page_size)) == count


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_no_map_region_inside_a_slot_changes_nothing(kernel: str) -> None:
    # Its 2 MiB slot still needs its table for what is left of it.
    hole = region("a@60000000", "no-map", reg=[(0x6000_0000, MIB)])
    assert pages(boot_regions(kernel, hole)) == WITHOUT_HOLES[kernel, 4096]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_no_map_region_saves_the_tables_of_whole_slots(kernel: str) -> None:
    hole = region("a@60000000", "no-map", reg=[(0x6000_0000, 8 * MIB)])
    assert pages(boot_regions(kernel, hole)) == WITHOUT_HOLES[kernel, 4096] - 4


@pytest.mark.parametrize(
    ("kernel", "page_size", "more"),
    [
        # A second GiB: 512 slots of 2 MiB and one of 1 GiB; with 16 KiB pages 32 of 32 MiB in the same 64 GiB.
        pytest.param("6.12", 4096, 513, id="4K"),
        pytest.param("6.12", 16384, 32, id="16K"),
    ],
)
def test_tables_of_two_gib(kernel: str, page_size: int, more: int) -> None:
    one = pages(boot_regions(kernel, page_size=page_size))
    ram = (Span.sized(0x4000_0000, 2 * GIB),)
    assert pages(boot_regions(kernel, ram=ram, page_size=page_size)) == one + more


# With blocks a slot inside one range costs nothing. What is left of 1 GiB: the slots in which the image begins or
# ends off a 2 MiB border (5.10: its end; 6.1: both), one slot of 1 GiB, one of 512 GiB, and the image's own tables.
BLOCKS = {"5.10": 1 + 1 + 1 + 6, "6.1": 2 + 1 + 1 + 7}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("value", ["off", "on", "0", "1", "n", "y"])
def test_rodata_maps_blocks_on_older_kernels(kernel: str, value: str) -> None:
    count = BLOCKS.get(kernel, WITHOUT_HOLES[kernel, 4096])
    assert pages(boot_regions(kernel, cmdline=f"rodata={value}")) == count


@pytest.mark.parametrize("argument", ["rodata=full", "rodata", "rodata=", "rodata=off rodata=full"])
def test_rodata_full_is_the_default(argument: str) -> None:
    assert pages(boot_regions("6.1", cmdline=argument)) == WITHOUT_HOLES["6.1", 4096]


@pytest.mark.parametrize(
    ("kernel", "page_size", "argument", "pool"),
    [
        pytest.param("6.12", 4096, "kfence.sample_interval=100", 2 * MIB, id="6.12"),
        pytest.param("6.12", 16384, "kfence.sample_interval=100", 8 * MIB, id="6.12-16k"),
        pytest.param("7.2", 4096, "kfence.sample_interval=1", 2 * MIB, id="7.2"),
        pytest.param("7.2", 4096, "kfence.sample_interval=0", None, id="off"),
        pytest.param("7.2", 4096, "", None, id="off-by-configuration"),
        pytest.param("6.1", 4096, "kfence.sample_interval=100", None, id="6.1"),
        pytest.param("5.10", 4096, "kfence.sample_interval=100", None, id="5.10"),
    ],
)
def test_kfence_takes_its_pool_before_the_tables(
    kernel: str, page_size: int, argument: str, pool: int | None
) -> None:
    result = boot_regions(kernel, cmdline=argument, page_size=page_size)
    found = [(claim.base, claim.size) for claim in result.claims if claim.who == "kfence pool"]
    assert found == ([(0x8000_0000 - pool, pool)] if pool else [])
    assert pages(result) == WITHOUT_HOLES[kernel, page_size]
    assert str(result.exactness) == "exact"


@pytest.mark.parametrize(
    ("kernel", "page_size", "count", "roots"),
    [
        pytest.param("6.12", 4096, 501, [0x20_0000], id="6.12"),
        pytest.param("6.12", 16384, 34, [0x8_0000], id="6.12-16k"),
        pytest.param("7.2", 4096, 515, [], id="7.2-sparse-comes-later"),
        pytest.param("6.1", 4096, 511, [0x2_0000], id="6.1-has-48-bits"),
    ],
)
def test_52_bit_addresses(kernel: str, page_size: int, count: int, roots: list[int]) -> None:
    result = boot_regions(kernel, page_size=page_size, cpu_va=52)
    assert (pages(result), sizes(result, "array of section roots")) == (count, roots)
    assert str(result.exactness) == ("exact" if kernel == "6.1" else "modelled")


@pytest.mark.parametrize(
    ("kernel", "page_size", "roots"),
    [("5.10", 4096, 0x4000), ("6.1", 4096, 0x2_0000), ("6.12", 4096, 0x2_0000), ("6.12", 16384, 0x8000)],
)
def test_48_bit_addresses(kernel: str, page_size: int, roots: int) -> None:
    assert sizes(boot_regions(kernel, page_size=page_size), "array of section roots") == [roots]


@pytest.mark.parametrize(
    ("kernel", "at", "size"), [("5.10", 0x1AC_8000, 0x5000), ("6.1", 0x200_B000, 0x5000)]
)
def test_older_kernels_free_their_first_tables(kernel: str, at: int, size: int) -> None:
    result = boot_regions(kernel)
    freed = [(s.base, s.size) for s in result.trace if s.reason == "init_pg_dir is not needed any more"]
    assert freed == [(0x4020_0000 + at, size)]
    assert pages(result, "tables of the identity map") == (4 if kernel == "6.1" else 0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_page_left_is_a_panic(kernel: str) -> None:
    result = boot_regions(kernel, region("a@40000000", reg=[(0x4000_0000, GIB)]))
    assert (str(result.outcome), result.failure) == ("panic", "Failed to allocate page table page")


@pytest.mark.parametrize(("start", "size"), [(0x4800_0004, None), (0x4800_0000, 2 * MIB + 4)])
def test_a_tree_that_is_misplaced_or_too_large_stops_the_kernel(start: int, size: int | None) -> None:
    large = {"others": [region("x", extra={"data": bytes(size)})]} if size else {}
    result = boot_regions("6.12", dtb_at=start, **large)
    assert (str(result.outcome), result.failure, str(result.exactness)) == ("hang", None, "modelled")


@pytest.mark.parametrize("argument", ["rodata=off", "rodata=on"])
def test_a_pool_for_kfence_lets_newer_kernels_map_blocks(argument: str) -> None:
    """Booted with the first, 1 GiB: 6.12.117 takes a handful of pages, 7.2.13 some more than we count."""
    alone = boot_regions("6.12", cmdline=argument)
    with_pool = boot_regions("6.12", cmdline=f"{argument} kfence.sample_interval=100")
    assert pages(alone) > 400
    assert pages(with_pool) < 20
    assert with_pool.exactness == "exact"
    newer = boot_regions("7.2", cmdline=f"{argument} kfence.sample_interval=100")
    assert newer.exactness == "modelled"
