# SPDX-License-Identifier: Apache-2.0
"""A boot that was simulated against what a log says: message by message, by what each says.

Two messages are one when they say the same of the same node, whatever the words of their kernels. Pairs are made
in four rounds: equal in all; of one node; of one place; in order. What is left of a message that another source
confirms (an older kernel prints no summary) is compared with the region itself.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from carveout.boot.result import Outcome
from carveout.observe.item import CRASH_KERNEL, DEFAULT_AREA, KERNEL, Contrast, Item, Standing
from carveout.observe.log_messages import DECIMAL, POOLS, predicted
from carveout.span import MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from carveout.boot.result import Boot, LogLine, PlacedRegion
    from carveout.observe.log import BootLog
    from carveout.observe.log_messages import Said

    Pair = tuple[Said, Said, LogLine]

PLACING = ("summary", "region-placed", "region-span", *POOLS)
"""Families that say where a region is."""
_BESIDE = ("assigned", "loader-failed", "loader-fdt", "loader-initrd", "region-placed", "region-span")
"""Families that carveout's kernels do not print at this point of a boot."""
_RENAMED = ("initialized", "matching-fail", "alloc-failed")
EXCERPT = "the log is an excerpt: that it is not there says nothing"
_STEPS = ("cma-skipped", "cma-not-activated", "kvm-cma")
"""Messages that tell of a step; what came of it, other messages show. Filters for `reserved mem` drop them."""
_LEADING = re.compile(r"0x0+(?=[0-9a-f])")
_DEFAULT = ("cma-reserved", "cma-failed", "cma-misaligned", "cma-exceeds", "cma-boundary")


def compare_log(boot: Boot, log: BootLog) -> tuple[Item, ...]:
    """Return an item for each message that was seen or predicted, in the order of the log, then of the boot."""
    ours = predicted(boot.log_lines)
    pairs, seen, expected = _pair(log.said, ours)
    items = [_both(one, two, boot) for one, two, _line in pairs]
    agreed = {(one.family, one.name, one.facts) for one, _two, _line in pairs}
    rest: list[Item] = []
    for said in seen:
        if (said.family, said.name, said.facts) in agreed:
            rest.append(_repeated(said))
        else:
            rest.append(_only_seen(said, boot))
    items += _folded(rest, [_only_predicted(said, line, log) for said, line in expected])
    return tuple(sorted(items, key=lambda item: item.line if item.line is not None else 1 << 60))


def subject_of(said: Said) -> str:
    """Return what a message is about."""
    if said.name is not None:
        return said.name
    if said.family.startswith("crash"):
        return CRASH_KERNEL
    return DEFAULT_AREA if said.family in _DEFAULT else KERNEL


def _pair(
    seen: Sequence[Said], ours: Sequence[tuple[Said, LogLine]]
) -> tuple[list[Pair], list[Said], list[tuple[Said, LogLine]]]:
    pairs: list[Pair] = []
    left, right = list(seen), list(ours)
    for of_seen, of_ours in _ROUNDS:
        left, right = _round(left, right, of_seen, of_ours, pairs)
    once = _once([said.family for said in left]) & _once([said.family for said, _line in right])
    if once:
        # One message of a kind is left on each side: it is the same one, with another name.
        left, right = _round(left, right, partial(_among, once), partial(_among, once), pairs)
    return pairs, left, right


def _once(families: Sequence[str]) -> frozenset[str]:
    return frozenset(family for family in families if families.count(family) == 1 and family in _RENAMED)


def _among(families: frozenset[str], said: Said) -> object:
    return (said.family, said.facts) if said.family in families else None


def _round(
    left: list[Said],
    right: list[tuple[Said, LogLine]],
    of_seen: Callable[[Said], object],
    of_ours: Callable[[Said], object],
    pairs: list[Pair],
) -> tuple[list[Said], list[tuple[Said, LogLine]]]:
    # Pairs those of one key, in order. Without a key a message takes no part in the round.
    waiting: dict[object, list[int]] = {}
    for number, (said, _line) in enumerate(right):
        key = of_ours(said)
        if key is not None:
            waiting.setdefault(key, []).append(number)
    for numbers in waiting.values():
        numbers.reverse()
    taken: set[int] = set()
    rest = []
    for said in left:
        key = of_seen(said)
        if key is not None and waiting.get(key):
            number = waiting[key].pop()
            taken.add(number)
            pairs.append((said, *right[number]))
        else:
            rest.append(said)
    return rest, [one for number, one in enumerate(right) if number not in taken]


def _all(said: Said) -> object:
    return said.family, said.name, said.values


def _facts(said: Said) -> object:
    return said.family, said.name, said.facts


def _facts_alone(said: Said) -> object:
    return said.family, said.facts


