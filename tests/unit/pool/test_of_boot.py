# SPDX-License-Identifier: Apache-2.0
"""The pools of a booted system, against the recorded machines: where they are, and what is taken before a driver asks."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from carveout.boot.result import Boot, Exactness
from carveout.boot.run import boot
from carveout.errors import UsageError
from carveout.pool.cma import CmaPool
from carveout.pool.coherent import CoherentPool
from carveout.pool.jsonl import read_jsonl
from carveout.pool.lending import SystemMemory
from carveout.pool.of_boot import find_pool, pools_of
from carveout.pool.trace import PoolKind
from carveout.span import GIB, Span
from support.boards import boot_regions, cells, mib, node, region, text, usual_board, usual_scene

RECORDED = Path(__file__).resolve().parents[2] / "data" / "pool"


def recorded_machine(kernel: str, page_size: int = 4096) -> Boot:
    """Boot the board that the allocations were recorded on."""
    video = (0x5040_0000, mib(64)) if page_size == 4096 else (0x5200_0000, mib(64))
    default = mib(48) if page_size == 4096 else mib(64)
    return boot_regions(
        kernel,
        region(f"video-pool@{video[0]:x}", "reusable", compatible="shared-dma-pool", reg=[video]),
        region("default-pool@58000000", "reusable", "linux,cma-default", compatible="shared-dma-pool",
               reg=[(0x5800_0000, default)]),
        region("coherent-pool@5c000000", "no-map", compatible="shared-dma-pool", reg=[(0x5C00_0000, 0x123_0000)]),
        page_size=page_size,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kernel", "page_size", "name"),
    [
        ("5.10", 4096, "5.10"),
        ("6.1", 4096, "6.1"),
        ("6.12", 4096, "6.12"),
        ("6.12", 16384, "6.12-16k"),
        ("7.2", 4096, "7.2"),
    ],
)
def test_the_recorded_machines(kernel: str, page_size: int, name: str) -> None:
    pools = {pool.spec.name: pool for pool in pools_of(recorded_machine(kernel, page_size))}
    seen = 0
    for trace in ("dma-1", "coherent-1"):
        lines = (
            gzip.decompress((RECORDED / f"{trace}.k{name}.jsonl.gz").read_bytes()).decode().splitlines()[:1]
        )
        for recorded in read_jsonl(lines).header.pools:
            ours = pools[recorded.name]
            assert (ours.spec.base_pfn, ours.spec.kind) == (recorded.base_pfn, recorded.kind)
            assert ours.spec.pages == recorded.pages
            assert ours.spec.initially == recorded.initially
            assert ours.exactness is Exactness.EXACT
            seen += 1
    assert seen == 3


def test_a_boot_hands_out_its_pools() -> None:
    booted = recorded_machine("6.12")
    pool = booted.pool("video-pool@50400000", memory=SystemMemory(0))
    assert isinstance(pool, CmaPool)
    pool.lend(1)
    assert pool.alloc(1).errno == -12
    assert isinstance(booted.pool("/reserved-memory/coherent-pool@5c000000"), CoherentPool)
    default = booted.pool(policy="top-down")
    assert isinstance(default, CmaPool)
    assert default.spec.kind is PoolKind.CMA_DEFAULT
    assert default.alloc(1).pfn == 0x5B000 - 1
    with pytest.raises(
        UsageError, match="no pool 'gpu' in this boot; it has video-pool@50400000, default-pool"
    ):
        booted.pool("gpu")


def test_what_was_not_recorded_is_modelled() -> None:
    large = boot_regions("6.12", ram=(Span.sized(0x4000_0000, 4 * GIB),))
    pool = find_pool(large, "default")
    assert pool.exactness is Exactness.MODELLED
    assert "atomic pools" in pool.why
    asked = boot_regions("6.12", cmdline="coherent_pool=1M")
    pool = find_pool(asked, "default cma")
    assert (pool.exactness, pool.spec.initially[0].pages) == (Exactness.MODELLED, 3 * 256)


def test_several_reasons_are_told_apart() -> None:
    board = usual_board(ram=(Span.sized(0x4000_0000, 2 * GIB),))
    (pool,) = pools_of(boot(board, usual_scene(dtb_at=None)))
    assert pool.why.endswith("pass --dtb-at BASE; the sizes of the kernel's atomic pools are computed; "
                             "recorded are those of boards with up to 1 GiB")  # fmt: skip


def test_an_area_by_label_and_one_without_a_default() -> None:
    symbols = node("__symbols__", {"vpu": text("/reserved-memory/pool")})
    board = usual_board(
        region("pool", "reusable", compatible="shared-dma-pool", size=mib(16), phandle=3),
        others=[symbols, node("vpu", {"memory-region": cells(3)})],
    )
    result = boot(board, usual_scene("6.12", cmdline="cma=0"))
    assert find_pool(result, "&vpu").path == "/reserved-memory/pool"
    with pytest.raises(UsageError, match="no pool 'default'"):
        result.pool()
