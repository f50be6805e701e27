# SPDX-License-Identifier: Apache-2.0
"""hugetlb_cma=: contiguous memory from which the largest huge pages are made. Never booted with effect: modelled.

Source: hugetlb_cma_reserve(), mm/hugetlb.c (kernel-semantics 1.2, 4.5, 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cma import declare_contiguous
from carveout.boot.cma_per_node import numa_cma_sizes
from carveout.boot.cmdline import memparse
from carveout.boot.result import StepKind
from carveout.span import GIB, MIB, round_up

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 4.5"
# The largest huge page by page size: one entry of the table above, or 32 contiguous ones of the table below.
_GIGANTIC = {4096: GIB, 16384: GIB, 65536: 16 * GIB}


def reserve_hugetlb(state: EarlyBoot, when: str) -> None:
    """Make the areas of `hugetlb_cma=`, if this kernel makes them now. when: a value of Behaviour.hugetlb_cma."""
    text = state.arguments.last("hugetlb_cma")
    if text is None or not state.config.cma or state.behaviour.hugetlb_cma != when:
        return
    page = _GIGANTIC[state.config.page_size]
    by_node = numa_cma_sizes(text, 1 << state.config.nodes_shift)
    total = sum(by_node.values()) if by_node else memparse(text)[0]
    if total < page:
        state.step(StepKind.SKIP, "hugetlb cma", f"smaller than one huge page of {page // MIB} MiB", size=total,
                   source=_SOURCE)  # fmt: skip
        if total:
            state.say("hugetlb-small", mib=page // MIB)
        return
    state.doubts.append("hugetlb_cma= with effect was never booted")
    each = -(-total // len(state.nodes))
    if not by_node and when == "single":
        state.say("hugetlb-plan", mib=total // MIB, each=each // MIB)
    left = total
    for nid in state.nodes:
        size = round_up(by_node.get(nid, 0) if by_node else min(each, left), page)
        if size and _reserve(state, nid, size, page):
            left -= size
        if left <= 0:
            return


def _reserve(state: EarlyBoot, nid: int, size: int, page: int) -> bool:
    error, _ = declare_contiguous(
        state, base=0, size=size, limit=0, fixed=False, name=f"hugetlb{nid}", who=f"hugetlb cma {nid}",
        why="hugetlb_cma= on the command line", nid=nid, align=page,
    )  # fmt: skip
    if error:
        state.say("hugetlb-failed", error=error, nid=nid)
        return False
    state.say("hugetlb-reserved", mib=size // MIB, nid=nid)
    return True
