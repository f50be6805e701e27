# SPDX-License-Identifier: Apache-2.0
"""Real boards' trees booted in QEMU's `virt`, with their RAM and their regions where the boards have them.

Theory of operation: what decides about memory is kept as the board has it: memory nodes, /reserved-memory, the
reserve map, /chosen, /aliases, the cpus, and every other node and property, so that unflattening takes as much
memory. What runs is virt's hardware, since the board's is not there: its nodes are switched off (one property more),
the root is called virt, and virt's interrupt controller, timer, clock and UART are added. QEMU's RAM begins at 1 GiB and is made large enough to have
the board's in it, at the same addresses. A board whose RAM begins below that is moved up as a whole, by SHIFT. Image,
tree and initrd go to the lowest places in the board's RAM that no region claims: where its boot loader would put
them nobody can see from a tree.

So what a boot shows is the memory layout of a board, with all of its regions; not its drivers.

Two forms: `whole`, as above; and `lean`, which keeps memory, regions, /chosen, cpus and the nodes that point at
regions, and leaves out everything else. The recordings in tests/data are lean: they hold facts about memory, and no
tree that others wrote.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from carveout.board import read_board
from carveout.board.decode import entries
from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build
from carveout.span import GIB, MIB, Span

from .machines import MACHINES, command_line
from .probe import probe_archive
from .scenario import Scenario
from .trees import TreeError, base_tree, cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from carveout.board import Board
    from support.recordings import Recording

SHIFT = GIB
"""A multiple of every alignment that counts, the start of the linear map included."""
_ARCH = "arm64"
_KEPT = ("memory", "reserved-memory", "chosen", "cpus", "aliases", "__symbols__", "distance-map", "mapping")
_KEPT_WHOLE = ("memory", "reserved-memory", "chosen", "distance-map")
_KEPT_PROPERTIES = (
    "#address-cells", "#size-cells", "compatible", "memory-region", "memory-region-names", "status",
)  # fmt: skip
_CPU_PROPERTIES = ("device_type", "reg", "enable-method", "numa-node-id")
_ADDED = ("intc", "timer", "apb-pclk", "pl011")
_ROOT_CELLS = (2, 2)
_IMAGE_ROOM, _TREE_ROOM, _INITRD_ROOM = 64 * MIB, 4 * MIB, 2 * MIB
_PLACE_ALIGN = 2 * MIB
_ARGUMENTS = "maxcpus=1 keep_bootcon"


class RealBoard(NamedTuple):
    """A tree of Debian's kernel package, and the RAM its boot loader would fill in."""

    id: str
    tree: str
    """Below the folder of the kernel package."""
    title: str
    memory: tuple[tuple[int, int], ...] = ()
    """Banks (address, size); empty: as the tree says."""


BOARDS = (
    RealBoard(
        id="real-mt7981b-cudy-wr3000",
        tree="mediatek/mt7981b-cudy-wr3000-v1.dtb",
        title="Cudy WR3000 V1, 256 MiB: room for the default area with 16 KiB pages",
    ),
    RealBoard(
        id="real-qcm6490-fairphone-fp5",
        tree="qcom/qcm6490-fairphone-fp5.dtb",
        title="Fairphone 5, 8 GiB: a pool of 8 MiB with 16 KiB pages",
        memory=((0x8000_0000, 8 * GIB),),
    ),
    RealBoard(
        id="real-imx95-19x19-evk",
        tree="freescale/imx95-19x19-evk.dtb",
        title="NXP i.MX 95 EVK, 2 GiB: a dynamic pool of 960 MiB moves with 16 KiB pages",
    ),
    RealBoard(
        id="real-sm7325-motorola-dubai",
        tree="qcom/sm7325-motorola-dubai.dtb",
        title="Motorola Edge 30, 2 GiB: a pool takes the place of one that was given back",
        memory=((0x8000_0000, 2 * GIB),),
    ),
    RealBoard(
        id="real-hip07-d05",
        tree="hisilicon/hip07-d05.dtb",
        title="HiSilicon D05: four nodes of which one has memory, and their contiguous areas",
    ),
)


