# SPDX-License-Identifier: Apache-2.0
"""Where does a child of /reserved-memory differ from what the recorded kernel did with it?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.boot.result import Outcome

if TYPE_CHECKING:
    from carveout.boot.result import Boot, PlacedRegion
    from support.recordings import RecordedRegion, Recording


def region_differences(recorded: Recording, boot: Boot) -> list[str]:
    """Return one line for each fact about a region that is not as recorded."""
    theirs = recorded.regions if recorded.early_console is None else recorded.early_console.regions
    # Children only: kernels up to 5.10 also take grandchildren, which the recorder does not list.
    ours = {region.name: region for region in boot.regions if region.path.count("/") == 2}
    found: list[str] = []
    for region in theirs:
        if region.name not in ours:
            found.append(f"{region.name} is not in the result")
            continue
        one = ours[region.name]
        texts = [
            *_base(recorded, region, one),
            *_outcome(recorded, region, one),
            *_use(recorded, region, one),
        ]
        found += [f"{region.name}: {text}" for text in texts]
    names = {region.name for region in theirs}
    found += [
        f"{name} is placed, but the tree has no such child"
        for name, region in ours.items()
        if name not in names and region.base is not None and not _is_from_firmware(recorded, region)
    ]
    return found + _shared_candidates(theirs, ours)


def _is_from_firmware(recorded: Recording, ours: PlacedRegion) -> bool:
    """Say whether the kernel reserved this place too, for the node that OpenSBI puts into its tree."""
    return ours.name.startswith("mmode_resv") and any(
        op.get("caller") == "fdt_scan_reserved_mem"
        and op["op"] == "reserve"
        and int(op["base"], 16) == ours.base
        for op in recorded.fields["memblock_ops"]
    )


def dies_here(recorded: Recording, theirs: RecordedRegion) -> bool:
    """Say whether this region's reservation is the one during which the kernel died for want of room in a list."""
    ops = recorded.fields["memblock_ops"]
    died = recorded.panic is not None and "cannot resize" in recorded.panic
    return died and bool(ops) and ops[-1]["base"] is not None and int(ops[-1]["base"], 16) == theirs.base


def _hex(value: int | None) -> str:
    return "nowhere" if value is None else f"0x{value:x}"


def _base(recorded: Recording, theirs: RecordedRegion, ours: PlacedRegion) -> list[str]:
    if theirs.source is not None:
        return _known_base(theirs, ours)
    if theirs.candidates:
        if ours.base in theirs.candidates or (ours.base is None and _some_were_not_placed(recorded, theirs)):
            return []
        return [f"kernel at one of {', '.join(map(_hex, theirs.candidates))}, carveout {_hex(ours.base)}"]
    # Without memblock's own messages a placement may have gone unseen; a static one may even with them.
    if theirs.kind == "dynamic" and recorded.early_console is None and ours.base is not None:
        return [f"kernel nowhere, carveout {_hex(ours.base)}"]
    return []


def _known_base(theirs: RecordedRegion, ours: PlacedRegion) -> list[str]:
    base, size = ours.base, ours.size
    if base is None and ours.outcome is Outcome.RESERVE_FAILED:
        # From 6.12 on the kernel prints the line of a region also when it could not reserve it.
        base, size = ours.requested_base, ours.requested_size
    elif base is None and ours.outcome is Outcome.RELEASED:
        return []
    found = []
    if base != theirs.base:
        found.append(f"kernel at {_hex(theirs.base)}, carveout {_hex(base)} ({theirs.source})")
    if size != theirs.size:
        found.append(f"kernel has size {_hex(theirs.size)}, carveout {_hex(size)} ({theirs.source})")
    return found


