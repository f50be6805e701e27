# SPDX-License-Identifier: Apache-2.0
"""What is known about a kernel, and how: booted, read in a source, the same on both sides, or open.

The support matrix in the documentation and `carveout kernels` show the same tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args, get_type_hints

from carveout.errors import UnsupportedProfile
from carveout.kernel.behaviour import Behaviour
from carveout.kernel.changes import CHANGES, Change
from carveout.kernel.profile import ARCHITECTURES, concerns, next_booted, open_changes, resolve
from carveout.kernel.release import BOOTED, parse_release, series_key
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.kernel.release import Release

KIB = 1 << 10

BOOTED_HOW = "booted"
READ_HOW = "read"
SAME_HOW = "same"
OPEN_HOW = "open"
HOW = {
    BOOTED_HOW: "measured on the kernel that was booted",
    SAME_HOW: "not booted, but the booted kernels before and after it agree",
    READ_HOW: "not booted; the release of the change is known from a commit or a source",
    OPEN_HOW: "not booted, and the booted kernels around it differ: the older value is assumed",
}
"""How a value is known, and what that means."""


class FieldKnowledge(NamedTuple):
    """One field of Behaviour in one kernel."""

    name: str
    value: str | int
    how: str
    """A key of HOW."""
    last: Change | None
    """The change that gave it its value; None: as in 5.10."""
    coming: Change | None
    """The change that the next booted kernel has and this one has not, or may not have."""


class Difference(NamedTuple):
    """A field that differs between two kernels."""

    name: str
    old: str | int
    new: str | int
    change: Change | None
    """The change that made the newer value, or None when several lie between."""


class Build(NamedTuple):
    """A build of a kernel: an architecture and a page size."""

    arch: str
    page_size: int
    how: str
    """`booted`, or `modelled` when nothing of it was booted."""
    doubts: tuple[str, ...]
    """Why its results are `modelled`; empty: they can be exact."""
    refused: str | None
    """Why it cannot be simulated, or None."""


def field_knowledge(kernel: str) -> tuple[FieldKnowledge, ...]:
    """Return what is known about every decision of a kernel. Raises: UnsupportedProfile."""
    release = parse_release(kernel)
    behaviour = behaviour_of(kernel)
    following = next_booted(release)
    between = release.key != series_key(release.booted.series)
    open_names = {change.field for change in open_changes(release)}
    coming = {c.field: c for c in CHANGES if following is not None and c.by == following.series}
    found = []
    for name in Behaviour._fields:
        last = _last(name, release)
        ahead = coming.get(name)
        arrived = ahead is not None and series_key(ahead.certain_from) <= release.key
        if not between:
            how = BOOTED_HOW
        elif name in open_names:
            how = OPEN_HOW
        else:
            how = READ_HOW if ahead is not None else SAME_HOW
        value = getattr(behaviour, name)
        found.append(FieldKnowledge(name, value, how, last, None if arrived else ahead))
    return tuple(found)


def _last(name: str, release: Release) -> Change | None:
    hits = [c for c in CHANGES if c.field == name and series_key(c.certain_from) <= release.key]
    return hits[-1] if hits else None


def behaviour_of(kernel: str) -> Behaviour:
    """Return the decisions of a kernel, which no architecture or build changes."""
    return resolve(kernel, arch=ARCHITECTURES[0]).behaviour


def differences(older: str, newer: str) -> tuple[Difference, ...]:
    """Return what differs between two kernels, in the order of the fields. Raises: UnsupportedProfile."""
    old, new = behaviour_of(older), behaviour_of(newer)
    release = parse_release(newer)
    return tuple(
        Difference(name, before, after, _last(name, release))
        for name in Behaviour._fields
        if (before := getattr(old, name)) != (after := getattr(new, name))
    )


def neighbours(kernel: str) -> tuple[str | None, str | None]:
    """Return the booted series before and after a kernel; of a booted one, the other booted ones."""
    release = parse_release(kernel)
    names = [booted.series for booted in BOOTED]
    at = names.index(release.booted.series)
    following = names[at + 1] if at + 1 < len(names) else None
    if release.key != series_key(names[at]):
        return names[at], following
    return names[at - 1] if at else None, following


def standing(kernel: str) -> str:
    """Return how a kernel is known as a whole: booted, the same series as a booted one, or open, between two."""
    release = parse_release(kernel)
    if release.is_booted:
        return BOOTED_HOW
    return SAME_HOW if release.key == series_key(release.booted.series) else OPEN_HOW


def is_older(kernel: str, other: str) -> bool:
    """Say whether a kernel is of an older series than the other."""
    return parse_release(kernel).key < parse_release(other).key


def builds(kernel: str) -> tuple[Build, ...]:
    """Return the builds of a kernel that carveout knows something about. Raises: UnsupportedProfile."""
    release = parse_release(kernel)
    sizes = {(flavour[1], flavour[2]) for booted in BOOTED for flavour in booted.flavours}
    exact = {(flavour[1], flavour[2]) for flavour in release.booted.flavours} if release.is_booted else set()
    found = []
    for arch in ARCHITECTURES:
        for size in sorted(size for name, size in sizes if name == arch):
            how = BOOTED_HOW if (arch, size) in exact else "modelled"
            try:
                doubts = resolve(kernel, arch=arch, page_size=size).doubts
            except UnsupportedProfile as error:
                found.append(Build(arch, size, how, (), str(error)))
            else:
                found.append(Build(arch, size, how, doubts, None))
    return tuple(found)


def choices(name: str) -> tuple[str | int, ...]:
    """Return the values that a field of Behaviour can have."""
    return get_args(get_type_hints(Behaviour)[name])


def is_for(name: str, arch: str | None) -> bool:
    """Say whether a field matters on an architecture; None: on any."""
    return arch is None or concerns(name, arch)


def described(change: Change | None) -> str:
    """Return where a value comes from: release, commit, evidence."""
    if change is None:
        return "as in 5.10"
    if change.release is not None:
        since = f"since {change.release}"
    elif change.seen is not None:
        since = f"by {change.seen} at the latest"
    else:
        since = f"by {change.by}, release not known"
    if change.release is None and change.not_before is not None:
        since += f", not before {change.not_before}"
    commit = f", commit {change.commit}" if change.commit else ""
    return since + commit
