# SPDX-License-Identifier: Apache-2.0
"""The questions one asks of a sweep's results, answered row by row: nothing but the answers is kept.

What breaks between two scenes; which boards do not fit; who keeps the most RAM from the system; rules by count; and
the state of every cell, for the heat map.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from carveout.values import NamedTuple, dataclass, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from carveout.sweep.rows import Row

STATES = ("clean", "warning", "error", "misfit", "dead", "refused", "unknown")
"""Of a cell, from good to bad, and what cannot be told: no finding; warnings; errors; a region is not placed as the
tree asks; the boot does not survive; no such boot; RAM is not known."""

_BAD_OUTCOMES = ("reserve-failed", "alloc-failed", "released")
_LOUD = ("error", "warning")
MOST_LARGEST = 20


class Pair(NamedTuple):
    """A scene before and after."""

    before: str
    after: str


class Broken(NamedTuple):
    """What is worse in one board when going from one scene to another."""

    board: str
    pair: Pair
    what: tuple[str, ...]
    """One sentence for each thing."""
    lines: tuple[str, ...] = ()
    """What the kernel prints after and did not print before."""
    also: tuple[str, ...] = ()
    """Other scenes in which it is worse in the same way, but for addresses and sizes."""


class Misfit(NamedTuple):
    """A cell in which something is not placed as the tree asks."""

    board: str
    scene: str
    what: str
    also: tuple[str, ...] = ()
    """Other scenes in which it is the same."""


@dataclass(frozen=False, slots=True, kw_only=True)
class Answers:
    """What was found, for one set of results."""

    scenes: tuple[str, ...]
    boards: int = 0
    unread: list[tuple[str, str]] = field(default_factory=list)
    """Boards without results, with the reason."""
    cells: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    """Cells by outcome."""
    pairs: tuple[Pair, ...] = ()
    broken: list[Broken] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    """What is worse, without what differs from board to board → boards."""
    moved: int = 0
    """Regions that are placed in both scenes of a pair, elsewhere in the second."""
    gone: int = 0
    """Boards and pairs that can be booted in the first scene alone: no such kernel, or RAM is not known."""
    mended: int = 0
    """Boards and pairs in which nothing breaks and a region or the boot is better after."""
    misfits: list[Misfit] = field(default_factory=list)
    misfit_cells: int = 0
    largest: list[tuple[float, str, str, int]] = field(default_factory=list)
    """(share, board, scene, KiB) of each board's largest reserved share, largest first."""
    rules: dict[str, list[int]] = field(default_factory=dict)
    """Code → findings, boards."""
    slugs: dict[str, str] = field(default_factory=dict)
    states: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """The state of each cell of each board, in the order of the scenes; empty text: not booted there."""


def pairs_of(scenes: Sequence[str], before: str, after: str) -> tuple[Pair, ...]:
    """Return the scenes that differ in nothing but `before` and `after`.

    Both are words of scenes' names, such as `6.12` and `7.2`, or `6.12 4K` and `6.12 16K`, or whole names.
    """
    old, new = before.split(), after.split()
    found = []
    for name in scenes:
        words = name.split()
        if not set(old) <= set(words):
            continue
        rest = [word for word in words if word not in old]
        wanted = sorted([*rest, *new])
        twin = next((other for other in scenes if sorted(other.split()) == wanted), None)
        if twin is not None and twin != name:
            found.append(Pair(name, twin))
    return tuple(found)


def answer(
    scenes: Sequence[str],
    boards: Iterable[Sequence[Row]],
    *,
    pairs: Sequence[Pair] = (),
    fit: Sequence[str] = (),
) -> Answers:
    """Return the answers.

    boards: rows of each board. pairs: to compare. fit: words of the scenes to look at for what does not fit; all
    scenes when empty.
    """
    answers = Answers(scenes=tuple(scenes), pairs=tuple(pairs))
    for rows in boards:
        _add(answers, rows, set(fit))
    answers.largest.sort(key=lambda found: (-found[0], found[1]))
    del answers.largest[MOST_LARGEST:]
    return answers