def _outcome(recorded: Recording, theirs: RecordedRegion, ours: PlacedRegion) -> list[str]:
    if theirs.alloc_failed:
        expected = {Outcome.ALLOC_FAILED}
    elif theirs.reserve_failed and _only_later_entries(recorded, theirs, ours):
        expected = {Outcome.RELEASED if theirs.no_match else Outcome.PLACED}
    elif theirs.no_match:
        # Refused by its driver. What was never reserved cannot be given back.
        expected = {Outcome.RESERVE_FAILED} if theirs.reserve_failed else {Outcome.RELEASED}
    elif theirs.reserve_failed or dies_here(recorded, theirs):
        expected = {Outcome.RESERVE_FAILED}
    elif theirs.source is not None:
        expected = {Outcome.PLACED}
    elif theirs.candidates:
        expected = {Outcome.PLACED, Outcome.RELEASED}
        if _some_were_not_placed(recorded, theirs):
            expected |= {Outcome.IGNORED, Outcome.ALLOC_FAILED}
    elif recorded.early_console is not None:
        return []
    elif theirs.kind == "static":
        # Not seen: refused silently, only partly in memory (no-map), or cut off by a memory limit.
        expected = {Outcome.PLACED, Outcome.IGNORED}
    else:
        expected = {Outcome.IGNORED, Outcome.ALLOC_FAILED}
    if ours.outcome in expected:
        return []
    return [f"kernel {' or '.join(sorted(expected))}, carveout {ours.outcome}: {ours.why}"]


_RESERVE_FAILED = re.compile(r"failed to reserve memory for node '(.*)': base (0x[0-9a-f]+), size ")


def _only_later_entries(recorded: Recording, theirs: RecordedRegion, ours: PlacedRegion) -> bool:
    """Say whether what could not be reserved were entries of reg behind the first: the region is where that says."""
    console = recorded.early_console
    lines = recorded.messages if console is None else console.messages
    failed = [
        int(found[2], 16)
        for line in lines
        if (found := _RESERVE_FAILED.search(line)) and found[1] == theirs.name
    ]
    return ours.base is not None and bool(failed) and ours.base not in failed


def _some_were_not_placed(recorded: Recording, theirs: RecordedRegion) -> bool:
    """Say whether more regions share these candidates than there are: which of them have one is not known."""
    sharing = [region for region in recorded.regions if region.candidates == theirs.candidates]
    return len(sharing) > len(theirs.candidates)


def _use(recorded: Recording, theirs: RecordedRegion, ours: PlacedRegion) -> list[str]:
    found = []
    if theirs.initialized != ours.driver and (
        theirs.initialized is not None or not recorded.dropped_messages
    ):
        found.append(f"kernel gives it to {theirs.initialized}, carveout to {ours.driver}")
    if theirs.pool != ours.pool and (theirs.pool is not None or not recorded.dropped_messages):
        found.append(f"kernel makes it {theirs.pool or 'no'} pool, carveout {ours.pool or 'no'} pool")
    if theirs.nomap is not None and theirs.nomap != ours.nomap:
        found.append(f"kernel says nomap {theirs.nomap}, carveout {ours.nomap}")
    if theirs.reusable is not None and theirs.reusable != ours.reusable:
        found.append(f"kernel says reusable {theirs.reusable}, carveout {ours.reusable}")
    return found


def _shared_candidates(theirs: tuple[RecordedRegion, ...], ours: dict[str, PlacedRegion]) -> list[str]:
    """Regions the recorder could not tell apart must still lie in different places, and all of these be taken."""
    seen: dict[int, str] = {}
    found = []
    for candidates in dict.fromkeys(region.candidates for region in theirs if region.candidates):
        names = [region.name for region in theirs if region.candidates == candidates and region.name in ours]
        used = [n for n in names if ours[n].outcome in {Outcome.PLACED, Outcome.RELEASED}]
        if len(names) > len(candidates) > len(used):
            found.append(f"kernel places {len(candidates)} of {', '.join(names)}, carveout {len(used)}")
    for region in theirs:
        one = ours.get(region.name) if region.candidates else None
        # What was given back may have been taken by the next.
        if one is None or one.base is None or one.outcome is Outcome.RELEASED:
            continue
        base = one.base
        if base in seen:
            found.append(f"{region.name} and {seen[base]} are both at {_hex(base)}")
        seen[base] = region.name
    return found
