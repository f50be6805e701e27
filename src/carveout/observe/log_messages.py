# SPDX-License-Identifier: Apache-2.0
"""Lines of a log as what they say: the table that writes the kernel's messages, read backwards.

Every template of boot/messages.py, and the shapes of older and vendors' kernels, becomes one expression. The
prefixes that changed over the years (`OF: fdt: `, `OF: reserved mem: `, `Reserved memory: `) may be there or not,
and other text may stand before: a message is found anywhere in a line.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from carveout.boot.messages import MESSAGES
from carveout.observe.log_shapes import OLDER
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.boot.result import LogLine

FAMILIES = {
    "alloc-failed-size": "alloc-failed",
    "cma-reserved-node": "cma-reserved",
    "cma-reserved-ranges": "cma-reserved",
    "cma-failed-node": "cma-failed",
    "elfcorehdr-arm64": "elfcorehdr",
    "elfcorehdr-overlap-arm64": "elfcorehdr-overlap",
    "crash-reserved-riscv": "crash-reserved",
    "crash-failed-riscv": "crash-failed",
    "initrd-in-use-continued": "initrd-in-use",
    "vmalloc-small-mib": "vmalloc-small",
    "vmalloc-small-mb": "vmalloc-small",
    "vmalloc-big-mib": "vmalloc-big",
    "vmalloc-big-mb": "vmalloc-big",
}
"""Messages that say the same in other words: message to family. A message not named here is its own family."""

POOLS = {"cma-created": "cma", "dma-created": "dma", "restricted-created": "restricted"}
"""Families that tell of a pool which a region became, and which kind."""
_CLOSED_BY = {
    "cma-alignment": "matching-fail",
    "dma-needs-nomap": "matching-fail",
    "cma-setup-failed": "matching-fail",
    "cma-skipped": "matching-fail",
    "overlap": "overlap-pair",
}
"""Families without a name, and the family of the line that names the node they are about."""

_WORDING = ("function", "nid", "index")
"""Fields that tell nothing about memory."""
DECIMAL = (
    "kib",
    "mib",
    "index",
    "count",
    "nid",
    "error",
    "each",
    "ram_mib",
    "base_mib",
    "pages",
    "free",
    "total",
)
"""Fields that are printed in decimal."""
_PREFIX = re.compile(r"^(?:OF: fdt: |OF: reserved mem: )?(?:\{prefix\})?(?:Reserved memory: )?")
_ANY_PREFIX = r"(?P<prefix>(?:OF\s{0,8}: ?(?:fdt|reserved mem) ?: ?)?(?:Reserved memory: )?)"
_FIELD = re.compile(r"\{(\w+)(?::[^}]*)?\}")


class Said(NamedTuple):
    """One message of the kernel, as a log has it or as carveout writes it. Addresses and sizes as numbers."""

    key: str
    """The message in boot/messages.py, or the family of an older shape."""
    family: str
    name: str | None
    """The node it is about, where it says so or where the line after it does."""
    values: tuple[tuple[str, int | str], ...]
    """The other fields, in order; first address, then sizes."""
    text: str
    """The message as it stands, without what stands before it."""
    line: int = 0
    time: float | None = None
    lead: str = ""
    """What stands before the message in its line, after the head of the line was taken off."""
    prefix: str = ""
    """Which of the prefixes that changed over the years it begins with."""
    is_headed: bool = False
    is_name_lent: bool = False
    """The name is from the line after it."""
    whose: str = ""
    """For an older or a vendor's shape: whose it is."""

    def get(self, field: str) -> int | None:
        """Return a number of the message, or None."""
        value = dict(self.values).get(field)
        return value if isinstance(value, int) else None

    @property
    def facts(self) -> tuple[tuple[str, int | str], ...]:
        """The values that say something about memory."""
        return tuple(pair for pair in self.values if pair[0] not in _WORDING)


class _Pattern(NamedTuple):
    key: str
    family: str
    needle: str
    fixed: int
    """Characters that do not vary."""
    expression: re.Pattern[str]
    whose: str


