# SPDX-License-Identifier: Apache-2.0
"""Questions that a tree leaves open, and the answers a person gave: nothing is guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import UsageError
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Question(NamedTuple):
    """What has to be decided about a node."""

    path: str
    text: str
    """What is, and why it is not clear."""
    choices: tuple[tuple[str, str], ...]
    """(what to answer, what it does)."""


class Answers:
    """What was answered, and what is still open."""

    def __init__(self, given: Iterable[tuple[str, str]]) -> None:
        """given: (path of a node, choice); one node may be asked about more than one thing."""
        self._given = list(given)
        self._used: set[tuple[str, str]] = set()
        self.open: list[Question] = []
        self._asked: list[Question] = []

    def ask(self, path: str, text: str, choices: Mapping[str, str]) -> str | None:
        """Return the answer to a question, or None, which leaves it open. choices: answer → what it does.

        Raises: UsageError for two answers to one question.
        """
        question = Question(path, text, tuple(choices.items()))
        self._asked.append(question)
        found = [choice for at, choice in self._given if at == path and choice in choices]
        if not found:
            self.open.append(question)
            return None
        if len(set(found)) > 1:
            raise UsageError(f"--answer {path}: {' and '.join(dict.fromkeys(found))} contradict each other")
        self._used.add((path, found[0]))
        return found[0]

    def refuse_unused(self) -> None:
        """Raise UsageError for an answer that nobody asked for."""
        for path, choice in self._given:
            if (path, choice) in self._used:
                continue
            choices = [
                name for question in self._asked if question.path == path for name, _ in question.choices
            ]
            if choices:
                raise UsageError(f"--answer {path}={choice}: expected one of {', '.join(choices)}")
            raise UsageError(f"--answer {path}={choice}: nothing is asked about this node")
