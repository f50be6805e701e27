# SPDX-License-Identifier: Apache-2.0
"""The comparison finds nothing in a boot made from the recording itself, and everything that is then changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from carveout.boot.result import Boot, BootOutcome, LogLine, MemoryRange, Outcome, PlacedRegion, ReservedRange
from support.compare import Kind, compare, differences, limits, required, selected
from support.recordings import Recording, recording, recordings
from support.synthetic import boot_of

if TYPE_CHECKING:
    from collections.abc import Callable

# Enough of every architecture and of every odd boot; test_nothing_is_found takes all.
_SAMPLE = [r for i, r in enumerate(recordings()) if i % 6 == 0 or r.early_console or r.outcome != "ok"]


def test_nothing_is_found_in_the_recorded_boots_themselves() -> None:
    found = {r.id: compare(r, boot_of(r)) for r in recordings()}
    assert {name: lines for name, lines in found.items() if lines} == {}


# ----------------------------------------------------------------- one change each
# Each returns the changed boot, or None where the recording has nothing to change.


def _line(boot: Boot, wanted: Callable[[str], bool]) -> int | None:
    return next((i for i, line in enumerate(boot.log_lines) if wanted(line.text)), None)


def _about_reserved_memory(text: str) -> bool:
    return bool(selected([text]))


def _cma_said(text: str) -> bool:
    return text.startswith(("cma: Reserved", "cma: Failed"))


def _without(boot: Boot, at: int | None) -> Boot | None:
    return None if at is None else replace(boot, log_lines=boot.log_lines[:at] + boot.log_lines[at + 1 :])


def _log_line_lost(boot: Boot) -> Boot | None:
    return _without(boot, _line(boot, _about_reserved_memory))


def _log_line_twice(boot: Boot) -> Boot | None:
    at = _line(boot, _about_reserved_memory)
    return None if at is None else replace(boot, log_lines=(*boot.log_lines, boot.log_lines[at]))


def _log_line_more(boot: Boot) -> Boot | None:
    line = LogLine(text="OF: reserved mem: node x compatible matching fail", level="info", step=0)
    return replace(boot, log_lines=(*boot.log_lines, line))


def _log_line_changed(boot: Boot) -> Boot | None:
    at = _line(boot, _about_reserved_memory)
    if at is None:
        return None
    lines = list(boot.log_lines)
    lines[at] = lines[at]._replace(text=lines[at].text + " ")
    return replace(boot, log_lines=tuple(lines))


def _log_order(boot: Boot) -> Boot | None:
    lines = [line for line in boot.log_lines if _about_reserved_memory(line.text)]
    if len({line.text for line in lines}) < 2:
        return None
    return replace(boot, log_lines=(*lines[::-1], *(line for line in boot.log_lines if line not in lines)))


def _cma_line_lost(boot: Boot) -> Boot | None:
    return _without(boot, _line(boot, _cma_said))


def _cma_line_more(boot: Boot) -> Boot | None:
    line = LogLine(text="cma: Reserved 64 MiB at 0x12300000", level="info", step=0)
    return replace(boot, log_lines=(*boot.log_lines, line))


def _cma_warning_more(boot: Boot) -> Boot | None:
    line = LogLine(text="cma: Region at 0x1 must be aligned to 0x2 bytes", level="err", step=0)
    return replace(boot, log_lines=(*boot.log_lines, line))


def _area_elsewhere(boot: Boot) -> Boot | None:
    if not boot.cma:
        return None
    return replace(boot, cma=(replace(boot.cma[0], base=boot.cma[0].base + 0x200000), *boot.cma[1:]))


def _crashkernel_line_more(boot: Boot) -> Boot | None:
    line = LogLine(text="crashkernel reserved: 0x1 - 0x2 (1 MB)", level="info", step=0)
    return replace(boot, log_lines=(*boot.log_lines, line))


def _placed(boot: Boot) -> PlacedRegion | None:
    return next((r for r in boot.regions if r.base is not None and r.outcome is Outcome.PLACED), None)


def _with(boot: Boot, old: PlacedRegion, new: PlacedRegion) -> Boot:
    return replace(boot, regions=tuple(new if region is old else region for region in boot.regions))


def _region_elsewhere(boot: Boot) -> Boot | None:
    one = _placed(boot)
    if one is None or one.base is None:
        return None
    return _with(boot, one, replace(one, base=one.base + 0x1000))


def _region_smaller(boot: Boot) -> Boot | None:
    one = next((r for r in boot.regions if r.size and r.outcome is Outcome.PLACED), None)
    if one is None or one.size is None:
        return None
    return _with(boot, one, replace(one, size=one.size - 1))


def _region_lost(boot: Boot) -> Boot | None:
    return replace(boot, regions=boot.regions[1:]) if boot.regions else None


def _region_failed(boot: Boot) -> Boot | None:
    one = _placed(boot)
    return None if one is None else _with(boot, one, replace(one, outcome=Outcome.ALLOC_FAILED))


def _region_kept(boot: Boot) -> Boot | None:
    failed = (Outcome.RELEASED, Outcome.ALLOC_FAILED, Outcome.RESERVE_FAILED)
    one = next((r for r in boot.regions if r.outcome in failed), None)
    return None if one is None else _with(boot, one, replace(one, outcome=Outcome.PLACED))


def _region_more(boot: Boot) -> Boot | None:
    one = _placed(boot)
    if one is None:
        return None
    return replace(boot, regions=(*boot.regions, replace(one, path="/reserved-memory/x", name="x")))


def _pool_more(boot: Boot) -> Boot | None:
    one = _placed(boot)
    return None if one is None else _with(boot, one, replace(one, pool="restricted"))


def _driver_more(boot: Boot) -> Boot | None:
    one = _placed(boot)
    return None if one is None else _with(boot, one, replace(one, driver="a,driver"))


def _memory_more(boot: Boot) -> Boot | None:
    if not boot.memory:
        return None
    return replace(boot, memory=(*boot.memory, MemoryRange(base=1 << 50, size=4096, nomap=False)))


def _nomap_lost(boot: Boot) -> Boot | None:
    if not any(m.nomap for m in boot.memory):
        return None
    return replace(boot, memory=tuple(replace(m, nomap=False) for m in boot.memory))


def _memory_split(boot: Boot) -> Boot | None:
    if not boot.memory:
        return None
    first = boot.memory[0]
    halves = (replace(first, size=4096), replace(first, base=first.base + 4096, size=first.size - 4096))
    return replace(boot, memory=(*halves, *boot.memory[1:]))


def _memory_flag(boot: Boot) -> Boot | None:
    if not boot.memory:
        return None
    return replace(boot, memory=(replace(boot.memory[0], flags=boot.memory[0].flags ^ 1), *boot.memory[1:]))


def _reserved_more(boot: Boot) -> Boot | None:
    if not boot.reserved:
        return None
    return replace(boot, reserved=(*boot.reserved, ReservedRange(base=1 << 50, size=4096, who="?")))


def _reserved_one_byte(boot: Boot) -> Boot | None:
    if not boot.reserved:
        return None
    last = boot.reserved[-1]
    return replace(boot, reserved=(*boot.reserved[:-1], replace(last, size=last.size + 1)))


def _reserved_flag(boot: Boot) -> Boot | None:
    if not boot.reserved:
        return None
    last = boot.reserved[-1]
    return replace(boot, reserved=(*boot.reserved[:-1], replace(last, flags=last.flags ^ 0x20)))


def _other_outcome(boot: Boot) -> Boot | None:
    return replace(boot, outcome=BootOutcome.OK if boot.outcome != "ok" else BootOutcome.PANIC)


def _other_panic(boot: Boot) -> Boot | None:
    return None if boot.failure is None else replace(boot, failure="Attempted to do something else")


_CHANGES: list[tuple[Kind, Callable[[Boot], Boot | None]]] = [
    (Kind.LOG, _log_line_lost),
    (Kind.LOG, _log_line_twice),
    (Kind.LOG, _log_line_more),
    (Kind.LOG, _log_line_changed),
    (Kind.LOG, _log_order),
    (Kind.CMA, _cma_line_lost),
    (Kind.CMA, _cma_line_more),
    (Kind.CMA_TEXT, _cma_warning_more),
    (Kind.CMA_TOTAL, _area_elsewhere),
    (Kind.REGIONS, _region_elsewhere),
    (Kind.REGIONS, _region_smaller),
    (Kind.REGIONS, _region_lost),
    (Kind.REGIONS, _region_failed),
    (Kind.REGIONS, _region_kept),
    (Kind.REGIONS, _region_more),
    (Kind.REGIONS, _pool_more),
    (Kind.REGIONS, _driver_more),
    (Kind.MEMORY, _memory_more),
    (Kind.MEMORY, _nomap_lost),
    (Kind.MEMORY_FULL, _memory_split),
    (Kind.MEMORY_FULL, _memory_flag),
    (Kind.RESERVED, _reserved_more),
    (Kind.RESERVED, _reserved_one_byte),
    (Kind.RESERVED_FLAGS, _reserved_flag),
    (Kind.OUTCOME, _other_outcome),
    (Kind.OUTCOME, _other_panic),
]


@pytest.mark.parametrize(
    ("kind", "change"), _CHANGES, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_each_change_is_found(kind: Kind, change: Callable[[Boot], Boot | None]) -> None:
    changed = [(r, boot) for r in _SAMPLE if (boot := change(boot_of(r))) is not None]
    # Not where the recording is known to end too early to tell.
    changed = [(r, boot) for r, boot in changed if not any(said.startswith(kind) for said in limits(r))]
    assert len(changed) > 5
    unseen = [r.id for r, boot in changed if kind not in {found.kind for found in compare(r, boot)}]
    assert unseen == []


def test_a_crashkernel_line_is_found() -> None:
    recorded = recording("crash-at__6.12.107+deb13-arm64")
    boot = _crashkernel_line_more(boot_of(recorded))
    assert boot is not None
    assert [found.kind for found in compare(recorded, boot)] == [Kind.CRASHKERNEL]


# ----------------------------------------------------------------- what is not known


def test_a_log_with_gaps_has_to_be_part_of_ours() -> None:
    whole = next(r for r in recordings(arch="arm64") if len(set(r.messages)) >= 4)
    boot = boot_of(whole)
    gaps = replace(whole, messages=whole.messages[:1] + whole.messages[2:], dropped_messages=1)
    assert compare(gaps, boot) == []
    assert differences(replace(gaps, messages=gaps.messages[::-1]), boot, [Kind.LOG])
    assert differences(replace(gaps, messages=(*gaps.messages, "OF: fdt: x")), boot, [Kind.LOG]) == [
        "log: missing 'OF: fdt: x'"
    ]
    assert [line for line in limits(gaps) if "dropped 1" in line]


def test_candidates_must_be_taken_once() -> None:
    recorded = recording("dyn-12-same__5.10.0-32-arm64")
    boot = boot_of(recorded)
    one, two = boot.regions[:2]
    same = _with(boot, two, replace(two, base=one.base))
    assert differences(recorded, same) == [f"regions: {two.name} and {one.name} are both at 0x{one.base:x}"]
    nowhere = _with(boot, one, replace(one, base=None, outcome=Outcome.ALLOC_FAILED))
    assert len(differences(recorded, nowhere)) == 2


def test_a_region_that_was_not_placed_must_stay_so() -> None:
    recorded = recording("dyn-range-short__6.12.107+deb13-arm64")
    boot = boot_of(recorded)
    one = next(r for r in boot.regions if r.base is None)
    found = differences(recorded, _with(boot, one, replace(one, base=0x1000, outcome=Outcome.PLACED)))
    assert len(found) == 2


def test_a_memory_list_may_be_split_where_only_the_whole_counts() -> None:
    recorded = recordings(arch="arm64")[0]
    boot = _memory_split(boot_of(recorded))
    assert boot is not None
    assert {found.kind for found in compare(recorded, boot)} == {Kind.MEMORY_FULL}


def test_an_exit_without_a_word_is_only_known_to_have_failed() -> None:
    recorded = recordings(arch="arm64")[0]
    gone: Recording = replace(recorded, outcome="exit")
    assert differences(gone, boot_of(recorded), [Kind.OUTCOME])
    assert not differences(gone, replace(boot_of(recorded), outcome=BootOutcome.HANG), [Kind.OUTCOME])


def test_more_is_required_where_the_dump_can_be_met() -> None:
    assert Kind.RESERVED_LAST in required("ppc64")
    assert Kind.RESERVED_LAST not in required("riscv64")
    for arch in ("arm64", "arm", "riscv64", "ppc64"):
        assert {
            Kind.RESERVED,
            Kind.RESERVED_FLAGS,
            Kind.LOG,
            Kind.CMA,
            Kind.REGIONS,
            Kind.MEMORY,
            Kind.OUTCOME,
        } <= required(arch)
