# SPDX-License-Identifier: Apache-2.0
"""What `upgrade` did, asks, or refuses, as text and as JSON (schema carveout.upgrade/1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.trial import region_at
from carveout.report.words import POOL_WORDS, outcome_text, safe
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot import Boot
    from carveout.change.answers import Question
    from carveout.change.upgrade import Upgrade, Upgraded
    from carveout.check.run import NamedScene
    from carveout.report.map_json import Json

SCHEMA = "carveout.upgrade/1"
_LIMIT = 1000


def render_text(upgrade: Upgrade, scenes: tuple[NamedScene, ...], *, name: str) -> str:
    """Return what was done to each node, what its memory becomes, what is asked and what is left."""
    lines = [f"{safe(name)}: {_headline(upgrade)}"]
    for question in upgrade.questions:
        lines += _question(question)
    lines += [f"  {safe(reason, limit=_LIMIT)}" for reason in upgrade.reasons]
    if upgrade.is_done:
        for node in upgrade.nodes:
            lines += _node(node, upgrade, scenes)
    lines += [
        f"  to be done by hand: {safe(path)}: {safe(text, limit=_LIMIT)}" for path, text in upgrade.left
    ]
    return "".join(line + "\n" for line in lines)


def title_of() -> str:
    """Return one line that says what the change is, for source text."""
    return "carveout upgrade: words of today in place of those of 2013"


def notes_of(upgrade: Upgrade) -> dict[str, str]:
    """Return a comment for each changed node, by path, for source text."""
    return {
        node.path: f"was {node.was}" if node.was != node.path else "; ".join(node.done)
        for node in upgrade.nodes
    }


def render_json(upgrade: Upgrade) -> str:
    """Return the result as indented JSON text, ended by a newline."""
    from json import dumps  # only this format needs it

    value: dict[str, Json] = {
        "schema": SCHEMA,
        "upgraded": upgrade.is_done,
        "nodes": [{"path": node.path, "was": node.was, "done": list(node.done)} for node in upgrade.nodes],
        "questions": [
            {
                "path": question.path,
                "text": question.text,
                "choices": [{"answer": choice, "means": means} for choice, means in question.choices],
            }
            for question in upgrade.questions
        ],
        "reasons": list(upgrade.reasons),
        "left": [{"path": path, "text": text} for path, text in upgrade.left],
    }
    return dumps(value, indent=1) + "\n"


def _headline(upgrade: Upgrade) -> str:
    if upgrade.questions:
        count = len(upgrade.questions)
        what = "1 question is" if count == 1 else f"{count} questions are"
        return f"not rewritten: {what} open; answer with --answer NODE=CHOICE"
    if upgrade.reasons:
        return "not rewritten: today's kernel would make less of it than before"
    if not upgrade.nodes:
        return "nothing is in the words of 2013"
    count = len({node.path for node in upgrade.nodes})
    return f"{count} {'node' if count == 1 else 'nodes'} rewritten"


def _question(question: Question) -> Iterator[str]:
    yield f"  {safe(question.path)}: {safe(question.text, limit=_LIMIT)}"
    shown = [f"--answer {safe(question.path)}={choice}" for choice, _ in question.choices]
    width = max(len(text) for text in shown)
    for text, (_, means) in zip(shown, question.choices, strict=True):
        yield f"    {text:<{width}}  {safe(means, limit=_LIMIT)}"


def _node(node: Upgraded, upgrade: Upgrade, scenes: tuple[NamedScene, ...]) -> Iterator[str]:
    yield f"  {safe(node.path)}" + (f" (was {safe(node.was)})" if node.was != node.path else "")
    yield f"    {safe('; '.join(node.done), limit=_LIMIT)}"
    found: dict[str, list[str]] = {}
    for named, before, after in zip(scenes, upgrade.before.boots, upgrade.after.boots, strict=True):
        old, new = _memory(before, node.was), _memory(after, node.path)
        if new is not None:
            found.setdefault(f"{new}; before: {old or 'used as ordinary RAM'}", []).append(named.name)
    for text, names in found.items():
        yield f"    {safe(text, limit=_LIMIT)} ({', '.join(names)})"


def _memory(result: Boot, path: str) -> str | None:
    region = region_at(result, path)
    if region is None:
        return None
    pool = f", {POOL_WORDS[region.pool]}" if region.pool in POOL_WORDS else ""
    pool += ", no-map" if region.nomap else ""
    if region.base is None or region.size is None:
        return outcome_text(region) + pool
    return f"{outcome_text(region)} at {format_range(Span.sized(region.base, region.size))}{pool}"