def _add(answers: Answers, rows: Sequence[Row], fit: set[str]) -> None:
    board = str(rows[0]["board"])
    answers.boards += 1
    if rows[0]["error"] is not None:
        answers.unread.append((board, str(rows[0]["error"])))
        return
    cells: dict[str, Row] = {}
    regions: dict[str, list[Row]] = {}
    findings: list[Row] = []
    for row in rows[1:]:
        if row["kind"] == "cell":
            cells[str(row["scene"])] = row
        elif row["kind"] == "region":
            regions.setdefault(str(row["scene"]), []).append(row)
        else:
            findings.append(row)
    answers.cells += len(cells)
    for row in cells.values():
        outcome = str(row["outcome"])
        answers.outcomes[outcome] = answers.outcomes.get(outcome, 0) + 1
    answers.states.append((board, tuple(_state(cells.get(scene)) for scene in answers.scenes)))
    _count_rules(answers, findings)
    _find_largest(answers, board, cells.values())
    misfits: dict[str, Misfit] = {}
    for scene, row in cells.items():
        if fit <= set(scene.split()) and (what := _misfit(row, regions.get(scene, ()))):
            answers.misfit_cells += 1
            first = misfits.get(what)
            misfits[what] = (
                Misfit(board, scene, what) if first is None else first._replace(also=(*first.also, scene))
            )
    answers.misfits += misfits.values()
    worse = [
        found
        for pair in answers.pairs
        if pair.before in cells and pair.after in cells
        for found in _compare(answers, pair, cells, regions, findings)
    ]
    answers.broken += _merged(board, worse)
    for kind in dict.fromkeys(kind for found in worse for kind in found.kinds):
        answers.kinds[kind] = answers.kinds.get(kind, 0) + 1


_NAME = re.compile(r"'[^']*'")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")
_OVERLAP = re.compile(r"\S+ \(\S+--\S+\) overlaps with \S+ \(\S+--\S+\)")


def pattern_of(line: str) -> str:
    """Return a line of a kernel log without the names and numbers that differ from board to board."""
    if _OVERLAP.fullmatch(line):
        return "NAME (A--B) overlaps with NAME (A--B)"
    return _NUMBER.sub("N", _NAME.sub("'NAME'", line))


class _Worse(NamedTuple):
    """What is worse between the two scenes of a pair."""

    pair: Pair
    kinds: tuple[str, ...]
    what: tuple[str, ...]
    lines: tuple[str, ...]


def _merged(board: str, worse: Iterable[_Worse]) -> list[Broken]:
    # One entry for scenes that differ in addresses and sizes only: a board is not told of once for each amount of RAM.
    alike: dict[tuple[tuple[str, ...], ...], Broken] = {}
    for found in worse:
        key = (
            found.kinds,
            tuple(pattern_of(text) for text in found.what),
            tuple(pattern_of(t) for t in found.lines),
        )
        first = alike.get(key)
        if first is None:
            alike[key] = Broken(board, found.pair, found.what, found.lines)
        else:
            alike[key] = first._replace(also=(*first.also, found.pair.after))
    return list(alike.values())


def _state(cell: Row | None) -> str:
    if cell is None:
        return ""
    outcome = str(cell["outcome"])
    if outcome in ("panic", "hang"):
        return "dead"
    if outcome in ("refused", "unknown"):
        return outcome
    if _number(cell, "failed") or _number(cell, "released"):
        return "misfit"
    return "error" if _number(cell, "errors") else "warning" if _number(cell, "warnings") else "clean"


def _number(row: Row, name: str) -> int:
    value = row[name]
    return value if isinstance(value, int) else 0


def _count_rules(answers: Answers, findings: Iterable[Row]) -> None:
    seen = set()
    for row in findings:
        code = str(row["code"])
        answers.slugs[code] = str(row["slug"])
        counts = answers.rules.setdefault(code, [0, 0])
        counts[0] += 1
        counts[1] += code not in seen
        seen.add(code)


