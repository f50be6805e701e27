# SPDX-License-Identifier: Apache-2.0
"""What a driver gets for its memory-region, kernel by kernel (kernel-semantics 5.1, binding 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.run import boot
from carveout.boot.scene import Scene
from support.boards import (
    KERNELS,
    board_of,
    boot_regions,
    cells,
    cpus,
    mib,
    node,
    region,
    reserved_memory,
    text,
)

if TYPE_CHECKING:
    from carveout.boot.result import ConsumerResult
    from carveout.fdt.draft import DraftNode

M16 = mib(16)
POOL = "shared-dma-pool"
ENODEV, EINVAL, EBUSY = 19, 22, 16
OLD, NEW = ("5.10", "6.1"), ("6.12", "7.2")


def device(*phandles: int) -> DraftNode:
    return node("device@1000", {"memory-region": cells(*phandles)})


def results(kernel: str, *regions: DraftNode, others: tuple[DraftNode, ...] = (), **scene: object):  # noqa: ANN201
    found = boot_regions(kernel, *regions, others=[*others], **scene).consumers
    return [(result.errno, result.bound_by) for result in found]


def same(errno: int | None, bound_by: str | None) -> dict[str, tuple[int | None, str | None]]:
    return dict.fromkeys(KERNELS, (errno, bound_by))


def static(
    *flags: str, base: int = 0x5000_0000, size: int = M16, compatible: str | None = POOL, **more: object
) -> DraftNode:
    return region(f"r@{base:x}", *flags, reg=[(base, size)], compatible=compatible, phandle=1, **more)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(static("reusable"), same(None, "cma"), id="contiguous"),
        pytest.param(static("no-map"), same(None, "dma"), id="coherent"),
        # 5.1, 8.23: memremap refuses RAM that is mapped.
        pytest.param(static(), same(EINVAL, None), id="coherent-without-no-map"),
        pytest.param(static(base=0x1000_0000), same(None, "dma"), id="coherent-outside-RAM"),
        # No handler: the driver maps it itself; nothing is bound.
        pytest.param(static(compatible=None), same(None, None), id="plain"),
        pytest.param(static("no-map", compatible="ramoops"), same(None, None), id="no-handler"),
        # 3.7: no multiple of CMA_MIN, refused; it has no ops (≤6.12) or is not in the table (7.2).
        pytest.param(static("reusable", size=mib(3)), same(EINVAL, None), id="refused"),
        # 3.7, 3.9: reusable and no-map: ≤6.12 refused; 7.2 keeps it without a handler.
        pytest.param(
            static("reusable", "no-map"),
            {**same(EINVAL, None), "7.2": (None, None)},
            id="reusable-and-no-map",
        ),
        # 5.1, binding CO03: an unavailable target is no error, the driver just gets no memory.
        pytest.param(static("no-map", status="disabled"), same(None, None), id="disabled"),
        # It does not fit: 1 GiB of 1 GiB.
        pytest.param(region("big", size=mib(1024), phandle=1), same(EINVAL, None), id="no-room"),
        # 8.6: refused with EBUSY, yet the handler runs; it lies on mapped RAM, where memremap refuses.
        pytest.param(static("no-map", base=0x4020_0000), same(EINVAL, None), id="no-map-over-the-kernel"),
        # 3.3: size 0, ≤6.1 has no size property to go on with, 6.12 and 7.2 do not register it.
        pytest.param(static("no-map", size=0), same(EINVAL, None), id="size-0"),
        # 3.2: a grandchild is a region to 5.10 only.
        pytest.param(
            node("group", {}, static("no-map")), {**same(EINVAL, None), "5.10": (None, "dma")}, id="nested"
        ),
    ],
)
def test_one_region(
    kernel: str, target: DraftNode, expected: dict[str, tuple[int | None, str | None]]
) -> None:
    assert results(kernel, target, others=(device(1),)) == [expected[kernel]]


@pytest.mark.parametrize("kernel", KERNELS)
def test_messages(kernel: str) -> None:
    regions = [
        region("cma@50000000", "reusable", reg=[(0x5000_0000, M16)], compatible=POOL, phandle=1),
        region("ram@52000000", reg=[(0x5200_0000, M16)], compatible=POOL, phandle=2),
    ]
    first, second = boot_regions(kernel, *regions, others=[device(1, 2)]).consumers
    assert first.message == "assigned reserved memory node cma@50000000"
    assert second.message == "memremap attempted on ram 0x0000000052000000 size: 0x1000000"


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "phandle",
    [pytest.param(9, id="no-such-phandle"), pytest.param(0, id="0"), pytest.param(2**32 - 1, id="-1")],
)
def test_dangling_phandle(kernel: str, phandle: int) -> None:
    assert results(kernel, static("no-map"), others=(device(phandle),)) == [(ENODEV, None)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_second_coherent_pool(kernel: str) -> None:
    # 5.1: ≤6.12 ignores it and returns 0, 7.2 says EBUSY.
    other = region("s@52000000", "no-map", reg=[(0x5200_0000, M16)], compatible=POOL, phandle=2)
    found = results(kernel, static("no-map"), other, others=(device(1, 2),))
    assert found == [(None, "dma"), (EBUSY, None) if kernel == "7.2" else (None, "dma")]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_second_coherent_pool_on_mapped_ram(kernel: str) -> None:
    # 5.1: memremap comes before the device is looked at.
    other = region("s@52000000", reg=[(0x5200_0000, M16)], compatible=POOL, phandle=2)
    found = results(kernel, static("no-map"), other, others=(device(1, 2),))
    assert found == [(None, "dma"), (EINVAL, None)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_two_devices_share_a_coherent_pool(kernel: str) -> None:
    devices = (device(1), node("device@2000", {"memory-region": cells(1)}))
    assert results(kernel, static("no-map"), others=devices) == [(None, "dma")] * 2


@pytest.mark.parametrize("kernel", KERNELS)
def test_lookup_by_phandle_or_name(kernel: str) -> None:
    # 5.1: since 6.12 the name of the node counts, wherever it stands; before, the phandle.
    elsewhere = node("soc", {}, node("r@50000000", {"phandle": cells(2)}))
    found = results(kernel, static("no-map"), others=(elsewhere, device(2)))
    assert found == [(None, "dma") if kernel in NEW else (EINVAL, None)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_phandle_that_leads_to_no_region(kernel: str) -> None:
    elsewhere = node("soc", {"phandle": cells(2)})
    assert results(kernel, static("no-map"), others=(elsewhere, device(2))) == [(EINVAL, None)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_linux_phandle(kernel: str) -> None:
    old = region("r@50000000", "no-map", reg=[(0x5000_0000, M16)], compatible=POOL)
    old.properties["linux,phandle"] = cells(5)
    assert results(kernel, old, others=(device(5),)) == [(None, "dma")]


@pytest.mark.parametrize("kernel", KERNELS)
def test_default_pool_of_the_tree_with_cma_on_the_command_line(kernel: str) -> None:
    # 8.12: EINVAL, not the default area.
    found = results(kernel, static("reusable", "linux,cma-default"), others=(device(1),), cmdline="cma=16M")
    assert found == [(EINVAL, None)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_65th_static_region(kernel: str) -> None:
    # 8.21: beyond the table of 64 on ≤6.1: reserved, but not to be found.
    many = [region(f"r{n}", reg=[(0x5000_0000 + 0x2000 * n, 0x1000)], phandle=n + 1) for n in range(65)]
    found = results(kernel, *many, others=(device(64, 65),))
    assert found == [(None, None), (EINVAL, None) if kernel in OLD else (None, None)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_disabled_devices_are_marked(kernel: str) -> None:
    bus = node("bus", {"status": text("disabled")}, node("inner", {"memory-region": cells(1)}))
    off = node("off", {"memory-region": cells(1), "status": text("fail")})
    found = boot_regions(kernel, static("no-map"), others=[bus, off, device(1)]).consumers
    assert [(result.path, result.enabled) for result in found] == [
        ("/bus/inner", False),
        ("/off", False),
        ("/device@1000", True),
    ]


def test_without_ram_nothing_is_claimed_about_what_depends_on_it() -> None:
    # DESIGN, decision 1: unknown, never invented. Whether the plain pool lies on RAM cannot be told.
    regions = reserved_memory(
        region("dyn", size=M16, phandle=1),
        region("pool@50000000", reg=[(0x5000_0000, M16)], compatible=POOL, phandle=2),
        region("fw@60000000", reg=[(0x6000_0000, M16)], phandle=3),
    )
    board = board_of(cpus(), regions, device(1, 2, 3))
    found: tuple[ConsumerResult, ...] = boot(board, Scene(kernel="6.12")).consumers
    assert [(result.errno, result.bound_by) for result in found] == [(None, None)] * 3
    unknown = [result.message is not None and "RAM is not known" in result.message for result in found]
    assert unknown == [True, True, False]
