# SPDX-License-Identifier: Apache-2.0
"""An overlay (.dtbo) merged into a base tree, with the result that a boot loader's merge has.

Theory of operation. An overlay is a tree of fragments; each names a node of the base (by phandle in `target`, by
path in `target-path`) and carries in `__overlay__` what is to be laid over it. Four steps:

1. The overlay's own phandles are moved above the base's, in `phandle` properties and in every cell that
   `__local_fixups__` lists.
2. Cells that `__fixups__` lists get the phandle of the node that the base's `/__symbols__` gives to the label.
3. Each fragment is merged: properties replaced, nodes descended into or made.
4. The overlay's `__symbols__` are added to the base's, with paths in the merged tree.

Order is part of the result, since Linux reserves regions in tree order. A boot loader puts a new node before the
existing children, and a new property before the existing properties, one after the other; so new ones come out
in reverse. This was observed with fdtoverlay 1.6.1 and is compared with it in tests/oracle.

Names are looked up as boot loaders do: one without a unit address also means the first node whose name is the
same before the "@".

Source: Devicetree overlay notes of the Linux documentation (devicetree/dynamic-resolution-notes.rst,
devicetree/overlay-notes.rst).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import OverlayError
from carveout.fdt.draft import DraftNode
from carveout.fdt.labels import SYMBOLS_PATH
from carveout.fdt.phandles import PHANDLE_NAMES
from carveout.fdt.reader import parse
from carveout.fdt.tree import decode, encode
from carveout.fdt.writer import build

if TYPE_CHECKING:
    from carveout.fdt.tree import Tree

_LAST_PHANDLE = 0xFFFFFFFE
_NOT_FIXED_UP = 0xFFFFFFFF
_OVERLAY = "__overlay__"
_SYMBOLS = SYMBOLS_PATH.removeprefix("/")


def apply(base: Tree, overlay: Tree) -> Tree:
    """Return the base tree with the overlay merged in; neither argument changes. For more, apply again.

    The reserve map and boot CPU of the base are kept; those of the overlay are not looked at.

    Raises:
        OverlayError: with the path at fault, in the overlay unless the text says otherwise.
    """
    merged = DraftNode.from_node(base.root)
    changes = DraftNode.from_node(overlay.root)
    if not any(child.child(_OVERLAY) for child in changes.children):
        raise OverlayError("no fragment with an __overlay__ node: not an overlay", path="/")
    _renumber(changes, _highest_phandle(merged))
    _resolve_labels(merged, changes)
    # Path of each fragment's target in the base, by the fragment's name.
    targets: dict[str, str] = {}
    for fragment in changes.children:
        content = fragment.child(_OVERLAY)
        if content is not None:
            path, target = _target_of(merged, fragment)
            targets[fragment.name] = path
            _merge(target, content)
    _merge_symbols(merged, changes, targets)
    reserve_map = [(entry.address, entry.size) for entry in base.reserve_map]
    return parse(build(merged, reserve_map=reserve_map, boot_cpuid=base.header.boot_cpuid_phys))


def _phandle_of(node: DraftNode) -> int | None:
    for name in PHANDLE_NAMES:
        value = node.properties.get(name)
        if value is not None and len(value) == 4:
            return int.from_bytes(value, "big")
    return None


def _highest_phandle(root: DraftNode) -> int:
    """Return the highest valid phandle of the tree, 0 when there is none."""
    phandles = (_phandle_of(node) or 0 for _, node in root.walk())
    return max((value for value in phandles if value <= _LAST_PHANDLE), default=0)


def _renumber(changes: DraftNode, delta: int) -> None:
    """Add `delta` to the overlay's phandles and to all cells that refer to them."""
    for path, node in changes.walk():
        for name in PHANDLE_NAMES:
            value = node.properties.get(name)
            if value is None:
                continue
            if len(value) != 4:
                raise OverlayError(f"{name} is {len(value)} bytes long, expected 4", path=path)
            node.properties[name] = _moved(int.from_bytes(value, "big"), delta, path)
    fixups = changes.child("__local_fixups__")
    for path, listing in fixups.walk() if fixups else ():
        for name, offsets in listing.properties.items():
            target = changes.find(path)
            place = f"{path}:{name}"
            if target is None or name not in target.properties:
                raise OverlayError("__local_fixups__ lists a property that is not there", path=place)
            if len(offsets) % 4:
                raise OverlayError(f"the entry of __local_fixups__ is {len(offsets)} bytes long", path=place)
            value = target.properties[name]
            for at in range(0, len(offsets), 4):
                offset = int.from_bytes(offsets[at : at + 4], "big")
                cell = _cell(value, offset, place)
                value = _with_cell(value, offset, _moved(cell, delta, place))
            target.properties[name] = value


