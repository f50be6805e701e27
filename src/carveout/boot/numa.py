# SPDX-License-Identifier: Apache-2.0
"""NUMA nodes on arm64: which memory belongs to which node, and what each node costs.

Source: arch_numa_init(), drivers/base/arch_numa.c (kernel-semantics 4.6, step 7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 4.6"
_DISTANCE_TABLE = 0x100
_CPUMASK = 64


def numa_init(state: EarlyBoot) -> dict[int, int]:
    """Give all RAM to its node and allocate each node's data; returns node → address of NODE_DATA."""
    layout = state.profile.arm64
    if not state.config.numa:
        return {}
    page = state.config.page_size
    mb = state.mb
    start, size = mb.start_of_dram(), mb.end_of_dram() - mb.start_of_dram()
    cleared = state.behaviour.hotplug_until_numa == "cleared"
    if cleared:
        mb.clear_hotplug(0, state.mask)
    mb.set_node(start, size, 0)
    if cleared:
        mb.set_node(start, size, 0, reserved=True)
    if state.behaviour.arm64_numa_distance == "always":
        state.allocate(_DISTANCE_TABLE, page, "numa", "distance table", source=_SOURCE)
    found: dict[int, int] = {}
    for nid in (0,):
        found[nid] = state.allocate(layout.node_data, 64, "numa", "NODE_DATA", nid=nid, source=_SOURCE)
        if state.behaviour.arm64_node_cpumask == "allocated":
            state.allocate(_CPUMASK, 64, "numa", "cpumask of the node", source=_SOURCE)
    return found
