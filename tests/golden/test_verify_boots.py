# SPDX-License-Identifier: Apache-2.0
"""Every recorded boot, turned back into a log and into the files of the running machine, verifies; one thing changed is told.

Expected values are the recordings. A sample runs always, all of them with the slow tests.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from carveout.boot.result import Exactness
from carveout.boot.scene import Scene
from carveout.observe.iomem import parse_iomem
from carveout.observe.item import Standing
from carveout.observe.log import read_log
from carveout.observe.log_messages import find
from carveout.observe.memory_files import parse_memblock, parse_meminfo
from carveout.observe.verification import Evidence
from carveout.observe.verify import verify
from support.agreement import _board
from support.logs import joined, lines_of, log_of, mutations
from support.recordings import recordings, scene_of

if TYPE_CHECKING:
    from carveout.observe.item import Item
    from carveout.observe.verification import Verification
    from support.logs import Mutation
    from support.recordings import Recording

_SAMPLE = 29
_PARTS = 8
"""The slow tests are in parts, so that several processes share them."""


def with_logs() -> list[Recording]:
    # A boot that died before its console worked left only what a second boot showed. And recordings do not have the
    # node of an area, which 6.12 prints: -1, but for areas of a node.
    return [
        recorded
        for recorded in recordings()
        if recorded.early_console is None
        and not (recorded.release.startswith("6.12") and "hugetlb_cma=" in recorded.cmdline)
    ]


def sample() -> list[Recording]:
    return with_logs()[::_SAMPLE]


def scene(recorded: Recording) -> Scene:
    """What no log shows: where things were put. Kernel and command line are in the log."""
    return replace(scene_of(recorded), kernel=None, cmdline=None)


def check_whole(recorded: Recording) -> str | None:
    result = verify(_board(recorded.dtb), scene(recorded), Evidence(log=read_log([log_of(recorded)])))
    if result.differences or result.deductions:
        return f"{recorded.id}: {told(result)}"
    if result.boot.exactness is not result.exactness:
        return f"{recorded.id}: {result.exactness}"
    missed = result.evidence.log.boot.missed if result.evidence.log is not None else ()
    return f"{recorded.id}: not understood: {missed}" if missed else None


def check_alone(recorded: Recording) -> str | None:
    """With nothing but the log: what differs has to be laid at the door of what the scene leaves open."""
    if recorded.fields.get("efi") is not None:
        return None
    result = verify(_board(recorded.dtb), Scene(), Evidence(log=read_log([log_of(recorded)])))
    if result.differences:
        return f"{recorded.id}: {told(result)}"
    return None if result.exactness is not Exactness.EXACT else f"{recorded.id}: called exact"


def check_mutation(recorded: Recording, mutation: Mutation) -> str | None:
    log = read_log([joined(mutation.lines)])
    result = verify(_board(recorded.dtb), scene(recorded), Evidence(log=log))
    # A build that was not booted may have other words and another configuration: that is supposed, and said.
    is_open = result.boot.exactness is not Exactness.EXACT
    if is_open and not result.differences and (is_wording(mutation) or result.deductions):
        return None
    other = [item for item in result.differences if not is_of(item, mutation)]
    if result.differences and not other and all(item.cause is not None for item in result.differences):
        return None
    return f"{recorded.id}: {mutation.what} {mutation.before!r}: {told(result)}"


def is_wording(mutation: Mutation) -> bool:
    # A letter was changed, and no number or name is another: another build than the booted one may have other words.
    before = find(mutation.before)
    after = find(mutation.lines[mutation.number - 1]) if mutation.number else None
    if before is None or after is None:
        return False
    return set(after.values) <= set(before.values) and after.name == before.name


def is_of(item: Item, mutation: Mutation) -> bool:
    # The line that was changed is seen, or the one that was there is missed.
    if item.line is not None and item.line == mutation.number:
        return True
    return item.predicted == mutation.before and (
        mutation.number == 0 or item.standing is Standing.ONLY_PREDICTED
    )


def told(result: Verification) -> list[tuple[str, str | None, str | None]]:
    return [(str(item.standing), item.seen, item.predicted) for item in result.differences]


def mutated(recorded: Recording) -> list[Mutation]:
    return list(mutations(lines_of(recorded), random.Random(recorded.id), 3))


def test_a_sample_of_boots_verifies() -> None:
    assert [text for recorded in sample() if (text := check_whole(recorded))] == []


def test_a_sample_of_boots_verifies_with_the_log_alone() -> None:
    assert [text for recorded in sample() if (text := check_alone(recorded))] == []


def test_what_was_changed_in_a_sample_is_told() -> None:
    found = [check_mutation(recorded, one) for recorded in sample() for one in mutated(recorded)]
    assert len(found) > 50
    assert [text for text in found if text] == []


def test_another_configuration_is_not_supposed_against_the_logs_own_numbers() -> None:
    """The line of the default area is damaged; `Memory:` still counts the area, so that the kernel has CMA."""
    recorded = next(r for r in recordings() if r.id == "real-hip07-d05-lean__6.12.117+deb13-arm64-16k")
    lines = [line.replace("cma: Reserved 64 MiB", "cma: Reserved 64 MaB") for line in lines_of(recorded)]
    assert lines != lines_of(recorded)
    result = verify(_board(recorded.dtb), scene(recorded), Evidence(log=read_log([joined(lines)])))
    assert result.deductions == ()
    assert [area.size for area in result.boot.cma if area.is_default] == [64 << 20]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_every_boot_verifies(part: int) -> None:
    assert [text for recorded in with_logs()[part::_PARTS] if (text := check_whole(recorded))] == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_every_boot_verifies_with_the_log_alone(part: int) -> None:
    assert [text for recorded in with_logs()[part::_PARTS] if (text := check_alone(recorded))] == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_what_was_changed_in_any_boot_is_told(part: int) -> None:
    found = [
        check_mutation(recorded, one) for recorded in with_logs()[part::_PARTS] for one in mutated(recorded)
    ]
    assert [text for text in found if text] == []


# ------------------------------------------------------------------ files of the running machine


def probed() -> list[Recording]:
    return [recorded for recorded in recordings() if recorded.fields.get("probe")]


def memblock_list(rows: list[list[str]]) -> str:
    lines = []
    for number, (base, size, *flags) in enumerate(rows):
        first = int(base, 16)
        text = f"{number:4}: 0x{first:016x}..0x{first + int(size, 16) - 1:016x}"
        lines.append(f"{text} {0:4} {flags[0]}" if flags else text)
    return "\n".join(lines) + "\n"


def files_of(probe: dict[str, Any]) -> Evidence:
    # A boot that showed less than the others has less to be reconciled.
    meminfo = "".join(f"{name}: {kib} kB\n" for name, kib in probe.get("meminfo_kib", {}).items())
    lists = {
        name: memblock_list(probe[f"memblock_{name}"])
        for name in ("memory", "reserved")
        if f"memblock_{name}" in probe
    }
    return Evidence(
        iomem=parse_iomem("\n".join(probe["files"]["/proc/iomem"])),
        memblock=parse_memblock(lists) if lists else None,
        meminfo=parse_meminfo(meminfo) if meminfo else None,
    )


def test_the_files_of_every_probed_boot_are_reconciled() -> None:
    wrong = []
    for recorded in probed():
        evidence = files_of(recorded.fields["probe"])
        result = verify(_board(recorded.dtb), scene_of(recorded), evidence)
        if result.differences or not any(item.standing is Standing.AGREES for item in result.items):
            wrong.append((recorded.id, told(result)))
    assert len(probed()) > 100
    assert wrong == []


def test_a_file_of_another_boot_is_told() -> None:
    """RAM of one machine against the tree of another."""
    one, two = (
        next(r for r in probed() if r.scenario == name and r.arch == "arm64")
        for name in ("dyn-nomap", "numa-2-6g")
    )
    result = verify(_board(one.dtb), scene_of(one), files_of(two.fields["probe"]))
    assert "RAM" in {item.subject for item in result.differences}
