# SPDX-License-Identifier: Apache-2.0
"""Identifiers made from names of a tree: ASCII, unique, the same in every format, and never code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_PREFIX = "rmem"

_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_OTHER = re.compile(r"[^a-z0-9]+")
_LONGEST = 48
"""Characters of a node's name that go into its identifier; the tree's own limit is 31."""

_TAKEN = frozenset(
    # What GNU ld's MEMORY and expressions know, in lower case; the other formats add a word to each identifier.
    [
        "memory",
        "sections",
        "origin",
        "length",
        "addr",
        "align",
        "alignof",
        "sizeof",
        "assert",
        "loadaddr",
        "max",
        "min",
        "next",
        "block",
        "data_segment_align",
        "constant",
        "defined",
        "segment_start",
        "absolute",
        "before",
        "include",
        "entry",
        "phdrs",
        "version",
        "region_alias",
        "o",
        "l",
        "org",
        "len",
    ]
)


def is_prefix(text: str) -> bool:
    """Say whether a text can begin an identifier: a letter, then letters, digits and `_`; or nothing at all."""
    return not text or _PREFIX.fullmatch(text) is not None


def identifiers(names: Sequence[tuple[str, str]], *, prefix: str) -> tuple[str, ...]:
    """Return a lower-case identifier for each (node name, tail), in the same order.

    The name before `@` makes it; where several nodes share that, their unit addresses tell them apart; what is equal
    even then gets a number. The tail is put behind all that.
    """
    short = [_word(name.partition("@")[0], tail) for name, tail in names]
    full = [_word(name, tail) for name, tail in names]
    chosen = [one if short.count(one) == 1 else whole for one, whole in zip(short, full, strict=True)]
    begin = f"{prefix.rstrip('_').lower()}_" if prefix else ""
    found: list[str] = []
    seen: set[str] = set()
    wanted = set(chosen)
    for word in chosen:
        unique, number = word, 2
        while unique in seen or (unique != word and unique in wanted):
            unique, number = f"{word}_{number}", number + 1
        seen.add(unique)
        found.append(_whole(begin, unique))
    return tuple(found)


def _word(name: str, tail: str) -> str:
    word = _OTHER.sub("_", name.lower()).strip("_")[:_LONGEST].rstrip("_")
    return (word or "region") + tail


def _whole(begin: str, word: str) -> str:
    if begin:
        return begin + word
    if word[0].isdigit():
        return "r" + word
    return f"{word}_mem" if word in _TAKEN else word
