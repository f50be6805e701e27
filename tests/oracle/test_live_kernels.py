# SPDX-License-Identifier: Apache-2.0
"""Two of Debian's kernels, booted now in QEMU, do what carveout says: with scenarios, and with trees it has changed."""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.oracle.changed import PLACE_REQUESTS, place_boots
from tools.oracle.compare import compare, report
from tools.oracle.fetch import CACHE, FetchError, Wanted, fetch
from tools.oracle.kernels import Kernel, find_kernels
from tools.oracle.record import record
from tools.oracle.scenarios import QUICK, SCENARIOS

pytestmark = [pytest.mark.qemu, pytest.mark.slow]

PACKAGES = (Wanted("bookworm", "arm64", "arm64"), Wanted("sid", "arm64", "arm64"))


def kernels() -> list[Kernel]:
    # Workers that run several of these tests must not fetch the same kernel at the same time.
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _fetched()


def _fetched() -> list[Kernel]:
    found = []
    for package in PACKAGES:
        try:
            release = fetch(CACHE, package)
        except FetchError as error:
            pytest.skip(f"no kernel to boot: {error}")
        folder = CACHE / "kernels" / package.name
        found += [kernel for kernel in find_kernels(folder) if kernel.release == release]
    return found


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


def test_regions_are_where_place_has_put_them() -> None:
    booted = kernels()
    boots = place_boots(booted, cache=CACHE)
    assert [problem for boot in boots for problem in boot.problems] == []
    assert len(boots) == len(booted) == len(PACKAGES)
    for boot in boots:
        assert len(boot.promised) == len(PLACE_REQUESTS)
        assert boot.compared.recorded.row["outcome"] == "ok"
