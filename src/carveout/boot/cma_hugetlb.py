# SPDX-License-Identifier: Apache-2.0
"""hugetlb_cma=: contiguous memory from which the largest huge pages are made. Booted on arm64 only.

Source: hugetlb_cma_reserve(), mm/hugetlb.c (kernel-semantics 1.2, 4.5, 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cma import declare_contiguous
from carveout.boot.cma_per_node import numa_cma_sizes
from carveout.boot.cmdline import memparse
from carveout.boot.result import StepKind
from carveout.kernel.layout import Arm64Layout
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
    by_node: dict[int, int] = {}
    if state.behaviour.hugetlb_cma_nodes == "read":
        by_node = numa_cma_sizes(text, 1 << state.config.nodes_shift)
    total = sum(by_node.values()) if by_node else memparse(text)[0]
    total, by_node = _checked(state, page, total, by_node)
    if not total:
        return
    if not isinstance(state.profile.layout, Arm64Layout):
        state.doubts.append("hugetlb_cma= with effect was never booted")
    each = -(-total // len(state.nodes))
    if state.behaviour.hugetlb_cma_share == "whole-pages":
        each = round_up(each, page)
    if not by_node:
        state.say("hugetlb-plan", mib=total // MIB, each=each // MIB)
    left = total
    for nid in state.nodes:
        size = round_up(by_node.get(nid, 0) if by_node else min(each, left), page)
        if size and _reserve(state, nid, size, page):
            left -= size
        if left <= 0:
            return


def _checked(state: EarlyBoot, page: int, total: int, by_node: dict[int, int]) -> tuple[int, dict[int, int]]:
    # What is left of the sizes asked for when those that are too small, or no multiple of a huge page, are refused.
    whole = state.behaviour.hugetlb_cma_size == "multiple"
    message = "hugetlb-multiple" if whole else "hugetlb-small"
    if by_node and not by_node.keys() <= set(state.nodes):
        state.doubts.append("hugetlb_cma= for a node that does not exist was never booted")
    for nid, size in sorted(by_node.items()):
        if size and _is_refused(size, page, whole=whole):
            state.say(f"{message}-node", nid=nid, mib=page // MIB)
            total, by_node = total - size, {**by_node, nid: 0}
    if total and _is_refused(total, page, whole=whole):
        state.say(message, mib=page // MIB)
        state.step(StepKind.SKIP, "hugetlb cma", f"{message[8:]}: a huge page has {page // MIB} MiB", size=total,
                   source=_SOURCE)  # fmt: skip
        total = 0
    return total, {nid: size for nid, size in by_node.items() if size}


def _is_refused(size: int, page: int, *, whole: bool) -> bool:
    return size % page != 0 if whole else size < page


def _reserve(state: EarlyBoot, nid: int, size: int, page: int) -> bool:
    behaviour = state.behaviour
    error, _ = declare_contiguous(
        state, base=0, size=size, limit=0, fixed=False, name=f"hugetlb{nid}", who=f"hugetlb cma {nid}",
        why="hugetlb_cma= on the command line", nid=nid, align=page if behaviour.hugetlb_cma_align == "page" else 0,
        several=behaviour.hugetlb_cma == "multi",
    )  # fmt: skip
    if error:
        state.say("hugetlb-failed", error=error, nid=nid)
        return False
    state.say("hugetlb-reserved", mib=size // MIB, nid=nid)
    return True
