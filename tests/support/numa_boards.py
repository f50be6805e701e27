# SPDX-License-Identifier: Apache-2.0
"""Trees with NUMA nodes: the usual one has two, of 1 GiB each, from 0x40000000 and 0x80000000."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carveout.boot.run import boot
from carveout.span import GIB
from support.boards import board_of, cells, memory, node, text, usual_scene

if TYPE_CHECKING:
    from carveout.boot.result import Boot
    from carveout.fdt.draft import DraftNode

LOW = (0x4000_0000, GIB)
HIGH = (0x8000_0000, GIB)
TWO = ((0, 0, 10), (0, 1, 20), (1, 0, 20), (1, 1, 10))


def bank(base_size: tuple[int, int], nid: int | None, **extra: bytes) -> DraftNode:
    said = {} if nid is None else {"numa-node-id": cells(nid)}
    return memory(base_size, name=f"memory@{base_size[0]:x}", extra={**said, **extra})


def processors(*nids: int) -> DraftNode:
    cpus = [
        node(f"cpu@{at}", {"device_type": text("cpu"), "compatible": text("arm,cortex-a53"), "reg": cells(at),
                           "numa-node-id": cells(nid)})
        for at, nid in enumerate(nids)
    ]  # fmt: skip
    return node("cpus", {"#address-cells": cells(1), "#size-cells": cells(0)}, *cpus)


def distances(*entries: tuple[int, int, int]) -> DraftNode:
    matrix = b"".join(cells(*entry) for entry in entries)
    return node("distance-map", {"compatible": text("numa-distance-map-v1"), "distance-matrix": matrix})


def boot_nodes(kernel: str, *nodes: DraftNode, **scene: Any) -> Boot:
    return boot(board_of(*nodes), usual_scene(kernel, **scene))


def two_nodes(kernel: str, *others: DraftNode, **scene: Any) -> Boot:
    return boot_nodes(kernel, processors(0), bank(LOW, 0), bank(HIGH, 1), distances(*TWO), *others, **scene)
