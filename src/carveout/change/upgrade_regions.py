# SPDX-License-Identifier: Apache-2.0
"""Regions in the words of 2013 as regions of today: names, flags, places, and the place of the node itself.

Source: binding sections 1 and 2, rules LG01 to LG10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import entries, number
from carveout.check.context import cells, texts
from carveout.check.legacy import BELOW_MEMORY, CONTIGUOUS, UNTOUCHED, old_nodes
from carveout.fdt.draft import DraftNode
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from carveout.change.answers import Answers
    from carveout.check.context import BoardContext
    from carveout.check.legacy import OldNode
    from carveout.fdt import Node

POOL = "shared-dma-pool"
BACKING_STORE = "fsl,qman-backing-store"
_DEFAULTS = ("linux,default-contiguous-region", "linux,default-cma")
_EXCLUSIVE = "reserved-memory-region"
_FROM_AUGUST = ("linux,contiguous-memory-region", _EXCLUSIVE, BELOW_MEMORY)
_DEVICE = "linux,contiguous-region"
_STORES = {
    "fsl,bman-fbpr": "free buffer proxy records of the buffer manager",
    "fsl,qman-fqd": "frame queue descriptors of the queue manager",
    "fsl,qman-pfdr": "packed frame descriptor records of the queue manager",
}


class NewRegion(NamedTuple):
    """What becomes of a node in the words of 2013."""

    path: str
    """Where it is now."""
    content: DraftNode
    """What it is to be, with its new name."""
    moves: bool
    """Into /reserved-memory, from where no kernel looks."""
    done: tuple[str, ...]
    """What was changed, in words."""


def upgraded_regions(context: BoardContext, answers: Answers, left: dict[str, str]) -> Iterator[NewRegion]:
    """Yield what becomes of each region in the words of 2013; what is not clear is asked.

    left: gets what a person has to do, by path.
    """
    referred = _referred(context)
    for old in old_nodes(context):
        if all(name == _DEVICE for name in old.names):
            continue
        if old.node.name == "reserved-memory" and _is_below_memory(old.node):
            continue  # it holds the regions, and goes with the last of them
        if not old.is_region and not _is_region(old):
            left[old.path] = (
                f'"{old.names[0]}" is on a node with neither reg nor size outside of /reserved-memory: it is no region'
            )
            continue
        region = _Region(old, context, answers, is_referred=old.path in referred)
        if not old.is_region and not _can_move(old.node):
            left[old.path] = (
                "it is neither below the memory node nor at the root: its addresses may be those of a bus; "
                "move it into /reserved-memory by hand"
            )
        elif region.is_settled():
            yield NewRegion(old.path, region.content, not old.is_region, tuple(region.done))


def _is_region(old: OldNode) -> bool:
    return BELOW_MEMORY in old.names or "reg" in old.node or "size" in old.node


def _can_move(node: Node) -> bool:
    parent = node.parent
    if parent is None or parent.parent is None:
        return parent is not None
    return parent.name == "reserved-memory" and _is_below_memory(parent)


def _is_below_memory(node: Node) -> bool:
    above = node.parent
    return above is not None and above.base_name == "memory" and above.depth == 1


def _referred(context: BoardContext) -> set[str]:
    # Paths of the nodes that devices refer to, in the words of today or of 2013.
    found = {consumer.region for consumer in context.board.consumers if consumer.region is not None}
    for prop in context.tree.properties_named(_DEVICE):
        for at in range(0, prop.length - 3, 4):
            target = context.tree.by_phandle(number(prop.value[at : at + 4]))
            if target is not None:
                found.add(target.path)
    return found


class _Region:
    # One region on its way. `content` is what it is to be.
    def __init__(self, old: OldNode, context: BoardContext, answers: Answers, *, is_referred: bool) -> None:
        self._old = old
        self._context = context
        self._answers = answers
        self._is_referred = is_referred
        self.content = DraftNode.from_node(old.node)
        self.done: list[str] = []

    def is_settled(self) -> bool:
        # Everything is asked before the answer is given, so that a person sees all questions at once.
        steps = [self._keep(), self._name(), self._recode(), self._place(), self._move()]
        return all(steps)

    def _ask(self, text: str, choices: Mapping[str, str]) -> str | None:
        return self._answers.ask(self._old.path, text, choices)

    def _set(self, name: str, value: bytes = b"") -> None:
        if self.content.properties.get(name) != value:
            self.content.properties[name] = value
            self.done.append(f"{name} added" if not value else f"{name} set")

    def _drop(self, name: str) -> None:
        if self.content.properties.pop(name, None) is not None:
            self.done.append(f"{name} removed")

    # ---- what it is --------------------------------------------------------------------------------------
    def _keep(self) -> bool:
        # A node without a name of that time was passed over by the kernel of that time.
        if self._old.names != (BELOW_MEMORY,):
            return True
        choice = self._ask(
            "it has no name of the dialect of August 2013, whose kernel passed over such nodes; as a region of today "
            "its memory is reserved",
            {"reserve": "make it a region", "leave": "leave it where no kernel looks"},
        )
        return choice == "reserve"

    def _name(self) -> bool:
        old = self._old
        compatible = list(texts(old.node.prop("compatible")))
        rest = [name for name in compatible if name not in (*CONTIGUOUS, *UNTOUCHED, BACKING_STORE)]
        is_default = any(name in old.names for name in _DEFAULTS)
        kind: str | None = "plain"
        if any(name in old.names for name in CONTIGUOUS) or is_default:
            kind = self._contiguous(rest, is_default=is_default)
        elif _EXCLUSIVE in old.names:
            kind = self._exclusive(rest)
        store: str | None = None
        if BACKING_STORE in old.names:
            store = self._ask(f"{BACKING_STORE} was never a binding: which of the three is it", _STORES)
            if store is not None:
                rest.insert(0, store)
        if kind is None or (BACKING_STORE in old.names and store is None):
            return False
        for name in _DEFAULTS:
            self._drop(name)
        if kind in ("pool", "coherent") and POOL not in rest:
            rest.insert(0, POOL)
        if kind == "pool":
            self._set("reusable")
            if is_default:
                self._set("linux,cma-default")
        if rest != compatible:
            self._write_compatible(rest)
        return True

    def _contiguous(self, rest: list[str], *, is_default: bool) -> str | None:
        # What a region is that the system may use until a device wants it.
        names = " and ".join(name for name in self._old.names if name in (*CONTIGUOUS, *_DEFAULTS))
        if "no-map" in self.content.properties:
            choice = self._ask(
                f"{names} lends the memory to the system, and no-map keeps it away from it",
                {
                    "pool": "drop no-map: a shared-dma-pool with reusable",
                    "no-map": "keep no-map: a plain region",
                },
            )
            if choice == "pool":
                self._drop("no-map")
            return {"pool": "pool", "no-map": "plain"}.get(choice or "")
        named = any(name in self._old.names for name in CONTIGUOUS)
        if is_default and not named and rest and POOL not in rest:
            return self._ask(
                f"{names} is on a region for {rest[0]}, which is no pool",
                {"pool": f"make it a shared-dma-pool, in front of {rest[0]}", "plain": f"drop {names}"},
            )
        return "pool"

    def _exclusive(self, rest: list[str]) -> str | None:
        # Taken from the kernel, and coherent memory of the device that refers to it.
        if "reusable" in self.content.properties:
            choice = self._ask(
                f"{_EXCLUSIVE} takes the memory from the system, and reusable lends it to it",
                {"no-map": "drop reusable", "reusable": "keep reusable, without no-map"},
            )
            if choice != "no-map":
                return "plain" if choice else None
            self._drop("reusable")
        self._set("no-map")
        return "coherent" if self._is_referred and not rest else "plain"

    def _write_compatible(self, names: list[str]) -> None:
        before = self.content.properties.get("compatible")
        if names:
            self.content.properties["compatible"] = b"".join(name.encode() + b"\0" for name in names)
            self.done.append(f"compatible is {', '.join(names)}")
        elif before is not None:
            del self.content.properties["compatible"]
            self.done.append("compatible removed")

    # ---- where it is -------------------------------------------------------------------------------------
    def _recode(self) -> bool:
        # Values in the cells of the node above, where these are not the root's.
        parent = self._old.node.parent
        if self._old.is_region or parent is None or parent.parent is None:
            return True
        root = self._context.address_cells, self._context.size_cells
        own = _own_cells(parent, root)
        if own == root:
            return True
        fitting = [found for found in (own, root) if self._fits(*found)]
        if len(fitting) == 2:
            choice = self._ask(
                f"its addresses have {root[0]} and {root[1]} cells at the root and {own[0]} and {own[1]} at the node above, "
                "which the dialect does not allow to differ",
                {"parent-cells": "read it in the cells of the node above", "root-cells": "as it stands"},
            )
            fitting = [{"parent-cells": own, "root-cells": root}[choice]] if choice else []
        if fitting == [own]:
            self._recode_from(own, root)
        return bool(fitting)

    def _fits(self, address: int, size: int) -> bool:
        steps = {"reg": address + size, "alloc-ranges": address + size, "size": size, "alignment": address}
        values = self.content.properties
        return all(
            step > 0 and len(values[name]) % (4 * step) == 0 for name, step in steps.items() if name in values
        )

    def _recode_from(self, own: tuple[int, int], root: tuple[int, int]) -> None:
        values = self.content.properties
        for name in ("reg", "alloc-ranges"):
            if name in values:
                found = entries(values[name], *own)
                self._set(name, b"".join(_cut(base, root[0]) + _cut(size, root[1]) for base, size in found))
        for name, width in (("size", root[1]), ("alignment", root[0])):
            if name in values:
                self._set(name, _cut(number(values[name]), width))

    def _place(self) -> bool:
        # `reg` as that time read it: the first entry, and base 0 means that the kernel chooses.
        if not any(name in _FROM_AUGUST for name in self._old.names):
            return True
        address, size = self._context.address_cells, self._context.size_cells
        found = entries(self.content.properties.get("reg", b""), address, size)
        if not found:
            return True
        return all([self._several(found), self._base_zero(found[0])])

    def _several(self, found: list[tuple[int, int]]) -> bool:
        if len(found) == 1:
            return True
        choice = self._ask(
            f"reg has {len(found)} entries, of which the kernel of August 2013 read the first",
            {"first": "keep the first", "all": "keep all: kernels up to 6.12 reserve them, 7.2 the first"},
        )
        if choice == "first":
            value = self.content.properties["reg"]
            self._set("reg", value[: 4 * (self._context.address_cells + self._context.size_cells)])
        return choice is not None

    def _base_zero(self, first: tuple[int, int]) -> bool:
        base, size = first
        if base or not size:
            return True
        if not any(name in CONTIGUOUS for name in self._old.names):
            choice = self._ask(
                "base 0 meant that the kernel chooses the place, for contiguous memory only, and this is none",
                {"choose": "write size in place of reg", "zero": "keep it at address 0"},
            )
            if choice != "choose":
                return choice is not None
        del self.content.properties["reg"]
        self.content.properties["size"] = cells(size, width=self._context.size_cells)
        self.done.append("size in place of reg: base 0 meant that the kernel chooses")
        name = self.content.name.partition("@")[0]
        if name != self.content.name:
            self.content.name = name
            self.done.append(f"called {name}: a region that the kernel places has no unit address")
        return True

    def _move(self) -> bool:
        if not self._old.is_region:
            self.done.append("moved into /reserved-memory")
        return True


def _own_cells(parent: Node, root: tuple[int, int]) -> tuple[int, int]:
    found = []
    for name, default in zip(("#address-cells", "#size-cells"), root, strict=True):
        prop = parent.prop(name)
        found.append(prop.u32() if prop is not None and prop.length == 4 else default)
    return found[0], found[1]


def _cut(value: int, width: int) -> bytes:
    # A value that does not fit is refused when the tree is booted; here it keeps its low bits.
    return (value & ((1 << 32 * width) - 1)).to_bytes(4 * width, "big")