def find(text: str, *, line: int = 0, time: float | None = None, is_headed: bool = False) -> Said | None:
    """Return what a line says about memory, or None when it is none of the messages known."""
    for pattern in _patterns():
        if pattern.needle not in text:
            continue
        match = pattern.expression.search(text)
        if match is None:
            continue
        values = match.groupdict()
        name = values.pop("name", None)
        prefix = values.pop("prefix", "")
        return Said(
            key=pattern.key,
            family=pattern.family,
            name=name,
            values=tuple((field, _value(field, value)) for field, value in values.items()),
            text=text[match.start() :].rstrip(),
            line=line,
            time=time,
            lead=text[: match.start()],
            prefix=prefix,
            is_headed=is_headed,
            whose=pattern.whose,
        )
    return None


def predicted(lines: Iterable[LogLine]) -> tuple[tuple[Said, LogLine], ...]:
    """Return what the lines of a simulated boot say, each with its line; the second line of a message is its own."""
    found: list[Said] = []
    sources: list[LogLine] = []
    for line in lines:
        for text in line.text.split("\n"):
            said = find(text)
            if said is not None:
                found.append(said._replace(text=text))
                sources.append(line)
    return tuple(zip(with_names(found), sources, strict=True))


def with_names(said: Iterable[Said]) -> tuple[Said, ...]:
    """Return the messages with the nodes filled in that the next line names.

    A region driver's own line comes before the one that names the node (kernel-semantics 3.9).
    """
    out = list(said)
    for number, one in enumerate(out):
        closing = "initialized" if one.family in POOLS else _CLOSED_BY.get(one.family)
        if one.name is not None or closing is None:
            continue
        for two in out[number + 1 : number + 3]:
            if two.family == closing:
                out[number] = one._replace(name=two.name, is_name_lent=True)
            if two.family == closing or two.family in POOLS or two.family in _CLOSED_BY:
                break
    return tuple(out)


def _value(field: str, text: str) -> int | str:
    if field in DECIMAL:
        return int(text)
    if _is_address(field):
        return int(text, 16)
    return text


def _is_address(field: str) -> bool:
    return field in (
        "start", "end", "base", "last", "other_base", "other_end", "align", "boundary", "size", "limit", "page",
    )  # fmt: skip


@cache
def _patterns() -> tuple[_Pattern, ...]:
    rows = [(key, FAMILIES.get(key, key), message.text, "") for key, message in MESSAGES.items()]
    rows += [
        (shape.family, FAMILIES.get(shape.family, shape.family), shape.text, shape.whose) for shape in OLDER
    ]
    patterns = [_pattern(*row) for row in rows]
    # The one with the most fixed text first, so that a message is not taken for a shorter one.
    return tuple(sorted(patterns, key=lambda pattern: (-len(pattern.needle), -pattern.fixed)))


def _pattern(key: str, family: str, template: str, whose: str) -> _Pattern:
    first = template.split("\n", 1)[0]
    core = _PREFIX.sub("", first)
    fixed = _FIELD.sub("\0", core).split("\0")
    expression = _ANY_PREFIX if whose or core != first else ""
    at = 0
    for match in _FIELD.finditer(core):
        expression += _literal(core[at : match.start()]) + _group(match, core)
        at = match.end()
    expression += _literal(core[at:])
    needle = max(fixed, key=len)
    return _Pattern(key, family, needle, sum(map(len, fixed)), re.compile(expression), whose)


def _literal(text: str) -> str:
    return re.escape(text)


def _group(match: re.Match[str], core: str) -> str:
    field = match[1]
    after = core[match.end() : match.end() + 1]
    if field in DECIMAL:
        return rf"(?P<{field}>-?\d{{1,18}})"
    if _is_address(field):
        return (
            rf"(?P<{field}>[0-9a-fA-F]{{1,16}})"
            if ":" in match[0]
            else rf"(?P<{field}>(?:0x)?[0-9a-f]{{1,16}})\b"
        )
    if field == "nomap":
        return rf"(?P<{field}>nomap|map)"
    if field == "reusable":
        return rf"(?P<{field}>reusable|non-reusable)"
    if after == "'":
        return rf"(?P<{field}>[^']{{0,1000}})"
    return rf"(?P<{field}>\S{{1,1000}})" if not after or after in " ," else rf"(?P<{field}>[^\s]{{1,1000}}?)"
