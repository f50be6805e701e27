# SPDX-License-Identifier: Apache-2.0
"""The reader against libfdt's Python module, which runs in the interpreter that has it."""

from __future__ import annotations

import json
import subprocess
from itertools import takewhile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from carveout.fdt import Tree, parse
from carveout.fdt.writer import build
from support.blobs import small_tree
from support.trees import reserve_maps, roots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.fdt.draft import DraftNode

pytestmark = pytest.mark.pylibfdt

# For each line of standard input, a blob in hexadecimal, prints a line with what libfdt sees of it.
WALK = """
import json, sys, libfdt
quiet = [libfdt.NOTFOUND]
for line in sys.stdin:
    fdt = libfdt.FdtRo(bytes.fromhex(line))
    nodes, names, node, depth = [], [], 0, 0
    while True:
        names[depth:] = [fdt.get_name(node)]
        properties, prop = [], fdt.first_property_offset(node, quiet)
        while prop >= 0:
            p = fdt.get_property_by_offset(prop)
            properties.append([p.name, bytes(p).hex(), prop])
            prop = fdt.next_property_offset(prop, quiet)
        nodes.append([names[depth], "/".join(names) or "/", node, fdt.get_phandle(node), properties])
        try:
            node, depth = fdt.next_node(node, depth)
        except libfdt.FdtException as error:
            if error.err != -libfdt.NOTFOUND:
                raise
            break
        if depth < 1:
            break
    print(json.dumps({"nodes": nodes, "reserve": fdt.num_mem_rsv(), "totalsize": fdt.totalsize()}), flush=True)
"""


class Libfdt:
    """One interpreter with libfdt, asked blob by blob."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def see(self, data: bytes) -> dict[str, object]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(data.hex() + "\n")
        self.process.stdin.flush()
        seen: dict[str, object] = json.loads(self.process.stdout.readline())
        return seen


@pytest.fixture(scope="module")
def libfdt(libfdt_python: str) -> Iterator[Libfdt]:
    with subprocess.Popen(
        [libfdt_python, "-c", WALK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Libfdt(process)


def seen_by_us(tree: Tree) -> dict[str, object]:
    start = tree.header.off_dt_struct
    nodes = []
    for node in tree.nodes():
        properties = [[prop.name, prop.value.hex(), prop.offset - start] for prop in node.properties]
        phandle = next(
            (
                prop.u32()
                for name in ("phandle", "linux,phandle")
                if (prop := node.prop(name)) and prop.length == 4
            ),
            0,
        )
        nodes.append([node.name, node.path, node.offset - start, phandle, properties])
    return {
        "nodes": nodes,
        # libfdt counts entries up to the first of size 0, as Linux does; the reader keeps what follows. Only their
        # number: get_mem_rsv() of libfdt 1.6.1 returns a bare int for some values. test_dtc.py compares the values.
        "reserve": sum(1 for _ in takewhile(lambda entry: entry.size, tree.reserve_map)),
        "totalsize": tree.header.totalsize,
    }


def test_a_tree_with_everything(libfdt: Libfdt) -> None:
    assert seen_by_us(parse(small_tree())) == libfdt.see(small_tree())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(root=roots, reserve=reserve_maps)
def test_generated_trees(libfdt: Libfdt, root: DraftNode, reserve: list[tuple[int, int]]) -> None:
    data = build(root, reserve_map=reserve, padding=8)
    assert seen_by_us(parse(data)) == libfdt.see(data)
