# SPDX-License-Identifier: Apache-2.0
"""Two of Debian's kernels, booted now in QEMU with three of the project's scenarios, do what carveout says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.oracle.compare import compare, report
from tools.oracle.fetch import CACHE, FetchError, Wanted, fetch
from tools.oracle.kernels import Kernel, find_kernels
from tools.oracle.pinned import PINNED, boot_pinned
from tools.oracle.placed import REQUESTS, boot_placed
from tools.oracle.probe import FILE
from tools.oracle.real_boards import scenario_again
from tools.oracle.record import record
from tools.oracle.scenarios import QUICK, SCENARIOS

from support.recordings import recordings

pytestmark = [pytest.mark.qemu, pytest.mark.slow]

PACKAGES = (Wanted("bookworm", "arm64", "arm64"), Wanted("sid", "arm64", "arm64"))


def kernels() -> list[Kernel]:
    found = []
    for package in PACKAGES:
        try:
            release = fetch(CACHE, package)
        except FetchError as error:
            pytest.skip(f"no kernel to boot: {error}")
        folder = CACHE / "kernels" / package.name
        found += [kernel for kernel in find_kernels(folder) if kernel.release == release]
    return found


# One test, so that workers do not fetch the same kernel at the same time.
def test_kernels_that_boot_now_agree() -> None:
    booted = kernels()
    assert len(booted) == len(PACKAGES)
    scenarios = [scenario for scenario in SCENARIOS if scenario.id in QUICK]
    assert len(scenarios) == len(QUICK)
    results = compare([record(s, kernel, cache=CACHE) for s in scenarios for kernel in booted])
    assert [report(result) for result in results if result.problems] == []
    # Not vacuous: every boot got far enough to say what it had placed.
    for result in results:
        rows = result.recorded.row
        assert rows["outcome"] == "ok"
        assert rows["memblock_dump"] is not None
        assert rows["regions"]
    layouts_of_real_boards_boot_again(booted)
    pinned_trees_boot_as_promised(booted)
    regions_are_where_place_has_put_them(booted)


def layouts_of_real_boards_boot_again(booted: list[Kernel]) -> None:
    # One tree each: the recordings of a board differ in nothing but the kernel.
    found = {recorded.scenario: recorded for recorded in recordings(source="real")}
    assert len(found) == 5
    boots = [record(scenario_again(one), kernel, cache=CACHE) for one in found.values() for kernel in booted]
    results = compare(boots)
    assert [report(result) for result in results if result.problems] == []
    for result in results:
        shown = cast("dict[str, dict[str, list[str]]]", result.recorded.row["probe"])["files"][FILE]
        assert any("System RAM" in line for line in shown)


def pinned_trees_boot_as_promised(booted: list[Kernel]) -> None:
    for scenario in SCENARIOS:
        if scenario.id in PINNED:
            checked = boot_pinned(scenario, booted, cache=CACHE)
            assert [(found.title, found.problems) for found in checked if found.problems] == []
            # Not vacuous: each kernel said where it has the regions.
            assert len(checked) == len(booted)
            assert all(found.regions for found in checked)


def regions_are_where_place_has_put_them(booted: list[Kernel]) -> None:
    checked = boot_placed(booted, cache=CACHE)
    assert [(found.title, found.problems) for found in checked if found.problems] == []
    assert [found.regions for found in checked] == [len(REQUESTS)] * len(booted)
