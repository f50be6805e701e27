# SPDX-License-Identifier: Apache-2.0
"""A recorded boot turned back into a kernel's log, as far as the recording has it, and logs made worse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from carveout.observe.log_messages import find

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from support.recordings import Recording

STAMP = "[    0.000000] "
_FIRST = {
    "arm64": "Booting Linux on physical CPU 0x0000000000 [0x410fd034]",
    "arm": "Booting Linux on physical CPU 0x0",
    "riscv64": "SBI specification v1.0 detected",
    "ppc64": "dt-cpu-ftrs: setup for ISA 3000",
}
_DIGITS = {"arm": 8}


def lines_of(recorded: Recording, *, dump: bool = True) -> list[str]:
    """Return the lines that are known of a boot's log, in the order the kernel prints them, without stamps."""
    fields = recorded.fields
    lines = [_FIRST[recorded.arch], f"Linux version {recorded.release} (a@b) (gcc) #1 SMP"]
    lines += [] if fields.get("efi") is None else fields["efi"]["messages"]
    lines += [*recorded.messages, *recorded.crashkernel]
    lines += [line for line in recorded.warnings if line.startswith("cma:")]
    lines += _cma_lines(recorded)
    if dump and recorded.dump is not None:
        for one in (recorded.dump_early, recorded.dump):
            lines += [] if one is None else _dump_lines(one)
    if fields.get("zones"):
        lines.append("Zone ranges:")
        lines += [_zone(name, place) for name, place in fields["zones"].items()]
    lines.append(f"Kernel command line: {recorded.cmdline}")
    memory = fields["memory_line"]
    if memory is not None:
        lines.append(
            f"Memory: {memory['available_kib']}K/{memory['total_kib']}K available (1K kernel code, "
            f"{memory['reserved_kib']}K reserved, {memory.get('cma_reserved_kib', 0)}K cma-reserved)"
        )
    if recorded.panic:
        lines.append(f"Kernel panic - not syncing: {recorded.panic}")
    return lines


def log_of(recorded: Recording, *, dump: bool = True) -> bytes:
    """Return a boot's log with time stamps."""
    return joined(lines_of(recorded, dump=dump))


def joined(lines: Sequence[str], stamp: str = STAMP) -> bytes:
    """Return lines as the bytes of a log."""
    return "".join(f"{stamp}{line}\n" for line in lines).encode()


def _cma_lines(recorded: Recording) -> list[str]:
    digits = _DIGITS.get(recorded.arch, 16)
    node = " on node -1" if recorded.release.startswith("6.12") else ""
    # An area that may be of several ranges, as 7.2 makes them for huge pages, says nothing of its place.
    return [
        f"cma: Reserved {area.mib} MiB "
        + ("in 1 range" if area.base is None else f"at 0x{area.base:0{digits}x}{node}")
        for area in recorded.cma
        if area.ok
    ]


def _dump_lines(dump: Any) -> list[str]:
    lines = ["MEMBLOCK configuration:"]
    for name, entries in (("memory", dump.memory), ("reserved", dump.reserved)):
        for number, entry in enumerate(entries):
            node = "" if entry.nid is None else f" on node {entry.nid}"
            last = entry.base + entry.size - 1
            lines.append(
                f" {name}[0x{number:x}]\t[0x{entry.base:016x}-0x{last:016x}], 0x{entry.size:016x} bytes{node} "
                f"flags: 0x{entry.flags:x}"
            )
    return lines


def _zone(name: str, place: Mapping[str, str] | None) -> str:
    if place is None:
        return f"  {name:<8} empty"
    return f"  {name:<8} [mem 0x{int(place['base'], 16):016x}-0x{int(place['end'], 16) - 1:016x}]"


# ------------------------------------------------------------------ one thing changed


class Mutation(NamedTuple):
    """A log with one line changed or gone."""

    what: str
    lines: list[str]
    number: int
    """The line of the log, from 1, that was changed; 0 when it is gone."""
    before: str


_DECIDING = (
    "summary", "cma-created", "dma-created", "initialized", "matching-fail", "alloc-failed", "reserve-failed",
    "cma-reserved", "cma-failed", "overlap-pair", "unsupported-format",
)  # fmt: skip
_HEX = re.compile(r"0x[0-9a-f]{6,}")


def mutations(lines: list[str], rng: random.Random, count: int) -> Iterator[Mutation]:
    """Yield logs with one line about a region changed, one gone, or one address moved."""
    places = [
        number
        for number, line in enumerate(lines)
        if (said := find(line)) is not None and said.family in _DECIDING and lines.count(line) == 1
    ]
    for _ in range(count if places else 0):
        number = rng.choice(places)
        line = lines[number]
        what = rng.choice(("removed", "moved", "changed"))
        if what == "removed":
            yield Mutation(what, lines[:number] + lines[number + 1 :], 0, line)
            continue
        changed = _moved(line, rng) if what == "moved" else _changed(line, rng)
        if changed is not None and changed != line:
            yield Mutation(what, [*lines[:number], changed, *lines[number + 1 :]], number + 1, line)


def _moved(line: str, rng: random.Random) -> str | None:
    found = list(_HEX.finditer(line))
    if not found:
        return None
    match = rng.choice(found)
    value = int(match[0], 16) ^ (1 << rng.randrange(12, 31))
    return f"{line[: match.start()]}0x{value:0{len(match[0]) - 2}x}{line[match.end() :]}"


def _changed(line: str, rng: random.Random) -> str | None:
    # A digit or a letter of a name, of a size, or of the words.
    places = [at for at, char in enumerate(line) if char.isalnum()]
    at = rng.choice(places)
    char = line[at]
    other = rng.choice(
        [c for c in ("0123456789" if char.isdigit() else "abcdefghijklmnopqrstuvwxyz") if c != char]
    )
    return line[:at] + other + line[at + 1 :]
