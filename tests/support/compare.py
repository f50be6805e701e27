# SPDX-License-Identifier: Apache-2.0
"""Where does a simulated boot differ from the recorded one?

Each kind of difference stands alone, so that a kind can be required for one architecture before another. What a
recording does not know is not compared, and `limits()` names it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from support.compare_regions import region_differences
from support.recordings import Dump, RecordedCma, Recording

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from carveout.boot.result import Boot, EarlyMemory, ReservedRange


class Kind(StrEnum):
    """What is compared."""

    LOG = "log"
    """Lines about reserved memory: the same ones in the same order."""
    CMA = "cma"
    """`cma: Reserved` and `cma: Failed to reserve` lines: MiB and base."""
    CMA_TEXT = "cma-text"
    """`cma:` warnings, word by word."""
    CMA_TOTAL = "cma-total"
    """The areas: every recorded base, and as many KiB in all as the `Memory:` line says."""
    CRASHKERNEL = "crashkernel"
    """Lines about crashkernel, word by word."""
    REGIONS = "regions"
    """Placement, pool, driver and outcome of each child of /reserved-memory."""
    MEMORY = "memory"
    """Which memory there is and which of it is NOMAP."""
    MEMORY_FULL = "memory-full"
    """The `memory` list entry by entry, with flags and nodes."""
    RESERVED = "reserved-list"
    """The `reserved` list byte for byte, at the time of the dump."""
    RESERVED_FLAGS = "reserved-flags"
    """The `reserved` list with its flags."""
    RESERVED_LAST = "reserved-last"
    """powerpc: the `reserved` list with its flags at the last dump, where no area is made after it."""
    OUTCOME = "outcome"
    """Whether it boots, and the text of the panic."""


_ALWAYS = frozenset(
    {Kind.LOG, Kind.CMA, Kind.CMA_TEXT, Kind.CMA_TOTAL, Kind.REGIONS, Kind.MEMORY, Kind.OUTCOME}
)
_LISTS = frozenset({Kind.MEMORY_FULL, Kind.RESERVED, Kind.RESERVED_FLAGS, Kind.CRASHKERNEL})
_ALSO: dict[str, frozenset[Kind]] = {
    "arm": _LISTS,
    "arm64": _LISTS,
    "riscv64": _LISTS,
    "ppc64": _LISTS | {Kind.RESERVED_LAST},
}


def required(arch: str) -> frozenset[Kind]:
    """Return the kinds that must agree on an architecture. The others are only reported."""
    return _ALWAYS | _ALSO.get(arch, frozenset())


class Difference(NamedTuple):
    """One difference, as one readable line."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        """Put the kind in front."""
        return f"{self.kind}: {self.text}"


def differences(recorded: Recording, boot: Boot, kinds: Collection[Kind] | None = None) -> list[str]:
    """Return the differences of the given kinds (by default those its architecture requires) as lines."""
    wanted = required(recorded.arch) if kinds is None else kinds
    return [str(found) for found in compare(recorded, boot) if found.kind in wanted]


def compare(recorded: Recording, boot: Boot) -> list[Difference]:
    """Return all differences of all kinds."""
    found = [Difference(Kind.LOG, text) for text in _log(recorded, boot)]
    found += [Difference(Kind.CMA, text) for text in _cma(recorded, boot)]
    found += [Difference(Kind.CMA_TEXT, text) for text in _cma_text(recorded, boot)]
    found += [Difference(Kind.CMA_TOTAL, text) for text in _cma_total(recorded, boot)]
    found += [Difference(Kind.CRASHKERNEL, text) for text in _crashkernel(recorded, boot)]
    found += [Difference(Kind.REGIONS, text) for text in region_differences(recorded, boot)]
    dump = reference_dump(recorded)
    if dump is not None:
        found += [Difference(Kind.MEMORY, text) for text in _memory(dump, boot)]
        found += [Difference(Kind.MEMORY_FULL, text) for text in _memory_full(dump, boot)]
        if has_kernels_tree(recorded):
            found += [Difference(Kind.RESERVED, text) for text in _reserved(dump, boot)]
            found += [Difference(Kind.RESERVED_FLAGS, text) for text in _reserved_flags(dump, boot)]
    found += [Difference(Kind.RESERVED_LAST, text) for text in _reserved_last(recorded, boot)]
    found += [Difference(Kind.OUTCOME, text) for text in _outcome(recorded, boot)]
    return found


def limits(recorded: Recording) -> list[str]:
    """Say what of this boot is not known, so is compared only in part or not at all."""
    said = []
    if recorded.early_console is not None:
        said.append("log: from a second boot without memblock=debug; second lines of overlaps may be missing")
    if recorded.dropped_messages:
        said.append(f"log: the kernel dropped {recorded.dropped_messages} messages; ours may have more lines")
    if _warnings_cut(recorded):
        said.append(f"cma-text: only the first {_WARNINGS_KEPT} warnings of the log were kept")
    if reference_dump(recorded) is None:
        said.append("memory, reserved-list: the boot ended before the memblock dump")
    if not has_kernels_tree(recorded):
        why = "the tree is as before the firmware changed it, of another size"
        said += [f"{kind}: {why}" for kind in (Kind.RESERVED, Kind.RESERVED_FLAGS)]
    if recorded.cma_reserved_kib is None:
        said.append("cma-total: the boot ended before the Memory: line")
    return said


def has_kernels_tree(recorded: Recording) -> bool:
    """Say whether the tree is the one the kernel had: on riscv64 it is read after the boot, if that succeeds."""
    return recorded.arch != "riscv64" or b"mmode_resv" in recorded.dtb


def reference_dump(recorded: Recording) -> Dump | None:
    """Return the dump a simulated early boot is set against: on powerpc the early one."""
    return recorded.dump if recorded.dump_early is None else recorded.dump_early


# ---------------------------------------------------------------------- log

# How the recorder chose the lines; the dump of memblock itself was left out before.
_SELECTED = re.compile(r"[Rr]eserved mem|OVERLAP| overlaps with |defined regions|OF: fdt: ")
_MACHINE_MODEL = re.compile(r"OF: fdt: Machine model")
# Of an early console only lines that begin like this were kept.
_KEPT_EARLY = re.compile(r"(OF: |Reserved memory|OVERLAP|not enough|\S+@\S+ \(0x|cma: )", re.IGNORECASE)
_CMA = re.compile(
    r"cma: (?:(Reserved) (\d+) MiB (?:(?:at|in) (0x[0-9a-f]+)|in \d+ range)|(Failed) to reserve (\d+) MiB)"
)
_IN_RANGES = re.compile(r"cma: Reserved \d+ MiB in \d+ range")
# The part of the recorder's choice of warnings that a `cma:` line can meet.
_WARNS = re.compile(
    r"WARN|BUG|fail|invalid|ignor|overlap|unsupported|not enough|too many|incorrect|unable|exceed|outside"
    r"|must be aligned|not yet supported|out of memory|lost|violate|expected",
    re.IGNORECASE,
)
_WARNINGS_KEPT = 60


def lines_of(boot: Boot) -> list[str]:
    """Return our log line by line: one message may be two lines, as the overlap message is."""
    return [line for text in boot.messages for line in text.split("\n")]


def selected(lines: Iterable[str]) -> list[str]:
    """Return the lines the recorder would have chosen as being about reserved memory."""
    return [line for line in lines if _SELECTED.search(line) and not _MACHINE_MODEL.match(line)]


def _log(recorded: Recording, boot: Boot) -> list[str]:
    ours = selected(lines_of(boot))
    if recorded.early_console is not None:
        theirs = selected(recorded.early_console.messages)
        ours = [line for line in ours if _KEPT_EARLY.match(line)]
    else:
        theirs = selected(recorded.messages)
    return _sequence_differences(theirs, ours, may_have_more=recorded.dropped_messages > 0)


def _sequence_differences(theirs: Sequence[str], ours: Sequence[str], *, may_have_more: bool) -> list[str]:
    """Say how our lines differ from the kernel's. may_have_more: the kernel's are known to have gaps."""
    if list(theirs) == list(ours) or (may_have_more and _is_subsequence(theirs, ours)):
        return []
    missing, extra = _left_over(theirs, ours), _left_over(ours, theirs)
    if not missing and (may_have_more or not extra):
        at = next(i for i, pair in enumerate(zip(theirs, ours, strict=False)) if pair[0] != pair[1])
        return [f"order differs from line {at + 1}: kernel {theirs[at]!r}, carveout {ours[at]!r}"]
    found = [f"missing {line!r}" for line in missing]
    return found if may_have_more else found + [f"not in the kernel's: {line!r}" for line in extra]


def _is_subsequence(part: Sequence[str], whole: Sequence[str]) -> bool:
    rest = iter(whole)
    return all(line in rest for line in part)


def _left_over(lines: Sequence[str], taken: Sequence[str]) -> list[str]:
    """Return what of `lines` is not in `taken`, counting repeats."""
    rest = list(taken)
    left = []
    for line in lines:
        if line in rest:
            rest.remove(line)
        else:
            left.append(line)
    return left


# ---------------------------------------------------------------------- cma


def reduced_cma(lines: Iterable[str]) -> list[RecordedCma]:
    """Return the `cma:` lines as the recorder kept them."""
    found = []
    for line in lines:
        match = _CMA.match(line)
        if match:
            base = None if match[3] is None else int(match[3], 16)
            found.append(RecordedCma(match[1] is not None, int(match[2] or match[5]), base))
    return found


def recorded_cma(recorded: Recording) -> list[RecordedCma]:
    """Return the `cma:` lines of a recording, from the early console where there is nothing else."""
    if recorded.early_console is not None:
        return reduced_cma(recorded.early_console.messages)
    return list(recorded.cma)


def _cma_words(area: RecordedCma) -> str:
    if not area.ok:
        return f"{area.mib} MiB failed"
    return f"{area.mib} MiB at " + ("some place" if area.base is None else f"0x{area.base:x}")


def _cma(recorded: Recording, boot: Boot) -> list[str]:
    theirs = [_cma_words(area) for area in recorded_cma(recorded)]
    ours = [_cma_words(area) for area in reduced_cma(lines_of(boot))]
    return _sequence_differences(theirs, ours, may_have_more=recorded.dropped_messages > 0)


def _warnings(recorded: Recording) -> tuple[str, ...]:
    return recorded.warnings if recorded.early_console is None else recorded.early_console.warnings


def _warnings_cut(recorded: Recording) -> bool:
    return len(_warnings(recorded)) >= _WARNINGS_KEPT


def _cma_text(recorded: Recording, boot: Boot) -> list[str]:
    theirs = [line for line in _warnings(recorded) if line.startswith("cma: ")]
    ours = [line for line in lines_of(boot) if line.startswith("cma: ") and _WARNS.search(line)]
    incomplete = recorded.dropped_messages > 0 or _warnings_cut(recorded)
    return _sequence_differences(theirs, list(dict.fromkeys(ours)), may_have_more=incomplete)


def _cma_total(recorded: Recording, boot: Boot) -> list[str]:
    found = []
    regions = recorded.regions if recorded.early_console is None else recorded.early_console.regions
    bases = [area.base for area in recorded_cma(recorded) if area.base is not None]
    bases += [region.base for region in regions if region.pool == "cma" and region.base is not None]
    ours = [area.base for area in boot.cma]
    found += [f"no area at 0x{base:x}" for base in bases if base not in ours]
    if recorded.cma_reserved_kib is not None:
        total = sum(area.size for area in boot.cma) // 1024
        if total != recorded.cma_reserved_kib:
            found.append(f"kernel has {recorded.cma_reserved_kib} KiB in areas, carveout {total} KiB")
    return found


def _crashkernel(recorded: Recording, boot: Boot) -> list[str]:
    ours = [line for line in lines_of(boot) if "crashkernel" in line.lower()]
    if recorded.early_console is not None:
        return []
    return _sequence_differences(recorded.crashkernel, ours, may_have_more=recorded.dropped_messages > 0)


# ------------------------------------------------------------------ memblock


def _merged(entries: Iterable[tuple[int, int, bool]]) -> list[tuple[int, int, bool]]:
    """Join neighbours with the same NOMAP mark: where a node ends does not matter here."""
    out: list[tuple[int, int, bool]] = []
    for base, size, nomap in sorted(entries):
        if out and out[-1][2] == nomap and out[-1][0] + out[-1][1] == base:
            out[-1] = (out[-1][0], out[-1][1] + size, nomap)
        else:
            out.append((base, size, nomap))
    return out


_NOMAP = 4


def _lists(boot: Boot) -> Boot | EarlyMemory:
    # Set against the reference dump: of an early moment, where the architecture has one.
    return boot.early or boot


def _memory(dump: Dump, boot: Boot) -> list[str]:
    theirs = _merged((e.base, e.size, bool(e.flags & _NOMAP)) for e in dump.memory)
    ours = _merged((m.base, m.size, m.nomap) for m in _lists(boot).memory)
    return _list_differences(
        [f"{_place(base, size)}{' NOMAP' if nomap else ''}" for base, size, nomap in theirs],
        [f"{_place(base, size)}{' NOMAP' if nomap else ''}" for base, size, nomap in ours],
    )


def _memory_full(dump: Dump, boot: Boot) -> list[str]:
    # A kernel without NUMA names no node, and neither need the simulation.
    nodes = all(e.nid is not None for e in dump.memory) and all(
        m.nid is not None for m in _lists(boot).memory
    )
    return _list_differences(
        [
            f"{_place(e.base, e.size)} flags {e.flags:#x}{f' node {e.nid}' if nodes else ''}"
            for e in dump.memory
        ],
        [
            f"{_place(m.base, m.size)} flags {m.flags:#x}{f' node {m.nid}' if nodes else ''}"
            for m in _lists(boot).memory
        ],
    )


def _reserved(dump: Dump, boot: Boot) -> list[str]:
    return _list_differences(
        [_place(e.base, e.size) for e in dump.reserved],
        [_place(r.base, r.size) for r in _until_dump(boot)],
    )


def _until_dump(boot: Boot) -> list[ReservedRange]:
    # 7.2 makes areas for huge pages behind its last dump: the only ones that say nothing of their place.
    later = any(_IN_RANGES.match(line) for line in lines_of(boot))
    return [r for r in _lists(boot).reserved if not (later and r.who.startswith("hugetlb cma"))]


def _reserved_flags(dump: Dump, boot: Boot) -> list[str]:
    return _list_differences(
        [f"{_place(e.base, e.size)} flags {e.flags:#x}" for e in dump.reserved],
        [f"{_place(r.base, r.size)} flags {r.flags:#x}" for r in _until_dump(boot)],
    )


def _reserved_last(recorded: Recording, boot: Boot) -> list[str]:
    # What powerpc allocates between its last dump and its contiguous area is in no dump.
    if recorded.arch != "ppc64" or boot.early is None or recorded.dump is None or recorded.cma:
        return []
    return _list_differences(
        [f"{_place(e.base, e.size)} flags {e.flags:#x}" for e in recorded.dump.reserved],
        [f"{_place(r.base, r.size)} flags {r.flags:#x}" for r in boot.reserved],
    )


def _place(base: int, size: int) -> str:
    return f"[0x{base:x}, 0x{base + size:x})"


def _list_differences(theirs: Sequence[str], ours: Sequence[str]) -> list[str]:
    if theirs == ours:
        return []
    found = [f"missing {entry}" for entry in _left_over(theirs, ours)]
    found += [f"not in the kernel's: {entry}" for entry in _left_over(ours, theirs)]
    return found or [f"order differs: kernel {', '.join(theirs)}; carveout {', '.join(ours)}"]


# ------------------------------------------------------------------- outcome


def _outcome(recorded: Recording, boot: Boot) -> list[str]:
    # `exit`: QEMU ended without a word. All that is known is that the boot failed.
    same = boot.outcome != "ok" if recorded.outcome == "exit" else boot.outcome == recorded.outcome
    if not same:
        return [f"kernel {recorded.outcome} ({recorded.panic}), carveout {boot.outcome} ({boot.failure})"]
    if recorded.panic is not None and boot.failure != recorded.panic:
        return [f"kernel panics with {recorded.panic!r}, carveout with {boot.failure!r}"]
    return []