def _moved(phandle: int, delta: int, path: str) -> bytes:
    moved = phandle + delta
    if moved > _LAST_PHANDLE:
        raise OverlayError(f"phandle 0x{phandle:x} cannot be moved above the base's 0x{delta:x}", path=path)
    return moved.to_bytes(4, "big")


def _cell(value: bytes, offset: int, path: str) -> int:
    if offset + 4 > len(value):
        raise OverlayError(
            f"the fix-up at byte {offset} lies outside the value of {len(value)} bytes", path=path
        )
    return int.from_bytes(value[offset : offset + 4], "big")


def _with_cell(value: bytes, offset: int, cell: bytes) -> bytes:
    return value[:offset] + cell + value[offset + 4 :]


def _resolve_labels(base: DraftNode, changes: DraftNode) -> None:
    """Write the base's phandles into the cells that __fixups__ lists."""
    fixups = changes.child("__fixups__")
    if fixups is None or not fixups.properties:
        return
    symbols = base.child(_SYMBOLS)
    if symbols is None:
        raise OverlayError(
            "the base has no /__symbols__, so no label can be resolved; build it with dtc -@",
            path="/__fixups__",
        )
    for label, places in fixups.properties.items():
        phandle = _phandle_of_label(base, symbols, label)
        if places[-1:] != b"\0":
            raise OverlayError(f"the list for {label!r} is not closed by a NUL", path="/__fixups__")
        for raw in places[:-1].split(b"\0"):
            _fix_up(changes, decode(raw), phandle)


def _phandle_of_label(base: DraftNode, symbols: DraftNode, label: str) -> bytes:
    raw = symbols.properties.get(label)
    if raw is None:
        raise OverlayError(f"the base has no label {label!r} in /__symbols__", path="/__fixups__")
    path = decode(raw.removesuffix(b"\0"))
    found = _look_up(base, path)
    if found is None:
        raise OverlayError(
            f"label {label!r} of the base means {path}, which is not there", path="/__fixups__"
        )
    phandle = _phandle_of(found[1])
    if not phandle:
        raise OverlayError(
            f"label {label!r} of the base means {path}, which has no phandle", path="/__fixups__"
        )
    return phandle.to_bytes(4, "big")


def _fix_up(changes: DraftNode, place: str, phandle: bytes) -> None:
    """Write a phandle at one place of the overlay, given as PATH:PROPERTY:OFFSET."""
    path, _, rest = place.partition(":")
    name, _, number = rest.rpartition(":")
    if not (path.startswith("/") and name and number.isascii() and number.isdecimal() and len(number) <= 10):
        raise OverlayError(f"the entry {place!r} is not of the form path:property:offset", path="/__fixups__")
    node = changes.find(path)
    if node is None or name not in node.properties:
        raise OverlayError("__fixups__ lists a property that is not there", path=f"{path}:{name}")
    value = node.properties[name]
    _cell(value, int(number), f"{path}:{name}")
    node.properties[name] = _with_cell(value, int(number), phandle)


def _child_like(node: DraftNode, name: str) -> DraftNode | None:
    """Return the first child of this name; a name without unit address also means any unit address."""
    if "@" in name:
        return node.child(name)
    return next((child for child in node.children if child.name.partition("@")[0] == name), None)


def _look_up(root: DraftNode, path: str) -> tuple[str, DraftNode] | None:
    """Return (full path, node) for a path, or for one that begins with an alias; None when not there."""
    if not path.startswith("/"):
        alias, slash, rest = path.partition("/")
        aliases = root.child("aliases")
        start = aliases.properties.get(alias) if aliases else None
        if start is None or not start.startswith(b"/"):
            return None
        path = decode(start.removesuffix(b"\0")) + slash + rest
    node, names = root, [""]
    for part in path.split("/"):
        if part:
            child = _child_like(node, part)
            if child is None:
                return None
            node = child
            names.append(child.name)
    return "/".join(names) or "/", node


