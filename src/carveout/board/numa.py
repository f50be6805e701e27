# SPDX-License-Identifier: Apache-2.0
"""What a tree says about NUMA nodes, beside the `numa-node-id` of its memory nodes.

Source: drivers/of/of_numa.c (kernel-semantics 4.6, step 7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import checked_strings, first_cell, number
from carveout.values import dataclass

if TYPE_CHECKING:
    from carveout.fdt import Tree

_MAP = b"numa-distance-map-v1"
_ENTRY = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class NumaFacts:
    """The nodes of the processors, and the distance map. Nothing is checked."""

    cpus: tuple[int, ...]
    """numa-node-id of each cpu node that has one, in tree order."""
    distances: tuple[tuple[int, int, int], ...] | None
    """(from, to, distance) of every whole entry of the map; None: the tree has no map."""


def read_numa(tree: Tree) -> NumaFacts:
    """Return what a tree says about NUMA nodes."""
    return NumaFacts(cpus=_cpus(tree), distances=_distances(tree))


def _cpus(tree: Tree) -> tuple[int, ...]:
    found = []
    for prop in tree.properties_named("numa-node-id"):
        node = prop.node
        if node.parent is None or node.parent.path != "/cpus":
            continue
        kind = node.prop("device_type")
        is_cpu = node.base_name == "cpu" or (kind is not None and kind.value.rstrip(b"\0") == b"cpu")
        nid = first_cell(prop)
        if is_cpu and nid is not None:
            found.append(nid)
    return tuple(found)


def _distances(tree: Tree) -> tuple[tuple[int, int, int], ...] | None:
    if _MAP not in tree.blob:
        return None
    for prop in tree.properties_named("compatible"):
        if _MAP in checked_strings(prop):
            matrix = prop.node.prop("distance-matrix")
            data = matrix.value if matrix is not None else b""
            starts = range(0, len(data) - _ENTRY + 1, _ENTRY)
            return tuple(
                (number(data[at : at + 4]), number(data[at + 4 : at + 8]), number(data[at + 8 : at + 12]))
                for at in starts
            )
    return None
