# SPDX-License-Identifier: Apache-2.0
"""Changed trees, booted: a scenario is booted, carveout changes the tree for those very boots, and it is booted again.

What is promised about the changed tree has to be in the second boots: the comparison of the tests, and the places.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

from carveout.change.lab import Lab
from carveout.change.place import place
from carveout.change.place_node import region_path
from carveout.change.request import Kind, Request
from carveout.check.run import NamedScene
from carveout.fdt import parse
from carveout.span import MIB
from support.recordings import made, scene_of

from .compare import Compared, compare
from .log_memblock import hexed
from .record import record
from .scenario import Scenario, dynamic, pool, static

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .kernels import Kernel
    from .log_memblock import Row

PLACE = Scenario(
    id="changed-place",
    title="room is found for a pool and a firmware region between others",
    regions=(
        static("firmware", 0x1000_0000, 2 * MIB, "no-map"),
        pool("video", 96 * MIB),
        dynamic("camera", 24 * MIB),
    ),
    raw=True,
    architectures=("arm64",),
    tags=("place",),
)
PLACE_REQUESTS = (
    Request(size=64 * MIB, align=4 * MIB, kind=Kind.REUSABLE, name="codec"),
    Request(size=MIB, kind=Kind.NO_MAP, name="scp"),
)


class Promised(NamedTuple):
    """A region and where it has to be."""

    name: str
    base: int
    size: int


class ChangedBoot(NamedTuple):
    """A boot of a changed tree, and what was promised about it."""

    compared: Compared
    promised: tuple[Promised, ...]

    @property
    def problems(self) -> list[str]:
        """What is not as promised, or not as simulated; empty when all is."""
        return [*self.compared.problems, *_not_kept(self.compared.recorded.row, self.promised)]


def place_boots(kernels: Sequence[Kernel], *, cache: Path) -> list[ChangedBoot]:
    """Boot the best answer of `carveout place` for these kernels, on each of them.

    Raises: QemuError, TreeError, KernelError.
    """
    first = [record(PLACE, kernel, cache=cache) for kernel in kernels]
    recordings = made([(dict(boot.row), boot.dtb) for boot in first])
    scenes = [NamedScene(one.release, scene_of(one)) for one in recordings]
    trees = {boot.dtb for boot in first}
    assert len(trees) == 1, "the raw loader gives every kernel the same tree"
    placement = place(Lab(parse(trees.pop()), scenes), PLACE_REQUESTS)
    best = placement.answers[0]
    promised = tuple(
        Promised(region_path(placement.parent, wanted, base).rpartition("/")[2], base, wanted.size)
        for wanted, base in zip(placement.wanted, best.layout, strict=True)
    )
    blob = best.proposal.after.blob
    changed = replace(PLACE, id=f"{PLACE.id}-1", change=lambda _: blob)
    again = compare([record(changed, kernel, cache=cache) for kernel in kernels])
    return [ChangedBoot(compared, promised) for compared in again]


def _not_kept(row: Row, promised: Sequence[Promised]) -> list[str]:
    regions = {region["name"]: region for region in cast("list[Row]", row["regions"])}
    wrong = []
    for one in promised:
        found = regions.get(one.name)
        if found is None or (found["base"], found["size"]) != (hexed(one.base), hexed(one.size)):
            where = "nowhere" if found is None else f"at {found['base']}, {found['size']} bytes"
            wrong.append(f"{one.name} was promised {one.size:#x} bytes at {one.base:#x}, and is {where}")
    return wrong
