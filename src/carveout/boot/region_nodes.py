# SPDX-License-Identifier: Apache-2.0
"""Which node is /reserved-memory, whether its format is accepted, and which nodes below it count.

Source: __reserved_mem_check_root(), fdt_scan_reserved_mem(), drivers/of (kernel-semantics 3.1, 3.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import c_strings, checked_strings, number
from carveout.boot.fdt_scan import status_ok
from carveout.boot.result import Outcome, RegionKind, StepKind
from carveout.boot.state import RegionState

if TYPE_CHECKING:
    from carveout.board import Board, RegionNode, ReservedMemoryNode
    from carveout.boot.state import EarlyBoot
    from carveout.fdt import Property
    from carveout.kernel import Behaviour

_SOURCE = "kernel-semantics 3.1, 3.2"


def find_reserved_memory(board: Board, behaviour: Behaviour) -> ReservedMemoryNode | None:
    """Return the /reserved-memory this kernel looks at, or None."""
    if behaviour.reserved_memory_lookup == "exact-name":
        return next((n for n in board.reserved_memory if n.node.name == "reserved-memory"), None)
    # libfdt takes the first root child with that name, with or without a unit address.
    return next(iter(board.reserved_memory), None)


def make_states(state: EarlyBoot) -> None:
    """Make a RegionState for every node that any kernel might take for a region, in tree order."""
    for parent in state.board.reserved_memory:
        for node in parent.regions:
            state.regions.append(_region_state(state, node))


def _region_state(state: EarlyBoot, node: RegionNode) -> RegionState:
    kind = RegionKind.STATIC if node.reg else RegionKind.DYNAMIC if node.size else RegionKind.NONE
    region = RegionState(node=node, kind=kind)
    _read_request(region, state.root_address_cells, state.root_size_cells)
    return region


def _read_request(region: RegionState, address_cells: int, size_cells: int) -> None:
    # What the node asks for, read with these cells.
    node, cut, step = region.node, 4 * address_cells, 4 * (address_cells + size_cells)
    if node.reg is not None and node.reg.length >= step > 0:
        value = node.reg.value
        region.requested_base, region.requested_size = number(value[:cut]), number(value[cut:step])
    elif node.reg is None and node.size is not None:
        region.requested_size = number(node.size.value)


def root_is_accepted(state: EarlyBoot, parent: ReservedMemoryNode) -> bool:
    """Check the format of /reserved-memory; print the kernel's complaint when it is refused."""
    wrong = _root_fault(state, parent)
    if wrong is None:
        return True
    state.step(StepKind.FAIL, parent.path, f"refused, with all its children: {wrong}", source=_SOURCE)
    state.say("unsupported-format")
    for region in state.regions:
        if region.node.path.startswith(parent.path + "/") and not region.reasons:
            region.reasons.append(f"{parent.path} is refused: {wrong}")
            # Whoever wrote the node may have meant its parent's cells, of which the kernel knows nothing now.
            address, size = parent.cells
            if address and size and region.node.reg and region.node.reg.length % (4 * (address + size)) == 0:
                _read_request(region, address, size)
    return False


def _root_fault(state: EarlyBoot, parent: ReservedMemoryNode) -> str | None:
    for name, cell, root in (
        ("#size-cells", parent.cells.size, state.root_size_cells),
        ("#address-cells", parent.cells.address, state.root_address_cells),
    ):
        if cell is None:
            return f"it has no {name}"
        if cell != root:
            return f"its {name} is {cell}, the root's is {root}"
    return None if parent.ranges is not None else "it has no ranges property"


def candidates(state: EarlyBoot, parent: ReservedMemoryNode) -> list[RegionState]:
    """Return the nodes this kernel takes for regions and which are available, in tree order."""
    chosen: list[RegionState] = []
    prefix = parent.path + "/"
    all_depths = state.behaviour.region_nodes == "all-depths"
    for region in state.regions:
        if not region.node.path.startswith(prefix):
            _give_reason(region, f"this kernel does not look below {region.node.path.rsplit('/', 1)[0]}")
        elif region.node.depth > 1 and not all_depths:
            _give_reason(region, "nested: this kernel only looks at children of /reserved-memory")
        elif not status_ok(state.behaviour, region.node.status):
            _give_reason(region, "its status is neither `ok` nor `okay`")
        else:
            chosen.append(region)
    return chosen


def _give_reason(region: RegionState, text: str) -> None:
    region.outcome = Outcome.IGNORED
    if text not in region.reasons:
        region.reasons.append(text)


def compatible_names(behaviour: Behaviour, prop: Property | None) -> list[bytes]:
    """Return the compatible strings as this kernel sees them, in lower case."""
    if prop is None:
        return []
    if behaviour.string_properties == "checked":
        return [text.lower() for text in checked_strings(prop)]
    return [text.lower() for text in c_strings(prop)]


def phandle_of(node: RegionNode) -> int:
    """Return the phandle as fdt_init_reserved_mem() reads it; 0 if there is none."""
    prop = node.node.prop("phandle") or node.node.prop("linux,phandle")
    return number(prop.value) if prop is not None else 0
