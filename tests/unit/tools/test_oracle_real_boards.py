# SPDX-License-Identifier: Apache-2.0
"""Real boards' trees on virt's hardware: what is kept, what is moved, what is left out. No QEMU is needed."""

from __future__ import annotations

import gzip
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tools.oracle.compare import iomem_differences
from tools.oracle.probe import BEGIN, END, init_program, probe_archive, split_probe
from tools.oracle.real_boards import SHIFT, RealBoard, real_scenario, scenario_again
from tools.oracle.trees import TreeError, cells

from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build
from carveout.span import GIB, MIB
from support.recordings import recordings

if TYPE_CHECKING:
    from carveout.fdt.tree import Tree

BOARD = RealBoard("real-x", "vendor/x.dtb", "X")
TWO = {"#address-cells": cells(2, 1), "#size-cells": cells(2, 1)}


def pairs(*spans: tuple[int, int]) -> bytes:
    return b"".join(cells(at, 2) + cells(size, 2) for at, size in spans)


def virt() -> bytes:
    pl011 = DraftNode("pl011@9000000", {"compatible": b"arm,pl011\0", "phandle": cells(0x8001, 1)})
    intc = DraftNode(
        "intc@8000000", {"compatible": b"arm,gic\0", "phandle": cells(0x8002, 1)}, [DraftNode("v2m")]
    )
    flash = DraftNode("flash@0", {"compatible": b"cfi-flash\0"})
    top = {"interrupt-parent": cells(0x8002, 1), "compatible": b"linux,dummy-virt\0"}
    return build(DraftNode("", {**TWO, **top}, [pl011, intc, flash]))


def board(base: int, size: int = 2 * GIB) -> bytes:
    pool = DraftNode("pool@1", {"reg": pairs((base + 16 * MIB, MIB)), "phandle": cells(7, 1), "no-map": b""})
    dynamic = DraftNode("dynamic", {"size": cells(MIB, 2), "alloc-ranges": pairs((base, GIB))})
    codec = DraftNode(
        "codec@5",
        {"compatible": b"v,codec\0", "memory-region": cells(7, 1), "clocks": cells(3, 1)},
    )
    other = DraftNode("uart@6", {"compatible": b"v,uart\0"})
    parts = [
        DraftNode("cpus", {}, [DraftNode("cpu@100", {"device_type": b"cpu\0", "reg": cells(0x100, 1)})]),
        DraftNode(f"memory@{base:x}", {"device_type": b"memory\0", "reg": pairs((base, size))}),
        DraftNode("reserved-memory", {**TWO, "ranges": b""}, [pool, dynamic]),
        DraftNode("soc", {"compatible": b"simple-bus\0"}, [codec, other]),
    ]
    top = {**TWO, "model": b"X\0", "compatible": b"v,x\0", "interrupt-parent": cells(1, 1)}
    return build(DraftNode("", top, parts), reserve_map=[(base + 32 * MIB, MIB)])


def tree_of(blob: bytes, chosen: RealBoard = BOARD, *, lean: bool = False) -> Tree:
    made = real_scenario(chosen, blob, lean=lean, virt=virt())
    assert made.tree is not None
    return parse(made.tree)


def test_memory_and_regions_stay_where_the_board_has_them() -> None:
    tree = tree_of(board(0x8000_0000))
    assert tree.node("/memory@80000000").prop("reg").value == pairs((0x8000_0000, 2 * GIB))
    assert tree.node("/reserved-memory/pool@1").prop("reg").value == pairs((0x8100_0000, MIB))
    assert tree.node("/reserved-memory/dynamic").prop("alloc-ranges").value == pairs((0x8000_0000, GIB))
    assert [(entry.address, entry.size) for entry in tree.reserve_map] == [(0x8200_0000, MIB)]
    assert tree.root.prop("model").value == b"X\0"


def test_a_board_with_ram_below_that_of_qemu_moves_as_a_whole() -> None:
    tree = tree_of(board(0))
    assert tree.node("/memory@0").prop("reg").value == pairs((SHIFT, 2 * GIB))
    assert tree.node("/reserved-memory/pool@1").prop("reg").value == pairs((SHIFT + 16 * MIB, MIB))
    assert tree.node("/reserved-memory/dynamic").prop("alloc-ranges").value == pairs((SHIFT, GIB))
    assert [entry.address for entry in tree.reserve_map] == [SHIFT + 32 * MIB]


