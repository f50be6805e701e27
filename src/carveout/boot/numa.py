# SPDX-License-Identifier: Apache-2.0
"""NUMA nodes on arm64 and riscv64: which memory belongs to which node, and what each node costs.

Theory of operation: the tree names nodes in three places, the memory nodes, the cpu nodes and the distance map.
If that holds together, RAM is split at the borders of the nodes; if anything is wrong (memory without a node
beside memory with one, say) all of it is forgotten and everything belongs to node 0.
Source: numa_init(), arch_numa (mm/numa_memblks.c since 6.12); of_numa_init() (kernel-semantics 4.6 step 7, 13).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from carveout.board.decode import cells_of, entries
from carveout.boot.result import StepKind
from carveout.span import MIB, Span
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.board import MemoryNode
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 4.6"
_LOCAL_DISTANCE = 10
# Newer kernels tolerate a little RAM without a node. No boot has shown that.
_TOLERATED = MIB


class NodeCosts(NamedTuple):
    """What a kernel allocates for its nodes, in bytes."""

    node_data: int
    """For each node, next to its memory."""
    cpumask: int
    """For each node up to the highest; 0: nothing."""
    distances: int
    """The distance table a kernel always makes; 0: only for a tree with a distance map."""


class Block(NamedTuple):
    """One range of a memory node that has a numa-node-id."""

    span: Span
    nid: int


class Nodes(NamedTuple):
    """The nodes of a tree, when what it says about them holds together."""

    blocks: tuple[Block, ...]
    nodes: tuple[int, ...]
    """Ascending; also nodes without memory."""
    table: int
    """Bytes of the distance table; 0 without a distance map."""


def numa_init(state: EarlyBoot, costs: NodeCosts) -> dict[int, int]:
    """Give all RAM to its node and allocate each node's data; returns node → address of NODE_DATA."""
    if not state.config.numa:
        return {}
    if state.behaviour.hotplug_until_numa == "cleared":
        state.mb.clear_hotplug(0, state.mask)
    found = tree_nodes(state)
    table = costs.distances or (found.table if found is not None else 0)
    if found is not None and not _covers(state, found.blocks):
        found, table = None, costs.distances
    if table:
        state.allocate(table, state.config.page_size, "numa", "distance table", needed=True, source=_SOURCE)
    if found is None:
        _one_node(state)
    else:
        _split(state, found)
    return _allocate_nodes(state, costs)


def tree_nodes(state: EarlyBoot) -> Nodes | None:
    """Return the nodes of the tree; None: there are none, or the kernel refuses what it says about them."""
    if (state.arguments.last("numa") or "").startswith("off"):
        return None
    limit = 1 << state.config.nodes_shift
    blocks = _blocks(state)
    if blocks is None or any(block.nid >= limit for block in blocks):
        return None
    facts = state.board.numa
    distances = facts.distances or ()
    if facts.distances is not None and not _is_sound(distances):
        return None
    cpus = {nid for nid in facts.cpus if nid < limit}
    with_memory = {block.nid for block in blocks}
    far = {nid for nid, _, _ in distances if nid < limit and state.behaviour.numa_distance_nodes == "counted"}
    first = {nid for nid, _, _ in distances[:1] if nid < limit}
    sized_by = cpus | with_memory | first
    table = (max(sized_by) + 1) ** 2 if distances and sized_by else 0
    return Nodes(tuple(blocks), tuple(sorted(cpus | with_memory | far)), table)


def _blocks(state: EarlyBoot) -> list[Block] | None:
    # None: no memory node names its node, or one that does has no usable reg.
    found: list[Block] = []
    for node in state.board.memory:
        if node.numa_node_id is None:
            continue
        spans = _reg(node)
        if not spans:
            return None
        found += [Block(span, node.numa_node_id) for span in spans]
    return found or None


def _reg(node: MemoryNode) -> list[Span]:
    parent = node.node.parent
    if node.reg is None or parent is None:
        return []
    address, size = cells_of(parent, "#address-cells", 1), cells_of(parent, "#size-cells", 1)
    return [Span.sized(base, length) for base, length in entries(node.reg.value, address, size)]


def _is_sound(distances: tuple[tuple[int, int, int], ...]) -> bool:
    # What of_numa_parse_distance_map_v1() refuses: an empty map, and distances that make no sense.
    return bool(distances) and all(
        distance == _LOCAL_DISTANCE if a == b else distance > _LOCAL_DISTANCE for a, b, distance in distances
    )


def _covers(state: EarlyBoot, blocks: tuple[Block, ...]) -> bool:
    # Whether every byte of RAM has a node. In passing: whether no byte has two.
    ordered = sorted(blocks)
    for this, following in pairwise(ordered):
        if this.nid != following.nid and this.span.overlaps(following.span):
            state.doubts.append("memory nodes of different NUMA nodes overlap, which was never booted")
            return False
    left = 0
    for region in state.mb.memory:
        at, end = region.base, region.base + region.size
        for block in ordered:
            if block.span.end <= at or block.span.start >= end:
                continue
            left += max(block.span.start - at, 0)
            at = max(at, block.span.end)
        left += max(end - at, 0)
    if 0 < left < _TOLERATED:
        state.doubts.append(f"0x{left:x} bytes of RAM belong to no NUMA node, which was never booted")
    return left == 0


def _one_node(state: EarlyBoot) -> None:
    mb = state.mb
    start, size = mb.start_of_dram(), mb.end_of_dram() - mb.start_of_dram()
    mb.set_node(start, size, 0)
    if state.behaviour.numa_reserved_nodes == "labelled":
        mb.set_node(start, size, 0, reserved=True)
    state.nodes = (0,)


def _split(state: EarlyBoot, found: Nodes) -> None:
    for span, nid in found.blocks:
        state.mb.set_node(span.start, span.size, nid)
        state.step(
            StepKind.MEMORY, "numa", f"node {nid}", base=span.start, size=span.size, source=_SOURCE
        )  # fmt: skip
    if state.behaviour.numa_reserved_nodes == "labelled":
        for span, nid in found.blocks:
            state.mb.set_node(span.start, span.size, nid, reserved=True)
        named = {*state.board.numa.cpus, *(nid for nid, _, _ in state.board.numa.distances or ())}
        # Without any map it was booted (6.12.117 and 7.2.13, arm64).
        if state.board.numa.distances is not None and set(found.nodes) - named:
            state.doubts.append(
                "a NUMA node has memory but neither a processor nor a line in the distance map, "
                "which was never booted"
            )
    state.nodes = found.nodes


def _allocate_nodes(state: EarlyBoot, costs: NodeCosts) -> dict[int, int]:
    data = {
        nid: state.allocate(
            costs.node_data, 64, "numa", f"NODE_DATA of node {nid}", nid=nid, needed=True, source=_SOURCE
        )
        for nid in state.nodes
    }
    if costs.cpumask:
        for nid in range(max(state.nodes) + 1):
            state.allocate(costs.cpumask, 64, "numa", f"cpumask of node {nid}", source=_SOURCE)
    return data
