# SPDX-License-Identifier: Apache-2.0
"""What is known about versions between the booted ones, and that the table of changes can be trusted."""

from __future__ import annotations

import pytest

from carveout.kernel import profile as profiles
from carveout.kernel import resolve
from carveout.kernel.behaviour import Behaviour
from carveout.kernel.changes import CHANGES, Change
from carveout.kernel.knowledge import (
    BOOTED_HOW,
    OPEN_HOW,
    READ_HOW,
    SAME_HOW,
    builds,
    choices,
    described,
    differences,
    field_knowledge,
    neighbours,
)
from carveout.kernel.release import BOOTED, parse_release, series_key

TEN = ("5.10", "5.15", "5.16", "6.1", "6.4", "6.6", "6.8", "6.12", "6.15", "7.0", "7.2")
BOOTED_SERIES = [booted.series for booted in BOOTED]


@pytest.mark.parametrize("kernel", TEN)
def test_ten_versions_resolve_with_what_is_different_from_their_neighbours(kernel: str) -> None:
    profile = resolve(kernel, arch="arm64")
    assert bool(profile.doubts) == (kernel not in BOOTED_SERIES)
    before, after = neighbours(kernel)
    assert before is not None or after is not None
    # All that lies between the neighbours lies on one of the two sides.
    if before is not None and after is not None and kernel not in BOOTED_SERIES:
        both = {item.name for item in differences(before, kernel)}
        both |= {item.name for item in differences(kernel, after)}
        assert {item.name for item in differences(before, after)} <= both


def test_a_booted_kernel_has_no_open_field() -> None:
    for series in BOOTED_SERIES:
        assert {item.how for item in field_knowledge(series)} == {BOOTED_HOW}


def test_fields_between_are_the_same_read_or_open() -> None:
    known = {item.name: item for item in field_knowledge("6.6")}
    assert known["memreserve"].how == READ_HOW  # since 6.4
    assert known["region_table"].how == READ_HOW  # not before 6.12
    assert known["device_lookup"].how == OPEN_HOW
    assert known["dynamic_nomap"].how == SAME_HOW
    assert {item.name for item in known.values() if item.how == OPEN_HOW} == {
        change.field for change in profiles.open_changes(parse_release("6.6"))
    }


def test_a_release_counts_from_itself_on() -> None:
    assert [resolve(v, arch="arm64").behaviour.memreserve for v in ("6.3", "6.4", "6.5")] == [
        "first", "last", "last",
    ]  # fmt: skip


def test_what_narrows_a_change_narrows_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    change = Change("6.12", "memblock_full", "panic", not_before="6.5", seen="6.9")
    monkeypatch.setattr(profiles, "CHANGES", (change,))
    resolve.__globals__["_resolve"].cache_clear()
    try:
        is_open = [
            bool(profiles.open_changes(parse_release(v))) for v in ("6.4", "6.5", "6.8", "6.9", "6.11")
        ]
        assert is_open == [False, True, True, False, False]
        values = [resolve(v, arch="arm64").behaviour.memblock_full for v in ("6.4", "6.8", "6.9", "6.12")]
        assert values == ["enomem", "enomem", "panic", "panic"]
    finally:
        resolve.__globals__["_resolve"].cache_clear()


def test_open_fields_are_a_doubt_that_names_them() -> None:
    doubts = resolve("6.6", arch="arm64").doubts
    assert any("device_lookup" in doubt for doubt in doubts)
    assert not any("riscv_" in doubt for doubt in doubts)


def test_the_table_of_changes_is_consistent() -> None:
    names = set(Behaviour._fields)
    state = Behaviour()
    for booted in BOOTED:
        for change in (c for c in CHANGES if c.by == booted.series):
            assert change.field in names
            assert change.value in choices(change.field)
            assert getattr(state, change.field) != change.value, f"{change}: changes nothing"
            before = BOOTED[BOOTED.index(booted) - 1].series
            for named in (change.release, change.not_before, change.seen):
                assert named is None or series_key(before) < series_key(named) <= series_key(change.by)
            assert change.source, f"{change}: says not where it is from"
            state = state._replace(**{change.field: change.value})
    assert {c.by for c in CHANGES} <= set(BOOTED_SERIES)


def test_what_is_said_of_a_change() -> None:
    assert described(None) == "as in 5.10"
    assert described(Change("6.12", "x", 1)) == "by 6.12, release not known"
    assert described(Change("6.12", "x", 1, "6.4", "b41328187629")) == "since 6.4, commit b41328187629"
    narrowed = Change("6.12", "x", 1, not_before="6.5", seen="6.7")
    assert described(narrowed) == "by 6.7 at the latest, not before 6.5"


def test_builds_say_what_was_booted() -> None:
    found = {(build.arch, build.page_size): build for build in builds("6.12")}
    assert found["arm64", 4096].how == found["arm64", 16384].how == "booted"
    assert found["arm64", 4096].doubts == ()
    assert all(build.how == "modelled" for build in builds("6.6"))