def test_hardware_is_that_of_virt() -> None:
    tree = tree_of(board(0x8000_0000))
    for path in ("/soc", "/soc/codec@5", "/soc/uart@6"):
        assert tree.node(path).prop("status").value == b"disabled\0"
    assert [node.name for node in tree.root.children][-3:-1] == ["virt-pl011@9000000", "virt-intc@8000000"]
    assert "status" not in tree.node("/virt-intc@8000000")
    assert tree.root.prop("interrupt-parent").value == cells(0x8002, 1)
    assert tree.root.prop("compatible").value == b"linux,dummy-virt\0"
    assert tree.node("/cpus/cpu@100").prop("reg").value == bytes(4)


def test_lean_leaves_out_what_is_not_about_memory() -> None:
    tree = tree_of(board(0x8000_0000), lean=True)
    assert tree.node("/soc/uart@6") is None
    assert [prop.name for prop in tree.node("/soc/codec@5").properties] == [
        "compatible",
        "memory-region",
        "status",
    ]
    assert tree.node("/reserved-memory/pool@1").prop("reg").value == pairs((0x8100_0000, MIB))
    assert tree.node("/cpus/cpu@100") is not None


def test_ram_is_filled_in_as_a_boot_loader_does() -> None:
    named = BOARD._replace(memory=((0x8000_0000, GIB), (0x1_0000_0000, GIB)))
    made = real_scenario(named, board(0x8000_0000, 0), virt=virt())
    assert made.tree is not None
    assert parse(made.tree).node("/memory@80000000").prop("reg").value == pairs(*named.memory)
    assert made.ram == 0x1_4000_0000 - 0x4000_0000


def test_image_tree_and_initrd_are_where_no_region_is() -> None:
    made = real_scenario(BOARD, board(0x8000_0000), virt=virt())
    places = {name: 0x4000_0000 + at for name, at in made.places.items()}
    assert places["kernel"] >= 0x8210_0000
    chosen = parse(made.tree or b"").node("/chosen")
    assert chosen.prop("linux,initrd-start").value == cells(places["initrd"], 2)
    assert chosen.prop("linux,initrd-end").value == cells(places["initrd"] + len(probe_archive()), 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"#size-cells": cells(1, 1)}, "two cells each", id="cells"),
        pytest.param({}, "does not say how much RAM", id="no-ram"),
    ],
)
def test_what_cannot_be_booted(change: dict[str, bytes], said: str) -> None:
    root = DraftNode.from_node(parse(board(0x8000_0000, 2 * GIB if change else 0)).root)
    root.properties.update(change)
    with pytest.raises(TreeError, match=said):
        real_scenario(BOARD, build(root), virt=virt())


def test_a_recorded_boot_can_be_made_again() -> None:
    found = recordings(source="real")
    assert len({recorded.scenario for recorded in found}) == 5
    for recorded in found:
        again = scenario_again(recorded)
        assert again.tree == recorded.dtb
        assert 0x4000_0000 + again.places["fdt"] == recorded.dtb_at


def test_iomem_is_compared() -> None:
    for recorded in recordings(source="real"):
        assert iomem_differences(recorded) == ()
    lines = recorded.fields["probe"]["files"]["/proc/iomem"]
    for old, new, said in (
        ("ffff : System RAM", "efff : System RAM", "missing"),
        ("  ", "  f", "not in the kernel's"),
    ):
        damaged = {"files": {"/proc/iomem": [line.replace(old, new, 1) for line in lines]}}
        found = iomem_differences(replace(recorded, fields={**recorded.fields, "probe": damaged}))
        assert any(said in text for text in found), found
    assert iomem_differences(replace(recorded, fields={**recorded.fields, "probe": None})) == ()


def test_the_init_is_a_program_of_this_machine() -> None:
    program = init_program()
    assert program[:4] == b"\x7fELF"
    machine, entry = struct.unpack_from("<H", program, 18)[0], struct.unpack_from("<Q", program, 24)[0]
    base, size = struct.unpack_from("<Q", program, 64 + 16)[0], struct.unpack_from("<Q", program, 64 + 32)[0]
    assert (machine, base + 64 + 56, size) == (183, entry, len(program))
    archive = gzip.decompress(probe_archive())
    assert archive.startswith(b"070701")
    assert program in archive


def test_what_the_probe_shows_is_cut_out_of_the_log() -> None:
    log = f"[    1.0] a\r\n{BEGIN}\r\n40000000-4fffffff : System RAM\r\n[    1.1] b\r\n  40000000-40000fff : reserved\r\n{END}\r\n"
    assert split_probe(log) == (
        "[    1.0] a\n",
        ["40000000-4fffffff : System RAM", "  40000000-40000fff : reserved"],
    )
    assert split_probe("[    1.0] a\n") == ("[    1.0] a\n", None)
