# SPDX-License-Identifier: Apache-2.0
"""Contiguous memory areas for each NUMA node: `cma_pernuma=`, `numa_cma=`, and what the configuration makes.

Source: dma_pernuma_cma_reserve(), dma_numa_cma_reserve(), kernel/dma/contiguous.c (kernel-semantics 4.5, 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cma import declare_contiguous
from carveout.boot.cmdline import memparse
from carveout.boot.result import StepKind

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 4.5"


def numa_cma_sizes(text: str, nodes_limit: int) -> dict[int, int]:
    """Read `numa_cma=NODE:SIZE,…`, up to the first thing that is no such pair; sizes in bytes."""
    sizes: dict[int, int] = {}
    while text:
        node, colon, rest = text.partition(":")
        if (
            not colon
            or not node.isdecimal()
            or not node.isascii()
            or len(node) > 8
            or int(node) >= nodes_limit
        ):
            break
        sizes[int(node)], text = memparse(rest)
        if not text.startswith(","):
            break
        text = text[1:]
    return sizes


def reserve_per_node(state: EarlyBoot, when: str, *, possible: int = 0) -> None:
    """Make the areas of the nodes, if this kernel makes them now. when: a value of Behaviour.pernuma_cma.

    possible: how many nodes the kernel takes for possible here; by default only those that are online.
    The nodes are those that are online when this is called (`state.nodes`).
    """
    if not state.config.dma_pernuma_cma or state.behaviour.pernuma_cma != when:
        return
    everywhere = state.arguments.size("cma_pernuma")
    if when == "before":
        for nid in state.nodes if everywhere else ():
            _reserve(state, nid, everywhere or 0, "pernuma", "dma_pernuma_cma_reserve")
        return
    text = state.arguments.last("numa_cma")
    sizes = numa_cma_sizes(text or "", 1 << state.config.nodes_shift)
    if when == "config-before":
        for nid in state.nodes:
            if everywhere:
                _reserve(state, nid, everywhere, "pernuma", "dma_numa_cma_reserve")
            if sizes.get(nid):
                _reserve(state, nid, sizes[nid], "numa", "dma_numa_cma_reserve")
        return
    _reserve_after(state, everywhere, sizes, possible)


def _reserve_after(state: EarlyBoot, everywhere: int | None, sizes: dict[int, int], possible: int) -> None:
    if state.default_area is None and state.default_failed:
        state.step(StepKind.SKIP, "numa cma", "the default area could not be made: none for the nodes either",
                   source=_SOURCE)  # fmt: skip
        return
    general = everywhere or 0
    default = state.default_area
    asked = everywhere is not None or bool(sizes)
    if state.config.cma_size_pernuma and not asked and default is not None and len(state.nodes) > 1:
        general = default.size
    for nid in sorted({*state.nodes, *range(possible)}):
        size = sizes.get(nid) or general
        if size and nid not in state.nodes:
            state.say("cma-node-invalid", nid=nid)
        elif size:
            _reserve(state, nid, size, "numa", "dma_numa_cma_reserve")


def _reserve(state: EarlyBoot, nid: int, size: int, prefix: str, function: str) -> None:
    error, _ = declare_contiguous(
        state, base=0, size=size, limit=0, fixed=False, name=f"{prefix}{nid}", who=f"{prefix} cma {nid}",
        why=f"contiguous memory of node {nid}", nid=nid,
    )  # fmt: skip
    if error:
        state.say("cma-node-failed", function=function, error=error, nid=nid)
