# SPDX-License-Identifier: Apache-2.0
"""The answers of a sweep as one page, with a heat map of boards by scenes in the drawing language of the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.html.template import markup, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.sweep.answers import Answers

LEGEND = {
    "clean": ("k-free", "", "nothing found"),
    "warning": ("k-firmware", "", "warnings"),
    "error": ("k-static", "", "errors"),
    "misfit": ("k-restricted", "", "a region is not placed as asked"),
    "dead": ("bad", "hatch", "the boot does not survive"),
    "refused": ("k-early", "", "no such boot"),
    "unknown": ("k-early", "hatch", "RAM is not known"),
}
"""State of a cell → class, second class on top, and words."""

_ORDER = ("dead", "misfit", "error", "warning", "unknown", "refused", "clean", "")
_MOST_BOARDS = 400
_MOST_ENTRIES = 500
_CELL, _ROW = 12, 14
_GAP = 5
"""Between scenes whose first words, such as the kernel, differ."""


def render_sweep_page(answers: Answers, *, title: str) -> str:
    """Return the page. Raises: ToolMissing when jinja2 is not installed."""
    ranked = sorted(answers.states, key=lambda entry: (_badness(entry[1]), entry[0]))
    rows = ranked[:_MOST_BOARDS]
    places = _places(answers.scenes)
    values = {
        "title": f"Sweep: {title}",
        "totals": sorted(answers.outcomes.items()),
        "boards": answers.boards,
        "cells": answers.cells,
        "unread": answers.unread,
        "scenes": list(enumerate(answers.scenes, 1)),
        "legend": [(name, markup(_swatch(name)), words) for name, (_, _, words) in LEGEND.items()],
        "heat": [(board, markup(_strip(states, places)), _in_words(states)) for board, states in rows],
        "heat_rest": len(ranked) - len(rows),
        "pairs": answers.pairs,
        "broken": answers.broken[:_MOST_ENTRIES],
        "broken_rest": max(0, len(answers.broken) - _MOST_ENTRIES),
        "broken_boards": len({found.board for found in answers.broken}),
        "kinds": sorted(answers.kinds.items(), key=lambda item: (-item[1], item[0])),
        "moved": answers.moved,
        "misfits": answers.misfits[:_MOST_ENTRIES],
        "misfit_rest": max(0, len(answers.misfits) - _MOST_ENTRIES),
        "largest": [
            (f"{100 * share:.1f} %", f"{kib / 1024:.1f} MiB", board, scene)
            for share, board, scene, kib in answers.largest
        ],
        "rules": [
            (code, answers.slugs[code], *counts)
            for code, counts in sorted(answers.rules.items(), key=lambda item: (-item[1][0], item[0]))
        ],
    }
    return render("sweep.html", values, scripts=("index.js",))


def _badness(states: Sequence[str]) -> list[int]:
    return [-states.count(name) for name in _ORDER[:4]]


def _places(scenes: Sequence[str]) -> list[int]:
    # Where each cell begins, and where the last one ends.
    words = [scene.partition(" ")[0] for scene in scenes]
    found, at = [], 0
    for number, word in enumerate(words):
        at += _GAP * (number > 0 and word != words[number - 1])
        found.append(at)
        at += _CELL
    return [*found, at]


def _strip(states: Sequence[str], places: Sequence[int]) -> str:
    # One row of the heat map: a small picture of its own, so that names stay text that can be searched.
    cells = []
    for number, state in enumerate(states):
        if not state:
            continue
        first, second, _ = LEGEND[state]
        place = f'x="{places[number]}" y="1" width="{_CELL - 1}" height="{_ROW - 2}"'
        cells.append(f'<rect class="{first}" {place}/>')
        if second:
            cells.append(f'<rect class="{second}" {place}/>')
    width = max(_CELL, places[-1])
    return f'<svg aria-hidden="true" width="{width}" height="{_ROW}" viewBox="0 0 {width} {_ROW}">{"".join(cells)}</svg>'


def _swatch(state: str) -> str:
    return _strip((state,), (0, _CELL))


def _in_words(states: Sequence[str]) -> str:
    counts = {name: states.count(name) for name in _ORDER if name and states.count(name)}
    return "; ".join(f"{LEGEND[name][2]}: {count}" for name, count in counts.items())