def _unnamed_facts(said: Said) -> object:
    # An excerpt of a log often lacks the line that names the node.
    return None if said.name is not None else (said.family, said.facts)


def _named(said: Said) -> object:
    return None if said.name is None else (said.family, said.name)


def _lent(said: Said) -> object:
    # The line that names its node may be the one that was damaged.
    return (said.family, said.facts) if said.is_name_lent else None


def _placed(said: Said) -> object:
    # Another name for the same place.
    return (said.family, said.facts) if said.facts and said.get("base") else None


def _unnamed(said: Said) -> object:
    return said.family if said.name is None else None


def _family(said: Said) -> object:
    return said.family


_ROUNDS = (
    (_all, _all),
    (_facts, _facts),
    (_unnamed_facts, _facts_alone),
    (_named, _named),
    (_lent, _lent),
    (_placed, _placed),
    (_unnamed, _unnamed),
    (_unnamed, _family),
)


def _both(seen: Said, ours: Said, boot: Boot) -> Item:
    contrasts = contrasts_of(seen, ours)
    note = ""
    if contrasts and _is_cut(seen, ours):
        contrasts, note = (), "the line is cut off"
    if not contrasts and not same_words(seen, ours):
        note = f"in other words than {boot.scene.kernel} has: {ours.text}"
        if seen.is_headed and not boot.profile.doubts and not _is_shorter(seen, ours):
            contrasts = (Contrast("wording", _whole(seen), ours.text),)
            note = ""
    standing = Standing.DIFFERS if contrasts else Standing.AGREES
    return Item(
        subject=subject_of(ours if ours.name is not None else seen),
        what=ours.family,
        standing=standing,
        seen=seen.text,
        predicted=ours.text,
        contrasts=contrasts,
        line=seen.line,
        note=note,
        said=seen,
        expected=ours,
    )


def contrasts_of(seen: Said, ours: Said) -> tuple[Contrast, ...]:
    """Return what two messages of one family say otherwise."""
    found = []
    is_said = seen.name is not None and ours.name is not None and not seen.is_name_lent
    if seen.name != ours.name and is_said:
        found.append(Contrast("name", seen.name, ours.name))
    theirs, mine = dict(seen.values), dict(ours.values)
    for field in dict.fromkeys([*mine, *theirs]):
        one, two = theirs.get(field), mine.get(field)
        if one != two and not (one is None or two is None):
            found.append(Contrast(field, shown(field, one), shown(field, two)))
    return tuple(found)


def shown(field: str, value: int | str) -> str:
    """Return a value of a message as text: addresses in hexadecimal, counts in decimal."""
    if isinstance(value, str):
        return value
    return str(value) if field in DECIMAL else f"0x{value:x}"


def same_words(seen: Said, ours: Said) -> bool:
    """Say whether the line that was seen is the one that was predicted, as far as its head can be told from it."""
    whole = _whole(seen)
    if whole == ours.text:
        return True
    if seen.is_headed:
        return False
    # Without a head, whatever stands before is not the kernel's, and a line that was cut may lack its prefix.
    return seen.text.startswith(ours.text) or ours.text.endswith(seen.text) or seen.text.endswith(ours.text)


def _is_shorter(seen: Said, ours: Said) -> bool:
    # Cut at its end, with other text behind it, or with addresses of another width: still the same words.
    one, two = _LEADING.sub("0x", _whole(seen)), _LEADING.sub("0x", ours.text)
    return one.startswith(two) or two.startswith(one)


def _is_cut(seen: Said, ours: Said) -> bool:
    # The end of the line is missing, and all that is there is the same.
    return len(seen.text) < len(ours.text) and ours.text.startswith(seen.text)


def _whole(said: Said) -> str:
    return (said.lead + said.text).strip()


def _repeated(said: Said) -> Item:
    return Item(
        subject=subject_of(said),
        what=said.family,
        standing=Standing.AGREES,
        seen=said.text,
        line=said.line,
        note="says again what an earlier line says",
        said=said,
    )


def _only_seen(said: Said, boot: Boot) -> Item:
    region = next((region for region in boot.regions if region.name == said.name), None)
    if region is not None and said.family in PLACING:
        return _against_region(said, region, boot)
    decides = said.family not in _BESIDE and (boot.ram_known or said.name is not None)
    note = "" if boot.ram_known or decides else "RAM is not known, so nothing is predicted of it"
    if said.family in POOLS and said.name is None:
        near = _pool_at(said, boot)
        if near is not None:
            return _against_region(said, near, boot)
    return Item(
        subject=subject_of(said),
        what=said.family,
        standing=Standing.ONLY_SEEN,
        decides=decides,
        seen=said.text,
        line=said.line,
        note=note,
        said=said,
    )