def _target_of(base: DraftNode, fragment: DraftNode) -> tuple[str, DraftNode]:
    """Return path and node in the base that a fragment is laid over."""
    path = f"/{fragment.name}"
    raw = fragment.properties.get("target")
    if raw is not None:
        if len(raw) != 4:
            raise OverlayError(f"target is {len(raw)} bytes long, expected 4", path=path)
        phandle = int.from_bytes(raw, "big")
        if phandle in (0, _NOT_FIXED_UP):
            raise OverlayError(f"target is 0x{phandle:x}, which __fixups__ should have replaced", path=path)
        found = next((pair for pair in base.walk() if _phandle_of(pair[1]) == phandle), None)
        if found is None:
            raise OverlayError(f"no node of the base has the phandle 0x{phandle:x} of target", path=path)
        return found
    raw = fragment.properties.get("target-path")
    if raw is None:
        raise OverlayError("the fragment has neither target nor target-path", path=path)
    if raw[-1:] != b"\0":
        raise OverlayError("target-path is not a string closed by a NUL", path=path)
    wanted = decode(raw[:-1])
    found = _look_up(base, wanted)
    if found is None:
        raise OverlayError(f"the base has no node {wanted!r}, which target-path names", path=path)
    return found


def _merge(target: DraftNode, content: DraftNode) -> None:
    """Lay `content` over `target`, with new things in front of existing ones."""
    pending = [(target, content)]
    for into, source in pending:  # Grows while it is gone through.
        _merge_properties(into, source)
        pending.extend(_merge_children(into, source))


def _merge_properties(into: DraftNode, source: DraftNode) -> None:
    """Set the properties of one node. A phandle that it has stays, since other nodes refer to it."""
    has_phandle = _phandle_of(into) is not None
    fresh: dict[str, bytes] = {}
    for name, value in source.properties.items():
        if name not in into.properties:
            fresh[name] = value
        elif not (has_phandle and name in PHANDLE_NAMES):
            into.properties[name] = value
    into.properties = {**dict(reversed(fresh.items())), **into.properties}


def _merge_children(into: DraftNode, source: DraftNode) -> list[tuple[DraftNode, DraftNode]]:
    """Make the missing children of one node; return each child with what is to be laid over it.

    The same look-up as _child_like, by tables, since an overlay may bring thousands of nodes.
    """
    exact: dict[str, DraftNode] = {}
    by_base_name: dict[str, DraftNode] = {}
    for child in into.children:
        exact.setdefault(child.name, child)
        by_base_name.setdefault(child.name.partition("@")[0], child)
    fresh: list[DraftNode] = []
    pairs: list[tuple[DraftNode, DraftNode]] = []
    for child in source.children:
        existing = (exact if "@" in child.name else by_base_name).get(child.name)
        if existing is None:
            existing = DraftNode(child.name)
            fresh.append(existing)
            exact[child.name] = existing
            by_base_name[child.name.partition("@")[0]] = existing
        pairs.append((existing, child))
    into.children[:0] = reversed(fresh)
    return pairs


def _merge_symbols(base: DraftNode, changes: DraftNode, targets: dict[str, str]) -> None:
    """Add the overlay's labels to the base's /__symbols__, with their paths in the merged tree."""
    symbols = changes.child(_SYMBOLS)
    if symbols is None:
        return
    into = base.child(_SYMBOLS)
    if into is None:
        into = DraftNode(_SYMBOLS)
        base.children.insert(0, into)
    moved = DraftNode(_SYMBOLS)
    for label, raw in symbols.properties.items():
        place = f"{SYMBOLS_PATH}:{label}"
        if raw[-1:] != b"\0" or not raw.startswith(b"/"):
            raise OverlayError("the value is not a path closed by a NUL", path=place)
        _, fragment, *rest = decode(raw[:-1]).split("/")
        if not rest or rest[0] != _OVERLAY:
            continue  # A label outside what is merged means nothing in the result.
        if fragment not in targets:
            raise OverlayError(f"there is no fragment {fragment!r}", path=place)
        value = encode("/".join([targets[fragment].rstrip("/"), *rest[1:]]) or "/") + b"\0"
        moved.properties[label] = value
    _merge_properties(into, moved)
