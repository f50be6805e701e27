# SPDX-License-Identifier: Apache-2.0
"""Which node of a tree a firmware file is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.amp.drivers import UNKNOWN, driver_of
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.board import Board


class Candidate(NamedTuple):
    """A node that a firmware may be for. entry: of the file in its firmware-name."""

    path: str
    entry: int


def named_for(board: Board, file_name: str) -> list[Candidate]:
    """Return the nodes whose firmware-name names a file, by its last component, in tree order."""
    found = []
    for prop in board.tree.properties_named("firmware-name"):
        names = prop.value.rstrip(b"\0").split(b"\0")
        for entry, name in enumerate(names):
            if name.rpartition(b"/")[2].decode("utf-8", "surrogateescape") == file_name:
                found.append(Candidate(prop.node.path, entry))
    return found


def processors(board: Board) -> list[str]:
    """Return the nodes that are remote processors by all that can be seen, in tree order."""
    users = {consumer.path for consumer in board.consumers}
    found = []
    for prop in board.tree.properties_named("compatible"):
        texts = tuple(t.decode("utf-8", "surrogateescape") for t in prop.value.rstrip(b"\0").split(b"\0"))
        node = prop.node
        if driver_of(texts) is not UNKNOWN or (
            node.path in users and (node.name.startswith("remoteproc") or "firmware-name" in node)
        ):
            found.append(node.path)
    return found
