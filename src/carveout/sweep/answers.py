# SPDX-License-Identifier: Apache-2.0
"""The questions one asks of a sweep's results, answered row by row: nothing but the answers is kept.

What breaks between two scenes; which boards do not fit; who keeps the most RAM from the system; rules by count; and
the state of every cell, for the heat map.
"""

from __future__ import annotations

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


class Misfit(NamedTuple):
    """A cell in which something is not placed as the tree asks."""

    board: str
    scene: str
    what: str


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
    moved: int = 0
    """Regions that are placed in both scenes of a pair, elsewhere in the second."""
    gone: int = 0
    """Boards and pairs that can be booted in the first scene alone: no such kernel, or RAM is not known."""
    mended: int = 0
    """Boards and pairs in which nothing breaks and a region or the boot is better after."""
    misfits: list[Misfit] = field(default_factory=list)
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
    for scene, row in cells.items():
        if fit <= set(scene.split()) and (what := _misfit(row, regions.get(scene, ()))):
            answers.misfits.append(Misfit(board, scene, what))
    for pair in answers.pairs:
        if pair.before in cells and pair.after in cells:
            _compare(answers, board, pair, cells, regions, findings)


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
    board: str,
    pair: Pair,
    cells: Mapping[str, Row],
    regions: Mapping[str, list[Row]],
    findings: Iterable[Row],
) -> None:
    old, new = cells[pair.before], cells[pair.after]
    worse: list[str] = []
    better = 0
    if new["outcome"] in ("refused", "unknown"):
        answers.gone += old["outcome"] != new["outcome"]
        return
    if old["outcome"] == "ok" and new["outcome"] in ("panic", "hang"):
        why = f": {new['failure']}" if new["failure"] else ""
        worse.append(f"the boot was ok and is {new['outcome']}{why}")
    better += new["outcome"] == "ok" and old["outcome"] in ("panic", "hang")
    before = {row["path"]: row for row in regions.get(pair.before, ()) if row["path"] is not None}
    for row in regions.get(pair.after, ()) if old["outcome"] == new["outcome"] == "ok" else ():
        was = before.get(row["path"])
        if was is None:
            continue
        if was["outcome"] == "placed" != row["outcome"]:
            worse.append(f"{row['path']} was placed and is {row['outcome']}: {row['why']}")
        elif was["outcome"] == row["outcome"] == "placed":
            answers.moved += was["base"] != row["base"]
            if was["pool"] and was["pool"] != row["pool"]:
                worse.append(
                    f"{row['path']} was a {was['pool']} pool and is {row['pool'] or 'none'}: {row['why']}"
                )
        better += was["outcome"] in _BAD_OUTCOMES and row["outcome"] == "placed"
    if _number(new, "users_refused") > _number(old, "users_refused"):
        worse.append(
            f"devices whose memory-region gives an error: {old['users_refused']} before, {new['users_refused']} after"
        )
    for finding in findings:
        scenes = cast("list[object]", finding["scenes"])
        if pair.after in scenes and pair.before not in scenes and finding["severity"] in _LOUD:
            worse.append(f"{finding['code']} {finding['slug']}: {finding['path']}: {finding['message']}")
    said = cast("list[str]", old["complaints"] or [])
    lines = tuple(text for text in cast("list[str]", new["complaints"] or []) if text not in said)
    if worse:
        answers.broken.append(Broken(board, pair, tuple(worse), lines))
    else:
        answers.mended += bool(better)
