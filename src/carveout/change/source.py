# SPDX-License-Identifier: Apache-2.0
"""A change as text: statements to paste behind the source of a board, and the source of an overlay.

In a board's own source regions are referred to by labels, and dtc numbers phandles anew; in source made from a
blob (`dtc -I dtb`) the numbers stand as they are. The text is written for one of the two.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.change.proposal import GoneNode, NewNode, Proposal, RenamedNode, propose
from carveout.check.model import EditKind
from carveout.check.patch import statement
from carveout.errors import EditError
from carveout.fdt.draft import DraftNode
from carveout.fdt.tree import PHANDLE_NAMES, SYMBOLS_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carveout.check.model import Edit
    from carveout.fdt import Tree

_NAME = re.compile(r"[A-Za-z0-9,._+*#?@-]+")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"[A-Za-z0-9,._+*#?@/-]+")
_PROPERTY = re.compile(r"[A-Za-z0-9,._+*#?-]+")
_PRINTABLE = re.compile(rb"[ !#-\[\]-~]*")
_REFERRING = "memory-region"


def source_of(proposal: Proposal, *, notes: Mapping[str, str] | None = None, from_source: bool) -> str:
    """Return statements that make the change when they stand behind a board's source.

    notes: a comment for each node, by path. from_source: for the board's own source, with labels; else for the
    source that dtc makes from the blob.

    Raises: EditError for a name that cannot be written in source.
    """
    writer = _Writer(proposal, notes or {}, from_source=from_source)
    tree = proposal.before
    edits: list[Edit] = []
    for change in proposal.changes:
        if not isinstance(change, NewNode | GoneNode | RenamedNode):
            if from_source and change.path == SYMBOLS_PATH:
                continue  # dtc makes it
            if edits and edits[-1].path != change.path:
                writer.edits(tree, edits)
                edits = []
            edits.append(change)
            continue
        writer.edits(tree, edits)
        edits = []
        writer.node(tree, change)
        tree = propose(tree, [change]).after
    writer.edits(tree, edits)
    return "\n".join(writer.blocks)


def overlay_source(overlay: Tree, *, note: str = "") -> str:
    """Return an overlay as source, with its fragments written out. note: a comment at the top.

    Raises: EditError for a name that cannot be written in source.
    """
    lines = ["/dts-v1/;", "/plugin/;", ""]
    if note:
        lines += [f"/* {_comment(note)} */", ""]
    lines.append("/ {")
    for fragment in DraftNode.from_node(overlay.root).children:
        lines += _node_lines(fragment, "\t")
    return "\n".join([*lines, "};", ""])


class _Writer:
    def __init__(self, proposal: Proposal, notes: Mapping[str, str], *, from_source: bool) -> None:
        self.blocks: list[str] = []
        self._after = proposal.after
        self._fresh = proposal.new_phandles
        self._notes = dict(notes)
        self._from_source = from_source
        self._labels = {
            change.path: change.label
            for change in proposal.changes
            if isinstance(change, NewNode) and change.label
        }

    def edits(self, tree: Tree, edits: list[Edit]) -> None:
        # Changes of properties of one node.
        if not edits:
            return
        path = edits[0].path
        lines = []
        for edit in edits:
            if edit.kind is EditKind.REMOVE:
                lines.append(f"\t/delete-property/ {_named(edit.name, _PROPERTY)};")
            else:
                lines.append(f"\t{self._statement(edit.name, edit.value)}")
        self.blocks.append(self._block(path, self._reference(tree, path), lines))

    def node(self, tree: Tree, change: NewNode | GoneNode | RenamedNode) -> None:
        # A node that comes, goes or gets another name.
        if isinstance(change, NewNode):
            self._new(tree, change.parent, change.content, change.label)
            return
        self.blocks.append(f"/delete-node/ {self._reference(tree, change.path)};\n")
        if isinstance(change, RenamedNode):
            node = tree.node(change.path)
            if node is None:
                raise EditError("there is no such node to rename", path=change.path)
            content = DraftNode.from_node(node)
            content.name = change.name
            parent = change.path.rpartition("/")[0] or "/"
            label = tree.label_of(change.path) if self._from_source else None
            self._new(tree, parent, content, label)

    def _new(self, tree: Tree, parent: str, content: DraftNode, label: str | None) -> None:
        lines = _node_lines(content, "\t", label=label, write=self._statement)
        path = f"{parent.rstrip('/')}/{content.name}"
        self.blocks.append(self._block(path, self._reference(tree, parent), lines))

    def _block(self, path: str, reference: str, lines: list[str]) -> str:
        note = self._notes.pop(path, None)
        head = [f"/* {_comment(note)} */"] if note else []
        return "\n".join([*head, f"{reference} {{", *(line for line in lines if line.strip()), "};", ""])

    def _reference(self, tree: Tree, path: str) -> str:
        return _reference(tree, path, by_label=self._from_source)

    def _statement(self, name: str, value: bytes) -> str:
        if not self._from_source:
            return _statement(name, value)
        if name in PHANDLE_NAMES and len(value) == 4 and int.from_bytes(value, "big") in self._fresh:
            return ""  # dtc gives one to what is referred to
        if name != _REFERRING or not value or len(value) % 4:
            return _statement(name, value)
        cells = [int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value), 4)]
        return f"{name} = {', '.join(f'<{self._phandle(cell)}>' for cell in cells)};"

    def _phandle(self, cell: int) -> str:
        node = self._after.by_phandle(cell)
        if node is None:
            return f"0x{cell:x}"
        label = self._labels.get(node.path)
        return f"&{label}" if label else self._reference(self._after, node.path)


def _node_lines(
    node: DraftNode,
    indent: str,
    *,
    label: str | None = None,
    write: object = None,
) -> list[str]:
    put = write if callable(write) else _statement
    head = f"{_named(label, _LABEL)}: " if label else ""
    lines = [f"{indent}{head}{_named(node.name, _NAME)} {{"]
    for name, value in node.properties.items():
        text = put(_named(name, _PROPERTY), value)
        if text:
            lines.append(f"{indent}\t{text}")
    for child in node.children:
        lines += _node_lines(child, indent + "\t", write=write)
    return [*lines, f"{indent}}};"]


def _statement(name: str, value: bytes) -> str:
    # As `statement`, and strings also where the name does not tell: a path, for one.
    texts = value[:-1].split(b"\0")
    if value[-1:] == b"\0" and all(text and _PRINTABLE.fullmatch(text) for text in texts):
        return f"{name} = {', '.join(chr(34) + text.decode('ascii') + chr(34) for text in texts)};"
    return statement(name, value)


def _reference(tree: Tree, path: str, *, by_label: bool) -> str:
    if path == "/":
        return "/"
    label = tree.label_of(path) if by_label else None
    if label is not None and _LABEL.fullmatch(label):
        return f"&{label}"
    return f"&{{{_named(path, _PATH)}}}"


def _named(text: str, pattern: re.Pattern[str]) -> str:
    if pattern.fullmatch(text) is None:
        raise EditError(f"the name {text!r} cannot be written in device tree source")
    return text


def _comment(text: str) -> str:
    return text.replace("*/", "* /").replace("\n", "\n * ")
