# SPDX-License-Identifier: Apache-2.0
"""A small board for the command line's tests, built without dtc."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Node = dict[str, "bytes | Node"]


def cells(*values: int) -> bytes:
    """Return big-endian 32-bit cells."""
    return b"".join(struct.pack(">I", value) for value in values)


def blob(root: Node) -> bytes:
    """Return a version 17 device tree blob of nested dicts: bytes are properties, dicts are nodes."""
    strings = bytearray()
    offsets: dict[str, int] = {}

    def padded(data: bytes) -> bytes:
        return data + b"\0" * (-len(data) % 4)

    def node(name: str, content: Node) -> bytes:
        out = cells(1) + padded(name.encode() + b"\0")
        for key, value in content.items():
            if isinstance(value, bytes):
                if key not in offsets:
                    offsets[key] = len(strings)
                    strings.extend(key.encode() + b"\0")
                out += cells(3, len(value), offsets[key]) + padded(value)
        for key, value in content.items():
            if not isinstance(value, bytes):
                out += node(key, value)
        return out + cells(2)

    structure = node("", root) + cells(9)
    reserve = bytes(16)
    at = 40 + len(reserve)
    end = at + len(structure) + len(strings)
    header = cells(0xD00DFEED, end, at, at + len(structure), 40, 17, 16, 0, len(strings), len(structure))
    return header + reserve + structure + bytes(strings)


def board_tree() -> Node:
    """Return an arm64 board with 1 GiB, a static no-map region, and a dynamic pool that a device uses."""
    return {
        "#address-cells": cells(2),
        "#size-cells": cells(2),
        "model": b"Test Board\0",
        "compatible": b"acme,test\0",
        "cpus": {
            "#address-cells": cells(1),
            "#size-cells": cells(0),
            "cpu@0": {"device_type": b"cpu\0", "compatible": b"arm,cortex-a53\0", "reg": cells(0)},
        },
        "memory@40000000": {"device_type": b"memory\0", "reg": cells(0, 0x40000000, 0, 0x40000000)},
        "reserved-memory": {
            "#address-cells": cells(2),
            "#size-cells": cells(2),
            "ranges": b"",
            "fw@50000000": {"reg": cells(0, 0x50000000, 0, 0x100000), "no-map": b""},
            "pool": {
                "compatible": b"shared-dma-pool\0",
                "reusable": b"",
                "size": cells(0, 0x2000000),
                "phandle": cells(1),
            },
        },
        "vpu": {"compatible": b"acme,vpu\0", "memory-region": cells(1)},
    }


@pytest.fixture
def board_dtb(tmp_path: Path) -> Path:
    """Return the path of board_tree() as a blob."""
    path = tmp_path / "board.dtb"
    path.write_bytes(blob(board_tree()))
    return path
