# SPDX-License-Identifier: Apache-2.0
"""Damaged blobs: nothing but a clean error or a tree that can be walked to its last byte.

The damage is seeded, so a failure comes back. The first bytes of a failing blob are in the message.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from carveout.errors import DtbFormatError
from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.structure import MAX_DEPTH
from carveout.fdt.writer import build, write
from support.blobs import BEGIN, END, END_NODE, NOP, PROP, begin, blob, close, end, prop, small_tree, words
from support.trees import walk_everything

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERESTING = (0, 1, 2, 3, 4, 9, 16, 17, 40, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF, 0xD00DFEED)
TOKENS = (BEGIN, END_NODE, PROP, NOP, END)


def board() -> bytes:
    """Make a tree of the shape of a real board's, some 2 KiB."""
    root = DraftNode("", {"#address-cells": words(2), "#size-cells": words(2), "compatible": b"a,b\0a,c\0"})
    root.add("memory@40000000", {"device_type": b"memory\0", "reg": words(0, 0x40000000, 0, 0x40000000)})
    reserved = root.add(
        "reserved-memory", {"#address-cells": words(2), "#size-cells": words(2), "ranges": b""}
    )
    for number in range(12):
        base = 0x50000000 + number * 0x100000
        reserved.add(
            f"pool@{base:x}", {"reg": words(0, base, 0, 0x1000), "phandle": words(number + 1), "no-map": b""}
        )
    soc = root.add("soc", {"ranges": b""})
    for number in range(12):
        soc.add(f"device@{number:x}", {"memory-region": words(number + 1), "status": b"okay\0"})
    root.add("__symbols__", {"pool": b"/reserved-memory/pool@50000000\0", "soc": b"/soc\0"})
    return build(root, reserve_map=[(0x48000000, 0x10000)], padding=16)


def seeds() -> list[bytes]:
    deep = begin() + begin(b"deep") * 30 + prop(0, b"x") + close() * 31 + end()
    return [
        small_tree(),
        board(),
        build(DraftNode(children=[DraftNode(f"n{i}", {f"p{i}": bytes(i)}) for i in range(20)]), version=16),
        blob(deep),
        blob(),
    ]


def mutate(chance: random.Random, data: bytearray, others: list[bytes]) -> bytes:
    """Damage a blob in one to four ways."""
    for _ in range(chance.randint(1, 4)):
        if len(data) < 8:
            break
        kind = chance.randrange(7)
        at = chance.randrange(len(data))
        word = at & ~3
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[word : word + 4] = words(chance.choice(INTERESTING))
        elif kind == 2:
            data[word : word + 4] = words(chance.choice(TOKENS))
        elif kind == 3:
            field = 4 * chance.randrange(10)
            old = int.from_bytes(data[field : field + 4], "big")
            data[field : field + 4] = words((old + chance.choice((-8, -4, -1, 1, 4, 8, 64))) & 0xFFFFFFFF)
        elif kind == 4:
            del data[chance.randrange(len(data)) :]
        elif kind == 5:
            other = chance.choice(others)
            start = chance.randrange(len(other)) & ~3
            length = chance.randrange(64) & ~3
            data[word : word + length * chance.randrange(2)] = other[start : start + length]
        else:
            end_of_span = min(len(data), at + chance.randrange(32))
            data[at:end_of_span] = chance.randbytes(end_of_span - at)
    if chance.random() < 0.5 and len(data) >= 8:
        # A right totalsize, so that more than the header's first check is met.
        data[4:8] = words(len(data))
    return bytes(data)


def mutants(seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    originals = seeds()
    while True:
        yield mutate(chance, bytearray(chance.choice(originals)), originals)


def try_one(data: bytes) -> bool:
    """Return whether the blob was read; anything but success or DtbFormatError fails the test."""
    try:
        tree = parse(data)
    except DtbFormatError as error:
        place = error.offset
    else:
        walk_everything(tree)
        assert write(tree) == data[: tree.header.totalsize]
        return True
    assert place is not None
    assert 0 <= place <= max(len(data), 40)
    return False


def run(count: int, seed: int) -> None:
    read = 0
    for number, data in enumerate(islice(mutants(seed), count)):
        try:
            read += try_one(data)
        except Exception as error:
            error.add_note(f"mutant {number} of seed {seed}: {data.hex()}")
            raise
    # Both ways must be met, else the damage is too small or too great to show anything.
    assert 0.05 * count < read < 0.95 * count


def test_3000_damaged_blobs() -> None:
    run(3_000, seed=2013)


@pytest.mark.slow
def test_100000_damaged_blobs() -> None:
    run(100_000, seed=20131)


def hostile() -> dict[str, bytes]:
    """Make blobs of about 200 KB that try to make reading cost much more than their size."""
    nested = begin() + (begin(b"n" * 251) * (MAX_DEPTH - 1)) + (begin(b"x") + close()) * 1_000
    long_string = bytes(range(1, 256)) + b"\0"
    return {
        "only nesting": blob(begin() * 25_000),
        "deep and wide": blob(nested + close() * MAX_DEPTH + end()),
        "every offset of the strings": blob(
            begin() + b"".join(prop(at % 256) for at in range(16_000)) + close() + end(), strings=long_string
        ),
        "one long string": blob(begin() + prop(0) * 8_000 + close() + end(), strings=b"s" * 100_000 + b"\0"),
        "one name over and over": blob(begin() + prop(0) * 16_000 + close() + end(), strings=b"reg\0"),
        "only NOPs": blob(words(NOP) * 50_000),
        "names without end": blob(begin() + words(BEGIN) + b"n" * 200_000),
        "zero map": blob(reserve=words(0, 1, 0, 0) * 12_000 + bytes(16)),
        "phandles": blob(begin() + prop(0, words(1)) * 12_000 + close() + end(), strings=b"phandle\0"),
        "strings alike": blob(
            begin() + prop(0) * 1_000 + close() + end(), strings=b"reg\0" * 40_000
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(hostile()))
def test_hostile_blobs_cost_bounded_time_and_memory(name: str) -> None:
    data = hostile()[name]
    started = time.process_time()
    try_one(data)
    assert time.process_time() - started < 5.0
    tracemalloc.start()
    try:
        parse(data)
    except DtbFormatError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 50 * len(data)
