# SPDX-License-Identifier: Apache-2.0
"""The words and tables of docs/sweep-field-report.md, from the facts and from docs/sweep-field-notes.toml."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sweep_field import Fact


class Finding(NamedTuple):
    """A class of changes that was looked into, from docs/sweep-field-notes.toml."""

    title: str
    steps: tuple[str, ...]
    kind: str
    """One of sweep_field.CLASSES."""
    detail: str
    """Glob."""
    package: str
    """Whose boards are counted and named."""
    fields: tuple[str, ...]
    """Fields of Behaviour that make the difference; empty: it is the configuration or the page size."""
    cause: str
    follows: str
    do: str
    example: str

    def covers(self, fact: Fact) -> bool:
        """Say whether this is about a fact, of whatever package."""
        return (
            fact["kind"] == "change"
            and fact["step"] in self.steps
            and fact["class"] == self.kind
            and fnmatchcase(str(fact["detail"]), self.detail)
        )


def read_findings(text: str) -> tuple[Finding, ...]:
    """Return the findings. Raises: KeyError for a word that is missing."""
    return tuple(
        Finding(
            title=table["title"],
            steps=tuple(table["steps"]),
            kind=table["class"],
            detail=table.get("detail", "*"),
            package=table["package"],
            fields=tuple(table.get("fields", ())),
            cause=table["cause"],
            follows=table["follows"],
            do=table["do"],
            example=table.get("example", ""),
        )
        for table in tomllib.loads(text).get("found", ())
    )


def render(facts: Sequence[Fact], findings: Sequence[Finding]) -> str:
    return ""
