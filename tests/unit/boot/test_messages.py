# SPDX-License-Identifier: Apache-2.0
"""The table of messages: every template can be filled, is printed somewhere, and reads as the kernel's text."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

import carveout
from carveout.boot.messages import MESSAGES

SOURCES = sorted(
    path for room in ("boot", "pool") for path in (Path(carveout.__file__).parent / room).glob("*.py")
)


def said_keys() -> set[str]:
    """Return every key given to say() or looked up in the source; an f-string counts with all keys that its text can become."""
    found: set[str] = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        strings = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        if path.name != "messages.py":
            found.update(text for text in strings if text in MESSAGES)
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                prefix = str(node.values[0].value)
                found.update(key for key in MESSAGES if prefix and key.startswith(prefix))
            if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
                prefix = str(node.left.value)
                found.update(key for key in MESSAGES if prefix in MESSAGES and key.startswith(prefix))
    return found


def test_every_message_is_said_somewhere() -> None:
    # Two are for readers of logs only. `cma-store` (3.7): the list of DMA heaps is full, but there are no more areas than
    # slots. `bad-reserve-block` (1.6): a block that runs off the blob is refused when the blob is read.
    assert set(MESSAGES) - said_keys() == {"cma-store", "bad-reserve-block"}


@pytest.mark.parametrize("key", MESSAGES)
def test_a_template_is_sound(key: str) -> None:
    message = MESSAGES[key]
    assert message.level in ("err", "warn", "notice", "info")
    names = [name for _, name, _, _ in string.Formatter().parse(message.text) if name is not None]
    assert all(name and name.isidentifier() for name in names)
    assert message.text == message.text.strip()
    # One line, or one that the kernel continues on the next (1.3: the initrd of arm).
    assert "\n" not in message.text or key == "initrd-in-use-continued"


# The texts of kernel-semantics 3.4 to 3.9, 4.4, 1.6 and 1.7, with values filled in.
@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        (
            "unsupported-format",
            {"prefix": "OF: fdt: "},
            "OF: fdt: Reserved memory: unsupported node format, ignoring",
        ),
        (
            "invalid-reg",
            {"prefix": "OF: fdt: ", "name": "x@1"},
            "OF: fdt: Reserved memory: invalid reg property in 'x@1', skipping node.",
        ),
        (
            "reserve-failed",
            {"prefix": "OF: reserved mem: ", "name": "x", "base": "0x0000000000000001", "mib": 2},
            ("OF: reserved mem: Reserved memory: failed to reserve memory for node 'x': "
            "base 0x0000000000000001, size 2 MiB"),
        ),
        ("invalid-size", {"name": "x"}, "OF: reserved mem: invalid size property in 'x' node."),
        ("invalid-alignment", {"name": "x"}, "OF: reserved mem: invalid alignment property in 'x' node."),
        ("alloc-failed", {"name": "x"}, "OF: reserved mem: failed to allocate memory for node 'x'"),
        (
            "alloc-failed-size",
            {"name": "x", "mib": 7},
            "OF: reserved mem: failed to allocate memory for node 'x': size 7 MiB",
        ),
        ("not-enough-space", {}, "OF: reserved mem: not enough space for all defined regions."),
        ("no-node", {}, "OF: reserved mem: Reserved memory: No reserved-memory node in the DT"),
        (
            "initialized",
            {"name": "x", "compatible": "shared-dma-pool"},
            "OF: reserved mem: initialized node x, compatible id shared-dma-pool",
        ),
        ("matching-fail", {"name": "x"}, "OF: reserved mem: node x compatible matching fail"),
        (
            "summary",
            {"base": "0x1", "last": "0x2", "kib": 3, "nomap": "map", "reusable": "non-reusable", "name": "x"},
            "OF: reserved mem: 0x1..0x2 (3 KiB) map non-reusable x",
        ),
        ("cma-created", {"base": "0x1", "mib": 4}, "Reserved memory: created CMA memory pool at 0x1, size 4 MiB"),
        ("dma-created", {"base": "0x1", "mib": 4}, "Reserved memory: created DMA memory pool at 0x1, size 4 MiB"),
        (
            "restricted-created",
            {"base": "0x1", "mib": 4},
            "software IO TLB: Reserved memory: created restricted DMA pool at 0x1, size 4 MiB",
        ),
        ("cma-slots", {}, "cma: Not enough slots for CMA reserved regions!"),
        ("cma-failed", {"mib": 4}, "cma: Failed to reserve 4 MiB"),
        ("memory-limited", {"mib": 512}, "Memory limited to 512MB"),
        ("elfcorehdr", {"kib": 4, "base": 0x1000}, "OF: fdt: Reserving 4 KiB of memory at 0x1000 for elfcorehdr"),
        (
            "crash-reserved",
            {"base": 0x6000_0000, "end": 0x7000_0000, "mib": 256},
            "crashkernel reserved: 0x0000000060000000 - 0x0000000070000000 (256 MB)",
        ),
        ("crash-failed", {"size": 0x1000_0000}, "cannot allocate crashkernel (size:0x10000000)"),
        ("crash-in-use", {}, "crashkernel reservation failed - memory is in use."),
    ],
)  # fmt: skip
def test_text(key: str, values: dict[str, object], expected: str) -> None:
    assert MESSAGES[key].text.format(**values) == expected
