# SPDX-License-Identifier: Apache-2.0
"""What the rules about the dialects of 2013 share. Nodes in them are found when the board is read (`Board.legacy`).

Source: binding sections 1 and 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import entries
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext
    from carveout.fdt import Node

CONTIGUOUS = ("contiguous-memory", "linux,contiguous-memory-region", "shareable-memory-region")
"""Names tried for memory that the system may use until a device wants it."""
UNTOUCHED = ("reserved-memory", "reserved-memory-region")
"""Names tried for memory that the kernel keeps its hands off."""
BELOW_MEMORY = "/memory/reserved-memory"
"""What `Board.legacy` says of a region where the patches of August 2013 had it."""


class OldNode(NamedTuple):
    """A node in a dialect of 2013."""

    node: Node
    path: str
    names: tuple[str, ...]
    is_region: bool
    """It is below a /reserved-memory that today's kernels look at."""


def old_nodes(context: BoardContext) -> tuple[OldNode, ...]:
    """Return the nodes in a dialect; /reserved-memory itself, with any `compatible`, is none."""
    return context.once(_old_nodes)


def _old_nodes(context: BoardContext) -> Iterator[OldNode]:
    for found in context.board.legacy:
        node = context.tree.node(found.path)
        if node is None or any(parent.path == found.path for parent in context.board.reserved_memory):
            continue
        yield OldNode(node, found.path, found.names, found.path in context.by_path)


def without(node: Node, names: tuple[str, ...], *, first: tuple[str, ...] = ()) -> bytes:
    """Return the value of `compatible` without some names, and with others in front."""
    prop = node.prop("compatible")
    texts = prop.value.rstrip(b"\0").split(b"\0") if prop is not None and prop.length else []
    dropped = {name.encode("ascii") for name in (*names, *first)}
    kept = [name.encode("ascii") for name in first] + [text for text in texts if text not in dropped]
    return b"".join(text + b"\0" for text in kept)


def place_of(context: BoardContext, node: Node) -> tuple[int, int] | None:
    """Return the first (base, size) of `reg`, in the cells of the root, or None."""
    prop = node.prop("reg")
    found = entries(prop.value, context.address_cells, context.size_cells) if prop is not None else []
    return found[0] if found else None
