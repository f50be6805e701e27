# SPDX-License-Identifier: Apache-2.0
"""Findings that somebody has looked at and allowed: by a comment in the source, or by a table of carveout.toml.

A comment counts for the node or property on its line; when it stands alone on its line, for what follows below it:
`/* carveout: allow region-overlap, CV203 -- reason */` or `// carveout: allow region-overlap`.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from carveout.check.model import Finding, Severity
from carveout.check.registry import all_rules, find_rule
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from carveout.fdt.dts import SourceMap

UNUSED, UNKNOWN = "unused-allow", "unknown-allow"

_MARK = "carveout:"
# Strings first: what looks like a comment inside one is none.
_COMMENT = r'(?s:"(?:[^"\\\n]|\\.)*"|/\*.*?\*/|//[^\n]*)'
_ALLOW = r"carveout:\s*allow\s+(?P<words>[^\n]*)"
_NEXT_WORD = r"[^\s,]+"


class Allow(NamedTuple):
    """One word of one comment."""

    file: str
    line: int
    """Line of the comment, from 1."""
    covers: frozenset[int]
    """Lines of the file that it counts for."""
    word: str
    """As written."""
    code: str | None
    """Code of the rule; None when there is no such rule."""
    reason: str


class ProjectAllow(NamedTuple):
    """One `[[allow]]` table of carveout.toml."""

    code: str
    path: str
    """Pattern (`*`, `?`, `[...]`) that the node's path matches."""
    board: str
    """Pattern that the board's name in carveout.toml, its file's name or its path matches."""
    reason: str


class Allowed(NamedTuple):
    """A finding that is held back, and why."""

    finding: Finding
    reason: str
    is_in_source: bool


def read_allows(text: str, file: str) -> tuple[Allow, ...]:
    """Return every word of every comment that allows something, in order. file: as the source map names it."""
    if _MARK not in text:
        return ()
    comments = []
    alone: dict[int, int] = {}
    for match in re.finditer(_COMMENT, text):
        if match[0][0] == '"':
            continue
        first = text.count("\n", 0, match.start()) + 1
        last = first + match[0].count("\n")
        is_alone = _is_alone(text, match.start(), match.end())
        if is_alone:
            alone[first] = last
        comments.append((match[0], first, last, is_alone))
    found: list[Allow] = []
    for comment, first, last, is_alone in comments:
        asked = re.search(_ALLOW, comment)
        if asked is None:
            continue
        covers = set(range(first, last + 1))
        if is_alone:
            below = last + 1
            while below in alone:
                below = alone[below] + 1
            covers.add(below)
        head, _, reason = asked["words"].removesuffix("*/").partition("--")
        for word in re.findall(_NEXT_WORD, head):
            rule = find_rule(word)
            found.append(
                Allow(file, first, frozenset(covers), word, rule.code if rule else None, reason.strip())
            )
    return tuple(found)


def _is_alone(text: str, start: int, end: int) -> bool:
    before = text[text.rfind("\n", 0, start) + 1 : start]
    stop = text.find("\n", end)
    after = text[end : stop if stop >= 0 else len(text)]
    return not before.strip() and not after.strip()


class SourceAllows:
    """The comments of one source, and which of them were needed."""

    def __init__(self, allows: Iterable[Allow], source: SourceMap) -> None:
        """Take the comments of all files of a source, and the places of its nodes and properties."""
        self._allows = tuple(allows)
        self._source = source
        self._used: set[int] = set()

    def allowing(self, finding: Finding) -> Allow | None:
        """Return the comment that allows a finding, or None. All that do count as used."""
        lines: set[tuple[str, int]] | None = None
        found = None
        for number, allow in enumerate(self._allows):
            if allow.code != finding.code:
                continue
            if lines is None:
                lines = self._lines(finding)
            if any((allow.file, line) in lines for line in allow.covers):
                self._used.add(number)
                found = found or allow
        return found

    def _lines(self, finding: Finding) -> set[tuple[str, int]]:
        lines = {(place.file, place.first_line) for place in self._source.all_of_node(finding.path)}
        place = self._source.of_property(finding.path, finding.prop) if finding.prop else None
        if place is not None:
            lines |= {(place.file, line) for line in range(place.first_line, place.last_line + 1)}
        return lines

    def findings(self, board: str, codes: Collection[str]) -> list[Finding]:
        """Return a note for each comment that was not needed or names no rule.

        board: what to call the tree. codes: rules that were run; a comment for another one cannot be judged.
        """
        found = []
        for number, allow in enumerate(self._allows):
            if allow.code is None:
                text = f"'{allow.word}' is neither code nor slug of a rule{_near(allow.word)}"
                found.append(_note(UNKNOWN, board, allow, text))
            elif number not in self._used and allow.code in codes:
                text = f"{allow.word} is allowed, but not found here: the comment can go"
                found.append(_note(UNUSED, board, allow, text))
        return [finding for finding in found if finding.code in codes]


def _near(word: str) -> str:
    from difflib import get_close_matches

    names = [name for rule in all_rules() for name in (rule.slug, rule.code)]
    near = get_close_matches(word.replace("_", "-"), names, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _note(slug: str, board: str, allow: Allow, message: str) -> Finding:
    rule = find_rule(slug)
    return Finding(
        code=rule.code if rule else "",
        slug=slug,
        severity=rule.severity if rule else Severity.NOTE,
        path="/",
        message=message,
        file=board,
        source=(allow.file, allow.line, 1, allow.line, 1),
    )


def project_allow(finding: Finding, allows: Sequence[ProjectAllow], names: Sequence[str]) -> int | None:
    """Return the number of the first table that allows a finding, or None. names: what the board is called."""
    for number, allow in enumerate(allows):
        if (
            allow.code == finding.code
            and fnmatchcase(finding.path, allow.path)
            and any(fnmatchcase(name, allow.board) for name in names)
        ):
            return number
    return None


def unused_project_allows(allows: Sequence[ProjectAllow], used: Collection[int], file: str) -> list[Finding]:
    """Return a note for each table of carveout.toml that allowed nothing. file: the project's file."""
    rule = find_rule(UNUSED)
    return [
        Finding(
            code=rule.code if rule else "",
            slug=UNUSED,
            severity=Severity.NOTE,
            path=allow.path,
            message=f"[[allow]] of {allow.code} for board '{allow.board}' holds back nothing: it can go",
            file=file,
        )
        for number, allow in enumerate(allows)
        if number not in used
    ]