def _pool_at(said: Said, boot: Boot) -> PlacedRegion | None:
    return next(
        (region for region in boot.regions if region.base is not None and region.base == said.get("base")),
        None,
    )


def _against_region(said: Said, region: PlacedRegion, boot: Boot) -> Item:
    # The kernel that was simulated prints no such line: its region is compared with it.
    base, size = place_said(said)
    contrasts = []
    if base is not None and base != region.base:
        contrasts.append(
            Contrast("base", f"0x{base:x}", None if region.base is None else f"0x{region.base:x}")
        )
    if size is not None and region.size is not None and not _same_size(said, size, region.size):
        contrasts.append(Contrast("size", f"0x{size:x}", f"0x{region.size:x}"))
    values = dict(said.values)
    for field, claim in (("nomap", region.nomap), ("reusable", region.reusable)):
        word = values.get(field)
        if isinstance(word, str) and (word in ("nomap", "reusable")) is not claim:
            contrasts.append(Contrast(field, word, str(claim)))
    if region.outcome not in (Outcome.PLACED, Outcome.RESERVE_FAILED) and boot.ram_known:
        contrasts.append(Contrast("outcome", "placed", str(region.outcome)))
    pool = POOLS.get(said.family)
    if pool is not None and region.pool != pool and boot.ram_known:
        contrasts.append(Contrast("pool", pool, region.pool))
    predicted_text = (
        f"{region.outcome}"
        if region.base is None
        else f"{region.outcome} at 0x{region.base:x}, size 0x{region.size or 0:x}"
    )
    return Item(
        subject=region.name,
        what=said.family,
        standing=Standing.DIFFERS if contrasts else Standing.AGREES,
        seen=said.text,
        predicted=predicted_text,
        contrasts=tuple(contrasts),
        line=said.line,
        note="the kernel that was simulated does not print this line; it is compared with the region",
        said=said,
    )


def place_said(said: Said) -> tuple[int | None, int | None]:
    """Return base and size that a message gives; None for what it does not say."""
    base = said.get("base")
    if base is None:
        base = said.get("start")
    last, end, mib = said.get("last"), said.get("end"), said.get("mib")
    size = None if mib is None else mib * MIB
    if base is not None and last is not None:
        size = last - base + 1
    elif base is not None and end is not None:
        size = end - base
    # A line that was damaged may end before it begins.
    return base, None if size is None or size < 0 else size


def _same_size(said: Said, size: int, ours: int) -> bool:
    # Lines with MiB are cut, not rounded.
    return ours // MIB == size // MIB if said.get("mib") is not None else ours == size


def _only_predicted(said: Said, line: LogLine, log: BootLog) -> Item:
    decides, note = _must_be_seen(said, line, log)
    return Item(
        subject=subject_of(said),
        what=said.family,
        standing=Standing.ONLY_PREDICTED,
        decides=decides,
        predicted=said.text,
        note=note,
        expected=said,
    )


def _must_be_seen(said: Said, line: LogLine, log: BootLog) -> tuple[bool, str]:
    # Whether a log without this message disagrees with it.
    if not log.covers_regions:
        return False, EXCERPT
    if said.family in _STEPS or not line.is_about_regions:
        return False, "it tells of a step, and of no place: logs are often filtered so that it is missing"
    if any((one.family, one.name, one.facts) == (said.family, said.name, said.facts) for one in log.said):
        return False, "the log has this message, but not as often: syslog joins equal lines"
    if line.level == "info" and not (
        log.memory_line or log.zones or any(s.family == "summary" for s in log.said)
    ):
        return False, "the log has no lines of level info"
    return True, ""


def _folded(seen: Iterable[Item], expected: Iterable[Item]) -> list[Item]:
    # What is left on both sides of one node is one difference: seen to fail, predicted to be placed.
    left = list(expected)
    out = []
    for item in seen:
        partner = None
        if item.standing is Standing.ONLY_SEEN:
            partner = next((other for other in left if _is_one(item, other)), None)
        if partner is None:
            out.append(item)
            continue
        left.remove(partner)
        out.append(
            Item(
                subject=item.subject,
                what=item.what,
                standing=Standing.DIFFERS,
                seen=item.seen,
                predicted=partner.predicted,
                contrasts=(Contrast("message", item.seen, partner.predicted),),
                line=item.line,
                said=item.said,
                expected=partner.expected,
            )
        )
    return out + left


def _is_one(seen: Item, expected: Item) -> bool:
    if seen.subject != expected.subject or seen.said is None or expected.expected is None:
        return False
    return seen.subject not in (KERNEL, CRASH_KERNEL) and {seen.what, expected.what} != {"initialized"}