def real_scenario(
    board: RealBoard, blob: bytes, *, lean: bool = False, virt: bytes | None = None
) -> Scenario:
    """Return the scenario that boots a board's tree. Raises: TreeError for a tree this cannot be done with.

    lean: what is not about memory is left out. virt: the machine's own tree; asked of QEMU when None.
    """
    machine = MACHINES[_ARCH]
    root = DraftNode.from_node(parse(blob).root)
    reserve_map = [(entry.address, entry.size) for entry in read_board(parse(blob)).reserve_map]
    if lean:
        _strip(root, {consumer.path for consumer in read_board(parse(blob)).consumers})
    if board.memory:
        _fill_memory(root, board.memory)
    if _lowest(root) < machine.ram_base:
        _move_up(root)
        reserve_map = [(at + SHIFT, size) for at, size in reserve_map]
    _switch_off(root)
    moved = read_board(parse(build(root, reserve_map=reserve_map)))
    banks = _banks(moved)
    ram = max(bank.end for bank in banks) - machine.ram_base
    _add_hardware(root, virt or base_tree(machine.qemu, machine.cpu, GIB, 1))
    image, tree, initrd = _places(moved, banks)
    chosen = root.child("chosen") or root.add("chosen")
    chosen.properties["bootargs"] = command_line(machine, _ARGUMENTS).encode() + b"\0"
    chosen.properties["linux,initrd-start"] = cells(initrd, 2)
    chosen.properties["linux,initrd-end"] = cells(initrd + len(probe_archive()), 2)
    return Scenario(
        id=f"{board.id}-lean" if lean else board.id,
        title=board.title,
        ram=-(-ram // MIB) * MIB,
        cmdline=_ARGUMENTS,
        probe=True,
        raw=True,
        places={
            name: at - machine.ram_base for name, at in (("kernel", image), ("fdt", tree), ("initrd", initrd))
        },
        tree=build(root, reserve_map=reserve_map),
        architectures=(_ARCH,),
        tags=("real",),
    )


def real_scenarios(
    folder: Path, boards: Sequence[RealBoard] = BOARDS, *, lean: bool = False
) -> list[Scenario]:
    """Return the scenarios of the boards whose trees are in the folder of a kernel package. Raises: TreeError."""
    found = []
    for board in boards:
        path = folder / board.tree
        if not path.is_file():
            raise TreeError(f"{path}: there is no such tree: get it with tools/fetch_dtbs.py")
        found.append(real_scenario(board, path.read_bytes(), lean=lean))
    return found


def scenario_again(recorded: Recording) -> Scenario:
    """Return the scenario of a boot in the data, to boot it again."""
    machine, placed = recorded.fields["machine"], recorded.fields["boot"]
    base = int(machine["ram_base"], 16)
    ends = {"kernel": "kernel_file", "fdt": "fdt", "initrd": "initrd"}
    return Scenario(
        id=recorded.scenario,
        title=recorded.title,
        ram=int(machine["ram_size"], 16),
        cmdline=_ARGUMENTS,
        probe=True,
        raw=True,
        places={name: int(placed[key]["base"], 16) - base for name, key in ends.items()},
        tree=recorded.dtb,
        architectures=(_ARCH,),
    )


def _strip(root: DraftNode, consumers: set[str]) -> None:
    root.children = [child for child in root.children if _stripped(child, f"/{child.name}", consumers)]


def _stripped(node: DraftNode, path: str, consumers: set[str]) -> bool:
    # Take out what is not kept, and say whether the node itself stays.
    if path.count("/") == 1 and node.name.partition("@")[0] in _KEPT_WHOLE:
        return True
    is_cpu = path.startswith("/cpus/cpu@") and path.count("/") == 2
    node.children = [child for child in node.children if _stripped(child, f"{path}/{child.name}", consumers)]
    kept = (*_KEPT_PROPERTIES, *_CPU_PROPERTIES) if is_cpu else _KEPT_PROPERTIES
    node.properties = {name: value for name, value in node.properties.items() if name in kept}
    return is_cpu or path in consumers or bool(node.children)


def _fill_memory(root: DraftNode, banks: Sequence[tuple[int, int]]) -> None:
    # As a boot loader does it: into the first memory node.
    node = next((child for child in root.children if _is_memory(child)), None)
    if node is None:
        raise TreeError("the tree has no memory node to fill")
    node.properties["reg"] = b"".join(cells(at, 2) + cells(size, 2) for at, size in banks)


def _is_memory(node: DraftNode) -> bool:
    return node.properties.get("device_type") == b"memory\0"


def _lowest(root: DraftNode) -> int:
    return min((span.start for span in _reg(root, "reg", of_memory=True)), default=0)


def _reg(root: DraftNode, name: str, *, of_memory: bool) -> Iterator[Span]:
    for child in root.children:
        if _is_memory(child) == of_memory and name in child.properties:
            for at, size in entries(child.properties[name], *_ROOT_CELLS):
                if size:
                    yield Span.sized(at, size)


def _move_up(root: DraftNode) -> None:
    parents = [child for child in root.children if child.name == "reserved-memory"]
    nodes = [child for child in root.children if _is_memory(child)]
    nodes += [region for parent in parents for region in parent.children]
    for node in nodes:
        for name in ("reg", "alloc-ranges"):
            if name in node.properties:
                found = entries(node.properties[name], *_ROOT_CELLS)
                node.properties[name] = b"".join(cells(at + SHIFT, 2) + cells(size, 2) for at, size in found)


def _switch_off(root: DraftNode) -> None:
    # Every node that a driver could take, wherever it is: some are looked for without regard to their parents.
    if any(root.properties.get(name) != cells(2, 1) for name in ("#address-cells", "#size-cells")):
        raise TreeError("addresses and sizes of the root are not two cells each")
    cpus = [child for child in (root.child("cpus") or root).children if "reg" in child.properties]
    if cpus and not any(not any(cpu.properties["reg"]) for cpu in cpus):
        # The one that boots has number 0 here; one that the tree does not name belongs to no NUMA node.
        cpus[0].properties["reg"] = bytes(len(cpus[0].properties["reg"]))
    for child in root.children:
        if child.name.partition("@")[0] in _KEPT:
            continue
        for _, node in child.walk():
            if "compatible" in node.properties:
                node.properties["status"] = b"disabled\0"


def _banks(board: Board) -> list[Span]:
    found = [
        Span.sized(at, size)
        for node in board.memory
        if node.reg is not None
        for at, size in entries(node.reg.value, *_ROOT_CELLS)
        if size
    ]
    if not found:
        raise TreeError("the tree does not say how much RAM there is: name the banks")
    return found


def _places(board: Board, banks: Sequence[Span]) -> tuple[int, int, int]:
    # Lowest first, each behind the one before, where no region, no entry of the reserve map and not the stub is.
    taken = [Span.sized(MACHINES[_ARCH].ram_base, _PLACE_ALIGN)]
    taken += [Span.sized(entry.address, entry.size) for entry in board.reserve_map]
    taken += [
        Span.sized(at, size)
        for parent in board.reserved_memory
        for region in parent.regions
        if region.reg is not None
        for at, size in entries(region.reg.value, *_ROOT_CELLS)
        if size
    ]
    found: list[int] = []
    for size in (_IMAGE_ROOM, _TREE_ROOM, _INITRD_ROOM):
        at = _free(banks, taken, size)
        found.append(at)
        taken.append(Span.sized(at, size))
    return found[0], found[1], found[2]


def _free(banks: Sequence[Span], taken: Sequence[Span], size: int) -> int:
    for bank in sorted(banks):
        stops = sorted(span for span in taken if span.overlaps(bank))
        edges = [Span.sized(bank.start, 0), *stops, Span.sized(bank.end, 0)]
        reached = bank.start
        for before, after in pairwise(edges):
            reached = max(reached, before.end)
            at = -(-reached // _PLACE_ALIGN) * _PLACE_ALIGN
            if at + size <= after.start:
                return at
    raise TreeError(f"no room for {size // MIB} MiB between the regions")


def _add_hardware(root: DraftNode, virt: bytes) -> None:
    theirs = DraftNode.from_node(parse(virt).root)
    handles = {node.properties.get("phandle") for _, node in root.walk()}
    parent = theirs.properties["interrupt-parent"]
    for node in theirs.children:
        kind = node.name.partition("@")[0]
        if kind not in _ADDED:
            continue
        if node.properties.get("phandle", b"") in handles:
            raise TreeError(f"the phandle of virt's {node.name} is taken")
        node.name = f"virt-{node.name}"
        node.children = []
        node.properties["interrupt-parent"] = parent
        root.children.append(node)
    root.properties["interrupt-parent"] = parent
    # By the board's name drivers of its SoC would call firmware that is not there.
    root.properties["compatible"] = theirs.properties["compatible"]
