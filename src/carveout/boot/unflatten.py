# SPDX-License-Identifier: Apache-2.0
"""Unflattening the tree: one block for nodes and properties, then a small one for each alias.

Source: unflatten_device_tree(), drivers/of/fdt.c; of_alias_scan(), drivers/of/base.c
(kernel-semantics 4.6, steps 5 and 6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 4.6"


def unflatten(state: EarlyBoot) -> None:
    """Allocate what the kernel allocates for the unflattened tree and its aliases."""
    layout = state.profile.layout
    if layout is None:
        return
    align = layout.tree_align
    shape = state.board.shape_for(align)
    size = shape.unflattened(layout.device_node, layout.property)
    state.allocate(size, align, "unflattened tree", f"{shape.nodes} nodes", needed=True, source=_SOURCE)
    for stem in shape.alias_stems:
        state.allocate(
            layout.alias_prop + stem + 1, align, "aliases", "one alias", needed=True, source=_SOURCE
        )
