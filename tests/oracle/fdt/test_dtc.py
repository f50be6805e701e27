# SPDX-License-Identifier: Apache-2.0
"""Reader and writer against dtc: both ways, over generated trees and over damaged blobs."""

from __future__ import annotations

import subprocess
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from carveout.errors import DtbFormatError
from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build, write
from support.blobs import small_tree
from support.trees import reserve_maps, roots

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.dtc

# Each example runs dtc, so fewer of them than elsewhere.
few = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def dtc(data: bytes, *options: str) -> bytes:
    """Run dtc without its opinions (-f: the generated trees make no sense as boards)."""
    done = subprocess.run(["dtc", "-q", "-f", *options, "-"], input=data, capture_output=True, check=True)
    return done.stdout


def as_source(root: DraftNode, reserve: Sequence[tuple[int, int]]) -> bytes:
    """Write source with every value as bytes, which leaves dtc nothing to guess."""
    lines = ["/dts-v1/;", *(f"/memreserve/ {address:#x} {size:#x};" for address, size in reserve)]

    def add(node: DraftNode) -> None:
        lines.append(f"{node.name or '/'} {{")
        for name, value in node.properties.items():
            lines.append(f"{name} = [{value.hex()}];" if value else f"{name};")
        for child in node.children:
            add(child)
        lines.append("};")

    add(root)
    return "\n".join(lines).encode()


@few
@given(roots, reserve_maps)
def test_what_dtc_makes_is_read(root: DraftNode, reserve: list[tuple[int, int]]) -> None:
    data = dtc(as_source(root, reserve), "-I", "dts", "-O", "dtb")
    tree = parse(data)
    assert DraftNode.from_node(tree.root) == root
    assert [entry[:2] for entry in tree.reserve_map] == reserve
    assert write(tree) == data


@few
@given(roots, reserve_maps)
def test_dtc_reads_what_we_make(root: DraftNode, reserve: list[tuple[int, int]]) -> None:
    ours = build(root, reserve_map=reserve)
    theirs = dtc(as_source(root, reserve), "-I", "dts", "-O", "dtb")
    assert dtc(ours, "-I", "dtb", "-O", "dts") == dtc(theirs, "-I", "dtb", "-O", "dts")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("-V", "16"), id="version 16"),
        pytest.param(("-V", "17"), id="version 17"),
        pytest.param(("-p", "1000"), id="padding"),
        pytest.param(("-S", "8192"), id="size"),
        pytest.param(("-R", "5"), id="room for reserve entries"),
        pytest.param(("-a", "64"), id="aligned"),
        pytest.param(("-b", "3"), id="boot cpu"),
        pytest.param(("-H", "both"), id="both phandles"),
        pytest.param(("-@",), id="symbols"),
    ],
)
def test_every_kind_of_blob_dtc_can_make(options: tuple[str, ...]) -> None:
    source = b"""/dts-v1/; /memreserve/ 0x1000 0x2000;
        / { a = <&l>; l: node@1 { reg = <1>; m: sub { b; }; }; };"""
    data = dtc(source, "-I", "dts", "-O", "dtb", *options)
    tree = parse(data)
    assert write(tree) == data
    assert [node.path for node in tree.nodes()][:3] == ["/", "/node@1", "/node@1/sub"]
    assert [entry[:2] for entry in tree.reserve_map] == [(0x1000, 0x2000)]
    assert tree.by_phandle(1) == tree.node("/node@1")
    if options == ("-@",):
        assert tree.label_of("/node@1") == "l"


def dtc_accepts(data: bytes) -> bool:
    done = subprocess.run(
        ["dtc", "-q", "-f", "-I", "dtb", "-O", "dtb", "-"],
        input=data,
        capture_output=True,
        check=False,
        timeout=20,
    )
    return done.returncode == 0


def test_damage_that_we_accept_is_accepted_by_dtc_too() -> None:
    """Cut off and mangle one blob word by word; whatever we read, dtc must read, and see the same tree."""
    data = small_tree()
    start = int.from_bytes(data[8:12], "big")
    read = 0
    for at in range(start, len(data) - 40, 4):
        damaged = data[:at] + b"\0\0\0\x02" + data[at + 4 :]
        try:
            tree = parse(damaged)
        except DtbFormatError:
            continue
        read += 1
        assert dtc_accepts(damaged), f"word at 0x{at:x}"
        again = parse(dtc(damaged, "-I", "dtb", "-O", "dtb"))
        ours = [(node.path, [(p.name, p.value) for p in node.properties]) for node in tree.nodes()]
        theirs = [(node.path, [(p.name, p.value) for p in node.properties]) for node in again.nodes()]
        assert sorted(ours) == sorted(theirs)
    assert read > 5


def test_the_damage_meets_both_ways() -> None:
    assert dtc_accepts(small_tree())
    assert not dtc_accepts(small_tree()[:-30])
    assert list(islice(small_tree(), 4)) == [0xD0, 0x0D, 0xFE, 0xED]