def _find_largest(answers: Answers, board: str, cells: Iterable[Row]) -> None:
    known = [row for row in cells if isinstance(row["share"], float) and row["share"]]
    if not known:
        return
    row = max(known, key=lambda row: cast("float", row["share"]))
    answers.largest.append(
        (cast("float", row["share"]), board, str(row["scene"]), _number(row, "reserved_kib"))
    )
    # Bounded, however many boards there are.
    if len(answers.largest) > 50 * MOST_LARGEST:
        answers.largest.sort(key=lambda found: (-found[0], found[1]))
        del answers.largest[MOST_LARGEST:]


def _misfit(cell: Row, regions: Iterable[Row]) -> str:
    outcome = str(cell["outcome"])
    if outcome in ("panic", "hang"):
        return f"the boot ends in a {outcome}" + (f": {cell['failure']}" if cell["failure"] else "")
    failed = [f"{row['path']}: {row['outcome']}" for row in regions if row["outcome"] in _BAD_OUTCOMES]
    if failed:
        return "; ".join(failed)
    count = _number(cell, "failed") + _number(cell, "released")
    return f"{count} regions are not placed" if count else ""


def _compare(
    answers: Answers,
    pair: Pair,
    cells: Mapping[str, Row],
    regions: Mapping[str, list[Row]],
    findings: Iterable[Row],
) -> list[_Worse]:
    old, new = cells[pair.before], cells[pair.after]
    worse: list[tuple[str, str]] = []
    if new["outcome"] in ("refused", "unknown"):
        answers.gone += old["outcome"] != new["outcome"]
        return []
    if old["outcome"] == "ok" and new["outcome"] in ("panic", "hang"):
        kind = f"the boot was ok and is {new['outcome']}"
        worse.append((kind, kind + (f": {new['failure']}" if new["failure"] else "")))
    better = new["outcome"] == "ok" and old["outcome"] in ("panic", "hang")
    if old["outcome"] == new["outcome"] == "ok":
        better |= _compare_regions(answers, regions.get(pair.before, ()), regions.get(pair.after, ()), worse)
    if _number(new, "users_refused") > _number(old, "users_refused"):
        kind = "devices whose memory-region gives an error"
        worse.append((kind, f"{kind}: {old['users_refused']} before, {new['users_refused']} after"))
    for finding in findings:
        scenes = cast("list[object]", finding["scenes"])
        if pair.after in scenes and pair.before not in scenes and finding["severity"] in _LOUD:
            kind = f"{finding['code']} {finding['slug']}"
            worse.append((kind, f"{kind}: {finding['path']}: {finding['message']}"))
    if not worse:
        answers.mended += bool(better)
        return []
    said = cast("list[str]", old["complaints"] or [])
    lines = tuple(text for text in cast("list[str]", new["complaints"] or []) if text not in said)
    kinds = [kind for kind, _ in worse] + [f"kernel: {pattern_of(text)}" for text in lines]
    return [_Worse(pair, tuple(dict.fromkeys(kinds)), tuple(text for _, text in worse), lines)]


def _compare_regions(
    answers: Answers, before: Iterable[Row], after: Iterable[Row], worse: list[tuple[str, str]]
) -> bool:
    # Add what is worse, count what moves, and say whether something is better.
    old = {row["path"]: row for row in before if row["path"] is not None}
    better = False
    for row in after:
        was = old.get(row["path"])
        if was is None:
            continue
        if was["outcome"] == "placed" != row["outcome"]:
            kind = f"was placed and is {row['outcome']}"
            worse.append((f"a region {kind}", f"{row['path']} {kind}: {_first_reason(row)}"))
        elif was["outcome"] == row["outcome"] == "placed":
            answers.moved += was["base"] != row["base"]
            if was["pool"] and was["pool"] != row["pool"]:
                kind = f"was a {was['pool']} pool and is {row['pool'] or 'none'}"
                worse.append((f"a region {kind}", f"{row['path']} {kind}: {_first_reason(row)}"))
        better |= was["outcome"] in _BAD_OUTCOMES and row["outcome"] == "placed"
    return better


def _first_reason(row: Row) -> str:
    # The others say how well it is known, which the column `exactness` has.
    return str(row["why"]).partition("; ")[0]
