# SPDX-License-Identifier: Apache-2.0
"""The lines a kernel prints when a pool cannot serve a request.

Source: cma_alloc(), cma_debug_show_areas(), mm/cma.c; swiotlb_tbl_map_single(), kernel/dma/swiotlb.c
(kernel-semantics 5.3; cma 1.1). The texts were read, not recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.messages import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.kernel.behaviour import Behaviour
    from carveout.pool.result import Errno


def failure_line(behaviour: Behaviour, name: str, *, pages: int, errno: Errno) -> str:
    """Return the line about a request of so many pages that failed. Later kernels limit how often they print it."""
    who = behaviour.runtime_cma_function.replace("NAME", name)
    return MESSAGES["cma-alloc-failed"].text.format(function=who, pages=pages, error=-errno)


def free_runs(
    behaviour: Behaviour,
    ranges: Sequence[Iterable[tuple[int, int]]],
    *,
    order_per_bit: int,
    total: int,
) -> tuple[str, ...]:
    """Return the line with the free runs of each range, as `pages@bit`; none where only a debug kernel prints it.

    ranges: free runs of each range, as [start, end) in bits.
    """
    if behaviour.runtime_cma_free_runs == "debug":
        return ()
    free = 0
    parts = []
    for number, runs in enumerate(ranges):
        texts = []
        for start, end in runs:
            pages = (end - start) << order_per_bit
            free += pages
            texts.append(f"{pages}@{start}")
        label = f"range {number}: " if behaviour.runtime_cma_free_runs == "by-range" else ""
        parts.append(label + "+".join(texts))
    text = MESSAGES["cma-free-runs"].text
    return (text.format(runs=" ".join(parts), free=free, total=total),)
