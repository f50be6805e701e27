# SPDX-License-Identifier: Apache-2.0
"""`carveout pin` against real kernels: a scenario pinned for all of them at once, and booted on each.

Each kernel boots the scenario as it is, byte for byte; that gives the tree and the scenes. The tree is pinned in all
scenes together, and each kernel boots the result. It has to agree with the simulation as any boot has to, and the
regions it logs have to be where they were promised.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

from carveout.board import read_board
from carveout.boot import boot
from carveout.change.pin import pin
from carveout.check.run import NamedScene
from carveout.fdt import parse
from support.recordings import made, scene_of

from .compare import compare
from .record import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carveout.span import Span

    from .compare import Compared
    from .kernels import Kernel
    from .log_memblock import Row
    from .record import Recorded
    from .scenario import Scenario

PINNED = ("own-dynamic-two", "own-cma-default", "own-memreserve")


class Checked(NamedTuple):
    """One boot of a pinned tree, and what is wrong with it."""

    title: str
    problems: tuple[str, ...]
    regions: int
    """How many regions of the log were looked at."""


def boot_pinned(scenario: Scenario, kernels: Sequence[Kernel], *, cache: Path) -> list[Checked]:
    """Boot a scenario, pin its tree for all kernels, boot that. Raises: QemuError, TreeError, KernelError."""
    plain = replace(scenario, raw=True)
    first = [record(plain, kernel, cache=cache) for kernel in kernels]
    recordings = made([(dict(found.row), found.dtb) for found in first])
    trees = {found.dtb for found in first}
    if len(trees) != 1:
        return [Checked(f"{scenario.id}: the kernels were given different trees", ("nothing is pinned",), 0)]
    tree = parse(trees.pop())
    scenes = [NamedScene(found.release, scene_of(found)) for found in recordings]
    result = pin(tree, scenes)
    if result.proposal is None:
        return [Checked(f"{scenario.id}: not pinned", result.reasons, 0)]
    places = {region.path.rpartition("/")[2]: region.place for region in result.regions}
    changed = replace(plain, id=f"{scenario.id}-pinned", tree=result.proposal.after.blob)
    second = [record(changed, kernel, cache=cache) for kernel in kernels]
    return [check_places(compared, places, what="pinned") for compared in compare(second)]


def check_places(compared: Compared, places: Mapping[str, Span], *, what: str) -> Checked:
    """Say whether a boot agrees and has its regions where promised. places: by node name. what: was done to them."""
    recorded = compared.recorded
    problems = list(compared.problems)
    if recorded.row["outcome"] != "ok":
        problems.append(f"the boot ends in {recorded.row['outcome']}")
    seen = 0
    for region in cast("list[Row]", recorded.row["regions"]):
        wanted, base = places.get(cast("str", region["name"])), region.get("base")
        if wanted is None or base is None:
            continue
        seen += 1
        if int(cast("str", base), 16) != wanted.start:
            problems.append(f"{region['node']} is at {base}, 0x{wanted.start:x} was promised")
    problems += _of_simulation(recorded, places)
    title = f"{'agrees' if not problems else 'DIFFERS':8}{compared.verdict.id}: {what} {', '.join(places)}"
    return Checked(title, tuple(problems), seen)


def _of_simulation(recorded: Recorded, places: Mapping[str, Span]) -> list[str]:
    # The boot agrees with the simulation, so the simulation has to have the regions where they were promised.
    (found,) = made([(dict(recorded.row), recorded.dtb)])
    result = boot(read_board(parse(recorded.dtb)), scene_of(found))
    had = {region.name: region.base for region in result.regions}
    return [
        f"{name} is simulated elsewhere, 0x{place.start:x} was promised"
        for name, place in places.items()
        if had.get(name) != place.start
    ]
