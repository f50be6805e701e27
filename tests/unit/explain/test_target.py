# SPDX-License-Identifier: Apache-2.0
"""What a text means on a board."""

from __future__ import annotations

import pytest

from carveout.boot import boot
from carveout.errors import UsageError
from carveout.explain.model import Kind
from carveout.explain.target import Target, find_target
from carveout.span import Span
from support.boards import cells, mib, node, region, text, usual_board, usual_scene

POOL, FIRMWARE, VPU = "/reserved-memory/pool", "/reserved-memory/fw@50000000", "/soc/vpu@1000"
BOARD = usual_board(
    region("pool", "reusable", size=mib(32), compatible="shared-dma-pool", phandle=1),
    region("fw@50000000", "no-map", reg=[(0x5000_0000, mib(1))]),
    region("twin@60000000", reg=[(0x6000_0000, mib(1))]),
    region("twin@61000000", reg=[(0x6100_0000, mib(1))]),
    others=[
        node("soc", {}, node("vpu@1000", {"memory-region": cells(1)}), node("uart@2000", {})),
        node("aliases", {"video": text(VPU)}),
        node("__symbols__", {"vpu_pool": text(POOL), "codec": text(VPU)}),
    ],
)
BOOT = boot(BOARD, usual_scene("6.12"))


@pytest.mark.parametrize(
    ("asked", "kind", "name"),
    [
        pytest.param("pool", Kind.REGION, POOL, id="name"),
        pytest.param("  pool ", Kind.REGION, POOL, id="spaces"),
        pytest.param("fw@50000000", Kind.REGION, FIRMWARE, id="name-with-unit"),
        pytest.param("fw", Kind.REGION, FIRMWARE, id="name-without-unit"),
        pytest.param(FIRMWARE, Kind.REGION, FIRMWARE, id="path"),
        pytest.param("/reserved-memory/fw", Kind.REGION, FIRMWARE, id="path-without-unit"),
        pytest.param("&vpu_pool", Kind.REGION, POOL, id="label"),
        pytest.param("vpu_pool", Kind.REGION, POOL, id="label-bare"),
        pytest.param(VPU, Kind.DEVICE, VPU, id="device"),
        pytest.param(VPU + "/", Kind.DEVICE, VPU, id="device-slash"),
        pytest.param("/soc/vpu", Kind.DEVICE, VPU, id="device-without-unit"),
        pytest.param("vpu", Kind.DEVICE, VPU, id="device-name"),
        pytest.param("&codec", Kind.DEVICE, VPU, id="device-label"),
        pytest.param("video", Kind.DEVICE, VPU, id="alias"),
        pytest.param("uart", Kind.DEVICE, "/soc/uart@2000", id="device-without-memory-region"),
        pytest.param("default cma", Kind.DEFAULT_POOL, "default cma", id="default"),
        pytest.param("Default  CMA", Kind.DEFAULT_POOL, "default cma", id="default-case"),
        pytest.param("cma", Kind.DEFAULT_POOL, "default cma", id="cma"),
    ],
)
def test_names(asked: str, kind: Kind, name: str) -> None:
    assert find_target(BOARD, BOOT, asked) == Target(kind, name)


@pytest.mark.parametrize(
    ("asked", "kind", "span"),
    [
        pytest.param("0x7f600000", Kind.ADDRESS, (0x7F60_0000, 0x7F60_0001), id="hex"),
        pytest.param("0X7F600000", Kind.ADDRESS, (0x7F60_0000, 0x7F60_0001), id="hex-upper"),
        pytest.param("2G", Kind.ADDRESS, (0x8000_0000, 0x8000_0001), id="unit"),
        pytest.param("1342177280", Kind.ADDRESS, (0x5000_0000, 0x5000_0001), id="decimal"),
        pytest.param("0x0", Kind.ADDRESS, (0, 1), id="zero"),
        pytest.param("0x40000000-0x50000000", Kind.SPAN, (0x4000_0000, 0x5000_0000), id="span"),
        pytest.param("0x40000000 - 0x50000000", Kind.SPAN, (0x4000_0000, 0x5000_0000), id="span-spaces"),
        pytest.param(
            "0x40000000..0x4fffffff", Kind.SPAN, (0x4000_0000, 0x5000_0000), id="as-the-kernel-logs"
        ),
        pytest.param("0x40000000+16M", Kind.SPAN, (0x4000_0000, 0x4100_0000), id="sized"),
        pytest.param("0xffffffffffffffff", Kind.ADDRESS, (2**64 - 1, 2**64), id="highest"),
        pytest.param("kernel", Kind.SPAN, (0x4020_0000, 0x426F_0000), id="owner"),
        pytest.param("/memory@40000000", Kind.SPAN, (0x4000_0000, 0x8000_0000), id="memory-node"),
        pytest.param("memory", Kind.SPAN, (0x4000_0000, 0x8000_0000), id="memory-name"),
    ],
)
def test_places(asked: str, kind: Kind, span: tuple[int, int]) -> None:
    found = find_target(BOARD, BOOT, asked)
    assert (found.kind, found.span) == (kind, Span(*span))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param("", "it is not said what to explain", id="nothing"),
        pytest.param("pol", "nothing called 'pol'; nearest: pool", id="typo"),
        pytest.param("&vpu_pol", "nearest: &vpu_pool", id="label-typo"),
        pytest.param("&", "nothing called '&'", id="empty-label"),
        pytest.param("/reserved-memory/pol", "nearest: /reserved-memory/pool", id="path-typo"),
        pytest.param("/soc/vpu@2000", "nearest: /soc/vpu@1000", id="unit-typo"),
        pytest.param("twin", "'twin' names several nodes: give a path; for example /reserved-memory/twin@60000000",
                     id="several"),
        pytest.param("0x50-0x40", "is no span", id="reversed"),
        pytest.param("0x50+0", "is no span", id="empty"),
        pytest.param("0x1ffffffffffffffff", "needs more than 64 bits", id="too-high"),
        pytest.param("0xffffffffffffffff+16", "is no span", id="wraps"),
        pytest.param("0x40000000+", "nothing called", id="no-size"),
        pytest.param("0x4h", "nothing called", id="no-number"),
        pytest.param("-5", "nothing called", id="negative"),
        pytest.param("x" * 5000, "x" * 80 + "...'", id="long"),
    ],
)  # fmt: skip
def test_what_means_nothing(asked: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_target(BOARD, BOOT, asked)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 600
