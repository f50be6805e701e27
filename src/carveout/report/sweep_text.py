# SPDX-License-Identifier: Apache-2.0
"""The answers of a sweep as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence, Sized
    from typing import TypeVar

    from carveout.sweep.answers import Answers

    Entry = TypeVar("Entry")

_MOST = 40
"""Lines of one question; the rest is counted. 0 shows all."""
_LONGEST = 200
_MOST_SCENES = 5


def render_sweep(answers: Answers, *, most: int = _MOST) -> str:
    """Return the answers as text. most: entries shown for one question; 0: all."""
    lines = [*_totals(answers), *_broken(answers, most), *_misfits(answers, most), *_largest(answers, most)]
    lines += _rules(answers)
    return "\n".join(lines) + "\n"


def _totals(answers: Answers) -> Iterator[str]:
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(answers.outcomes.items()))
    yield f"{answers.boards:,} boards, {len(answers.scenes)} scenes, {answers.cells:,} cells: {outcomes or 'none'}"
    for board, why in answers.unread:
        yield f"  not swept: {safe(board)}: {safe(why, limit=_LONGEST)}"


def _broken(answers: Answers, most: int) -> Iterator[str]:
    if not answers.pairs:
        return
    pairs = ", ".join(f"'{safe(pair.before)}' -> '{safe(pair.after)}'" for pair in answers.pairs)
    boards = len({found.board for found in answers.broken})
    yield ""
    yield f"What breaks, {pairs}"
    yield f"  {boards:,} boards are worse; {answers.moved:,} regions move; {answers.mended:,} boards and pairs are better"
    if answers.gone:
        yield f"  {answers.gone:,} boards and pairs have no second boot (no such kernel)"
    if answers.kinds:
        yield "  in how many boards:"
    for kind, count in sorted(answers.kinds.items(), key=lambda item: (-item[1], item[0])):
        yield f"  {count:7,}  {safe(kind, limit=_LONGEST)}"
    for found in _first(answers.broken, most):
        yield f"  {safe(found.board)}, {_scenes(found.pair.after, found.also)}"
        for text in found.what:
            yield f"    {safe(text, limit=_LONGEST)}"
        for text in found.lines:
            yield f"    kernel: {safe(text, limit=_LONGEST)}"
    yield from _rest(answers.broken, most)


def _scenes(first: str, also: Sequence[str]) -> str:
    shown = ", ".join((first, *also[:_MOST_SCENES]))
    rest = len(also) - _MOST_SCENES
    return safe(shown) + (f" and {rest} more" if rest > 0 else "")


def _misfits(answers: Answers, most: int) -> Iterator[str]:
    yield ""
    boards = len({found.board for found in answers.misfits})
    yield f"What does not fit: {boards:,} boards in {answers.misfit_cells:,} cells"
    for found in _first(answers.misfits, most):
        where = f"{safe(found.board)}, {_scenes(found.scene, found.also)}"
        yield f"  {where}: {safe(found.what, limit=_LONGEST)}"
    yield from _rest(answers.misfits, most)


def _largest(answers: Answers, most: int) -> Iterator[str]:
    if not answers.largest:
        return
    yield ""
    yield "Largest part of RAM that regions keep from the system"
    for share, board, scene, kib in _first(answers.largest, most):
        yield f"  {100 * share:5.1f} %  {kib / 1024:9.1f} MiB  {safe(board)}, {safe(scene)}"


def _rules(answers: Answers) -> Iterator[str]:
    if not answers.rules:
        return
    yield ""
    yield "Rules, by how often: findings, boards"
    for code, (findings, boards) in sorted(answers.rules.items(), key=lambda item: (-item[1][0], item[0])):
        yield f"  {findings:7,} {boards:7,}  {code} {answers.slugs[code]}"


def _first(entries: list[Entry], most: int) -> list[Entry]:
    return entries[:most] if most else entries


def _rest(entries: Sized, most: int) -> Iterator[str]:
    if most and len(entries) > most:
        yield f"  and {len(entries) - most:,} more: --most 0 shows all"
