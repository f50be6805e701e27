# SPDX-License-Identifier: Apache-2.0
"""The scenes a check runs in: every combination of the kernels, page sizes and amounts of RAM asked for."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from carveout.check.run import NamedScene
from carveout.kernel.release import BOOTED
from carveout.span import GIB, KIB, MIB
from carveout.values import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot import Scene
    from carveout.span import Span

MAX_SCENES = 1000
"""More combinations than this are a mistake in the request, not a wish."""


def scene_matrix(
    base: Scene,
    *,
    kernels: Sequence[str] = (),
    page_sizes: Sequence[int] = (),
    memories: Sequence[tuple[Span, ...]] = (),
    cmdlines: Sequence[str] = (),
) -> tuple[NamedScene, ...]:
    """Return `base` with each combination of the values given; a dimension without values keeps the base's.

    A scene is named after what tells it from the others: the kernel always, the rest only where several are asked for.
    page_sizes: bytes. memories: RAM banks of one variant of the board each.
    """
    found = []
    for kernel, page, memory, cmdline in product(
        kernels or (base.kernel,),
        page_sizes or (base.page_size,),
        memories or (base.memory,),
        cmdlines or (base.cmdline,),
    ):
        scene = replace(base, kernel=kernel, page_size=page, memory=memory, cmdline=cmdline)
        parts = [kernel or BOOTED[-1].series]
        if len(page_sizes) > 1 and page is not None:
            parts.append(f"{page // KIB}K")
        if len(memories) > 1:
            parts.append(_ram(memory))
        if len(cmdlines) > 1:
            parts.append(f'"{cmdline}"')
        found.append(NamedScene(" ".join(parts), scene))
    return tuple(found)


def _ram(banks: Sequence[Span]) -> str:
    total = sum(bank.size for bank in banks)
    for unit, letter in ((GIB, "G"), (MIB, "M"), (KIB, "K")):
        if total % unit == 0 and total:
            return f"{total // unit}{letter}"
    return f"0x{total:x}"
