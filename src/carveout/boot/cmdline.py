# SPDX-License-Identifier: Apache-2.0
"""The kernel's command line: the parameters which decide where memory goes.

Source: kernel-semantics 1.7, 4.2, 4.5, 6.4; memparse(), lib/cmdline.c.
"""

from __future__ import annotations

from carveout.values import NamedTuple

_U64 = (1 << 64) - 1
_SUFFIXES = {"k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}
_HEX = "0123456789abcdefABCDEF"


def memparse(text: str) -> tuple[int, str]:
    """Read a number as C does (0x, 0 or decimal) with a suffix K to E; return it and the rest of the text."""
    digits, base, at = "0123456789", 10, 0
    if text[:2] in ("0x", "0X") and text[2:3] in _HEX and text[2:3]:
        digits, base, at = _HEX, 16, 2
    elif text[:1] == "0":
        digits, base = "01234567", 8
    end = at
    while end < len(text) and text[end] in digits:
        end += 1
    value = int(text[at:end], base) if end > at else 0
    shift = _SUFFIXES.get(text[end : end + 1].lower())
    if shift is not None:
        value <<= shift
        end += 1
    return value & _U64, text[end:]


class CmaArgument(NamedTuple):
    """`cma=SIZE[@BASE[-LIMIT]]`, in bytes."""

    size: int
    base: int
    limit: int


class KernelArguments(NamedTuple):
    """A command line, split as the kernel splits it, with the last of equal names winning."""

    text: str
    pairs: tuple[tuple[str, str | None], ...]

    def last(self, name: str) -> str | None:
        """Return the value of the last `name=value`, or None if there is none."""
        found = None
        for key, value in self.pairs:
            if key == name and value is not None:
                found = value
        return found

    def all(self, name: str) -> tuple[str, ...]:
        """Return the values of every `name=value`, in order."""
        return tuple(value for key, value in self.pairs if key == name and value is not None)

    def has(self, name: str) -> bool:
        """Say whether the word `name` is there, with or without a value."""
        return any(key == name for key, _ in self.pairs)

    @property
    def cma(self) -> CmaArgument | None:
        """What `cma=` asks for; an empty value asks for size 0."""
        values = self.all("cma")
        if not values:
            return None
        # Each one is read into the same three variables: what a later one does not say stays as it was.
        size = base = limit = 0
        for value in values:
            size, rest = memparse(value)
            if rest[:1] != "@":
                continue
            base, rest = memparse(rest[1:])
            limit = memparse(rest[1:])[0] if rest[:1] == "-" else (base + size) & _U64
        return CmaArgument(size=size, base=base, limit=limit)

    def size(self, name: str) -> int | None:
        """Return the value of `name=` as a size in bytes, or None if it is not there."""
        value = self.last(name)
        return None if value is None else memparse(value)[0]


def parse_cmdline(text: str) -> KernelArguments:
    """Split a command line at blanks outside double quotes, as next_arg() does; `--` ends it."""
    pairs: list[tuple[str, str | None]] = []
    for word in _words(text):
        if word == "--":
            break
        name, equals, value = word.partition("=")
        pairs.append((name.strip('"').replace("-", "_"), value.strip('"') if equals else None))
    return KernelArguments(text=text, pairs=tuple(pairs))


def _words(text: str) -> list[str]:
    if '"' not in text:
        return text.split()
    words: list[str] = []
    start, quoted = None, False
    for at, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        if char.isspace() and not quoted:
            if start is not None:
                words.append(text[start:at])
                start = None
        elif start is None:
            start = at
    if start is not None:
        words.append(text[start:])
    return words
