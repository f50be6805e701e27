# SPDX-License-Identifier: Apache-2.0
"""`carveout place` against real kernels: regions put where it says, good for all of them at once, and booted on each.

As `pinned.py`: the kernels boot a scenario, which gives the tree and the scenes; the best answer for all is booted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from carveout.change.lab import Lab
from carveout.change.place import place
from carveout.change.place_node import region_path
from carveout.change.request import Kind, Request
from carveout.check.run import NamedScene
from carveout.fdt import parse
from carveout.span import MIB, Span
from support.recordings import made, scene_of

from .compare import compare
from .pinned import Checked, check_places
from .record import record
from .scenario import Scenario, dynamic, pool, static

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .kernels import Kernel

PLACED = Scenario(
    id="own-placed",
    title="room is found for a pool and a firmware region between others",
    regions=(
        static("firmware", 0x1000_0000, 2 * MIB, "no-map"),
        pool("video", 96 * MIB),
        dynamic("camera", 24 * MIB),
    ),
    raw=True,
    architectures=("arm64",),
)
REQUESTS = (
    Request(size=64 * MIB, align=4 * MIB, kind=Kind.REUSABLE, name="codec"),
    Request(size=MIB, kind=Kind.NO_MAP, name="scp"),
)


def boot_placed(kernels: Sequence[Kernel], *, cache: Path) -> list[Checked]:
    """Boot the scenario, place regions for all kernels, boot that. Raises: QemuError, TreeError, KernelError."""
    first = [record(PLACED, kernel, cache=cache) for kernel in kernels]
    recordings = made([(dict(found.row), found.dtb) for found in first])
    trees = {found.dtb for found in first}
    if len(trees) != 1:
        return [Checked(f"{PLACED.id}: the kernels were given different trees", ("nothing is placed",), 0)]
    scenes = [NamedScene(found.release, scene_of(found)) for found in recordings]
    placement = place(Lab(parse(trees.pop()), scenes), REQUESTS)
    if not placement.answers:
        return [Checked(f"{PLACED.id}: no room", tuple(text for text, _ in placement.objections), 0)]
    best = placement.answers[0]
    places = {
        region_path(placement.parent, wanted, base).rpartition("/")[2]: Span.sized(base, wanted.size)
        for wanted, base in zip(placement.wanted, best.layout, strict=True)
    }
    changed = replace(PLACED, id=f"{PLACED.id}-1", tree=best.proposal.after.blob)
    second = [record(changed, kernel, cache=cache) for kernel in kernels]
    return [check_places(compared, places, what="placed") for compared in compare(second)]
