# SPDX-License-Identifier: Apache-2.0
"""From a driver that fails to the region behind it; and lines that look alarming."""

from __future__ import annotations

import pytest

from carveout.observe.log import read_log
from carveout.observe.verification import Evidence, Verification
from carveout.observe.verify import verify
from support.boards import board_of, cells, cpus, memory, node, region, reserved_memory, text, usual_scene

MIB = 1 << 20
BOARD = board_of(
    cpus(),
    memory((0x4000_0000, 0x4000_0000)),
    reserved_memory(
        region("small", "reusable", reg=[(0x6000_0000, 0x1000)], compatible="shared-dma-pool", phandle=1),
        region(
            "pool@70000000",
            "reusable",
            reg=[(0x7000_0000, 16 * MIB)],
            compatible="shared-dma-pool",
            phandle=2,
        ),
        region("fw@50000000", "no-map", reg=[(0x5000_0000, MIB)], phandle=3),
        region("logo@0", reg=[(0, 0)]),
        region("ramoops@51000000", reg=[(0x5100_0000, MIB)], compatible="ramoops"),
    ),
    node(
        "soc",
        {"#address-cells": cells(1), "#size-cells": cells(1), "ranges": b""},
        node("vpu@1c0e000", {"compatible": text("acme,vpu"), "memory-region": cells(1)}),
        node("isp@1c20000", {"compatible": text("acme,isp"), "memory-region": cells(2)}),
        node("dsp", {"compatible": text("acme,dsp-rproc"), "memory-region": cells(3)}),
    ),
)


def trace(*lines: str) -> Verification:
    log = read_log(["".join(f"[    5.000000] {line}\n" for line in lines).encode()])
    return verify(BOARD, usual_scene("6.12"), Evidence(log=log))


@pytest.mark.parametrize(
    ("line", "subject", "consumer", "predicted", "words"),
    [
        pytest.param("acme-vpu 1c0e000.vpu: probe with driver acme-vpu failed with error -22",
                     "small", "/soc/vpu@1c0e000", True, "multiples of 0x200000", id="new-probe"),
        pytest.param("acme-vpu: probe of 1c0e000.vpu failed with error -22",
                     "small", "/soc/vpu@1c0e000", True, "its driver gets -22", id="old-probe"),
        pytest.param("acme-vpu soc:vpu@1c0e000: failed to assign reserved memory",
                     "small", "/soc/vpu@1c0e000", True, "small", id="parent-name"),
        pytest.param("acme-vpu fe1c0e00.vpu: unable to acquire memory-region: -22",
                     "small", "/soc/vpu@1c0e000", True, "small", id="moved-by-the-bus"),
        pytest.param("acme-isp 1c20000.isp: probe with driver acme-isp failed with error -22",
                     "pool@70000000", "/soc/isp@1c20000", False, "fails for another reason", id="not-memory"),
        pytest.param("acme-isp 1c20000.isp: dma_alloc_coherent failed: -12",
                     "pool@70000000", "/soc/isp@1c20000", None, "4096 pages", id="no-room"),
        pytest.param("cma: __cma_alloc: pool@70000000: alloc failed, req-size: 5000 pages, ret: -12",
                     "pool@70000000", None, None, "more than the whole area", id="too-large"),
        pytest.param("cma: __cma_alloc: reserved: alloc failed, req-size: 300 pages, ret: -16",
                     "reserved", None, None, "could not be moved", id="busy"),
        pytest.param("hdmirx: can't request region for resource [mem 0x50000000-0x500fffff]",
                     "fw@50000000", None, False, "placed", id="address"),
        pytest.param("ramoops: probe of 51000000.ramoops failed with error -22",
                     "ramoops@51000000", None, False, "placed", id="ramoops"),
        pytest.param("remoteproc remoteproc0: bad phdr da 0x1fff0000 mem 0x8000",
                     None, None, None, "linked for other addresses", id="bad-phdr"),
        pytest.param("remoteproc remoteproc0: bad phdr da 0x50000000 mem 0x200000",
                     "fw@50000000", None, False, "fw@50000000", id="phdr-in-region"),
    ],
)  # fmt: skip
def test_a_failure_is_traced(
    line: str, subject: str | None, consumer: str | None, predicted: bool | None, words: str
) -> None:
    (one,) = trace(line).failures
    assert (one.subject, one.consumer, one.is_predicted) == (subject, consumer, predicted)
    assert words in one.why


@pytest.mark.parametrize(
    "line", ["foo 1234.foo: probe with driver foo failed with error -22", "mmc0: error -110"]
)
def test_other_failures_are_left_alone(line: str) -> None:
    assert trace(line, "OF: reserved mem: node small compatible matching fail").failures == ()


@pytest.mark.parametrize(
    ("line", "count", "words"),
    [
        ("OF: reserved mem: Reserved memory: failed to reserve memory for node 'logo@0': base 0x0000000000000000, size 0 MiB", 1, "placeholder"),
        ("OF: reserved mem: Reserved memory: failed to reserve memory for node 'fw@50000000': base 0x0000000050000000, size 1 MiB", 0, ""),
        ("OF: reserved mem: Reserved memory: failed to reserve memory for node 'small': base 0x0000000060000000, size 0 MiB", 0, ""),
    ],
)  # fmt: skip
def test_a_placeholder_is_harmless_and_a_small_region_is_not(line: str, count: int, words: str) -> None:
    found = trace(line).harmless
    assert len(found) == count
    assert all(words in one.why for one in found)


def test_the_second_line_about_one_region_is_no_second_failure() -> None:
    line = "OF: reserved mem: Reserved memory: invalid reg property in 'small', skipping node."
    found = trace(line, line).harmless
    assert [one.line for one in found] == [2]
