# SPDX-License-Identifier: Apache-2.0
"""Where devices see memory, and where the CPU sees devices."""

from __future__ import annotations

from typing import Any

import pytest

from carveout.board.view import Registers, device_address, registers
from carveout.fdt import parse
from support.boards import blob_of, cells, node, text

ONE = {"#address-cells": cells(1), "#size-cells": cells(1)}


def device(
    outer: dict[str, bytes], inner: dict[str, bytes], properties: dict[str, bytes] | None = None
) -> Any:
    """Return /outer/inner/dev of a tree whose root has one cell each."""
    dev = node("dev", properties or {})
    tree = parse(blob_of(node("outer", {**ONE, **outer}, node("inner", {**ONE, **inner}, dev)), root=ONE))
    found = tree.node("/outer/inner/dev")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("outer", "inner", "cpu", "size", "expected"),
    [
        pytest.param({}, {}, 0x4000, 16, 0x4000, id="no-ranges"),
        pytest.param({"dma-ranges": b""}, {"dma-ranges": b""}, 0x4000, 16, 0x4000, id="empty-ranges"),
        pytest.param({}, {"dma-ranges": cells(0x100, 0x4000, 0x1000)}, 0x4010, 16, 0x110, id="inner"),
        pytest.param({"dma-ranges": cells(0x100, 0x4000, 0x1000)}, {}, 0x4010, 16, 0x110, id="outer"),
        pytest.param(
            {"dma-ranges": cells(0x8000, 0x4000, 0x1000)}, {"dma-ranges": cells(0, 0x8000, 0x1000)},
            0x4010, 16, 0x10, id="both",
        ),
        pytest.param({}, {"dma-ranges": cells(0, 0x4000, 0x1000)}, 0x4FF0, 16, 0xFF0, id="to-the-last-byte"),
        pytest.param({}, {"dma-ranges": cells(0, 0x4000, 0x1000)}, 0x4FF0, 17, None, id="one-byte-over"),
        pytest.param({}, {"dma-ranges": cells(0, 0x4000, 0x1000)}, 0x3FFF, 1, None, id="below"),
        pytest.param(
            {}, {"dma-ranges": cells(0, 0x4000, 0x1000, 0x1000, 0x5000, 0x1000)}, 0x4F00, 0x200, None,
            id="across-two-entries",
        ),
    ],
)  # fmt: skip
def test_device_address(
    outer: dict[str, bytes], inner: dict[str, bytes], cpu: int, size: int, expected: int | None
) -> None:
    assert device_address(device(outer, inner), cpu, size) == expected


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        pytest.param({"ranges": b""}, {"ranges": b""}, 0x100, id="the-same"),
        pytest.param({"ranges": b""}, {"ranges": cells(0x0, 0xA000, 0x1000)}, 0xA100, id="inner"),
        pytest.param(
            {"ranges": cells(0xA000, 0xB0000, 0x1000)},
            {"ranges": cells(0, 0xA000, 0x1000)},
            0xB0100,
            id="both",
        ),
        pytest.param({}, {"ranges": b""}, None, id="a-bus-that-does-not-translate"),
        pytest.param({"ranges": b""}, {"ranges": cells(0x1000, 0xA000, 0x1000)}, None, id="not-in-ranges"),
    ],
)
def test_registers(outer: dict[str, bytes], inner: dict[str, bytes], expected: int | None) -> None:
    given = {"reg": cells(0x100, 0x10), "reg-names": text("a")}
    assert registers(device(outer, inner, given)) == (Registers("a", 0x100, expected, 0x10),)


def test_registers_without_names_and_without_reg() -> None:
    found = device({"ranges": b""}, {"ranges": b""}, {"reg": cells(1, 2, 3, 4, 5), "reg-names": text("x")})
    assert [(r.name, r.address, r.size) for r in registers(found)] == [("x", 1, 2), (None, 3, 4)]
    assert registers(device({}, {})) == ()
