# SPDX-License-Identifier: Apache-2.0
"""What a log alone says about memory, without a tree: where regions and areas are, and which were refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.observe.compare import place_said
from carveout.observe.log_messages import POOLS
from carveout.observe.log_scene import kernel_image, ram_of
from carveout.span import Span
from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.observe.log import BootLog
    from carveout.observe.log_messages import Said

_FAILED = {
    "alloc-failed": "no room was found for it",
    "reserve-failed": "it could not be reserved",
    "matching-fail": "its driver refused it",
    "invalid-reg": "its reg is malformed",
    "invalid-size": "its size is malformed",
    "invalid-alignment": "its alignment is malformed",
    "invalid-alloc-ranges": "its alloc-ranges is malformed",
    "too-many-dynamic": "there were too many dynamic regions",
    "cma-bypass": "cma= on the command line takes its place",
    "cma-failed": "the default contiguous area could not be placed",
    "unsupported-format": "/reserved-memory as a whole is refused: its cells are not the root's, or it has no ranges",
}
_PLACING = ("summary", "region-placed", "region-span", "cma-reserved", *POOLS)
_DEFAULT_NAME = "default CMA area"
_CRASH = ("crash-reserved", "crash-low-reserved")


class LogRow(NamedTuple):
    """Something that a log places."""

    span: Span
    name: str
    kind: str
    """`region`, `cma`, `kernel`, `initrd`, `crash kernel`, `bounce buffers`."""
    words: tuple[str, ...]
    """What else the log says of it."""
    lines: tuple[int, ...]


class LogFailure(NamedTuple):
    """Something that a log says was not had."""

    name: str
    why: str
    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMap:
    """What one boot in a log shows of memory."""

    rows: tuple[LogRow, ...]
    """Ascending."""
    failed: tuple[LogFailure, ...]
    overlaps: tuple[str, ...]
    ram: tuple[Span, ...]
    ram_source: str


def log_map(log: BootLog) -> LogMap:
    """Return what a log shows of memory."""
    rows = _rows(log)
    ram, source = ram_of(log)
    return LogMap(
        rows=tuple(sorted(rows, key=lambda row: (row.span, row.name))),
        failed=tuple(_failed(log.said)),
        overlaps=tuple(said.text for said in log.said if said.family == "overlap-pair"),
        ram=ram,
        ram_source=source,
    )


def _rows(log: BootLog) -> list[LogRow]:
    found: dict[tuple[str, int], LogRow] = {}
    order: list[tuple[str, int]] = []
    for said in log.said:
        row = _row(said)
        if row is None:
            continue
        key = (row.name, row.span.start)
        if key not in found and row.name == _UNNAMED:
            # A later line may name what was made here.
            key = next((k for k in order if found[k].span.start == row.span.start), key)
        if key in found:
            found[key] = _merged(found[key], row)
        else:
            found[key] = row
            order.append(key)
    rows = list(_named(found.values()))
    image = kernel_image(log, log.initrd)
    if image is not None:
        rows.append(LogRow(image, "kernel", "kernel", (), ()))
    if log.initrd is not None:
        rows.append(LogRow(log.initrd, "initrd", "initrd", (), ()))
    return rows


_UNNAMED = "pool"


def _row(said: Said) -> LogRow | None:
    if said.family in _PLACING:
        base, size = place_said(said)
        if base is None or not size or size < 0:
            return None
        words = [str(value) for field, value in said.values if field in ("nomap", "reusable")]
        if said.family in POOLS:
            words.append(f"{POOLS[said.family]} pool")
        default = said.family == "cma-reserved"
        name = said.name or (_DEFAULT_NAME if default else _UNNAMED)
        kind = "cma" if default or said.family == "cma-created" else "region"
        return LogRow(Span.sized(base, size), name, kind, tuple(words), (said.line,))
    if said.family in _CRASH:
        base, end = said.get("base"), said.get("end")
        if base is not None and end is not None and base < end:
            return LogRow(Span(base, end), "crash kernel", "crash kernel", (), (said.line,))
    return None


def _merged(one: LogRow, two: LogRow) -> LogRow:
    # A summary is exact to the byte, a pool's line to the MiB.
    exact = two if "map" in two.words or "nomap" in two.words else one
    return LogRow(
        exact.span,
        one.name if one.name != _UNNAMED else two.name,
        "cma" if "cma" in (one.kind, two.kind) else one.kind,
        tuple(dict.fromkeys([*one.words, *two.words])),
        (*one.lines, *two.lines),
    )


def _named(rows: Iterable[LogRow]) -> Iterable[LogRow]:
    # Without the line that names the node, a pool and the summary of its region are one if they begin together.
    whole = list(rows)
    for row in whole:
        if row.name == _UNNAMED and any(
            other is not row and other.span.start == row.span.start for other in whole
        ):
            continue
        yield row


def _failed(said: Iterable[Said]) -> Iterable[LogFailure]:
    for one in said:
        if one.family in _FAILED:
            name = one.name or (_DEFAULT_NAME if one.family == "cma-failed" else "/reserved-memory")
            yield LogFailure(name, _FAILED[one.family], one.text, one.line)
