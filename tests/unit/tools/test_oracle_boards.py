# SPDX-License-Identifier: Apache-2.0
"""Scenarios become the trees they describe, and random boards are the same for the same seed."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path, PurePosixPath

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tools.oracle.fetch import target_name
from tools.oracle.found import FOUND
from tools.oracle.initrd import initrd_file
from tools.oracle.machines import MACHINES, jump_stub
from tools.oracle.random_boards import random_scenarios
from tools.oracle.record import Recorded, read_recorded, write_scenario
from tools.oracle.scenario import Cell, Edit, Scenario, dynamic, static
from tools.oracle.scenario_text import describe
from tools.oracle.scenarios import QUICK, SCENARIOS
from tools.oracle.trees import cells, scenario_tree
from tools.oracle.unusual_boards import TWISTS, unusual_scenarios

from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build
from carveout.span import MIB, Span

RAM = 0x4000_0000


def base() -> bytes:
    chosen = DraftNode("chosen", {"rng-seed": bytes(8), "stdout-path": b"/uart\0"})
    memory = DraftNode("memory@40000000", {"device_type": b"memory\0", "reg": bytes(16)})
    return build(DraftNode("", {"#address-cells": cells(2, 1), "#size-cells": cells(2, 1)}, [memory, chosen]))


def test_a_tree_holds_what_the_scenario_says() -> None:
    scenario = Scenario(
        id="x",
        title="x",
        regions=(static("a", MIB, 0x2000, "no-map"), dynamic("b", MIB, align=0x4000, ranges=((MIB, MIB),))),
        memreserve=((0x1000, 0x2000),),
        memory=(((0, 2 * MIB), (4 * MIB, MIB)), ((8 * MIB, MIB),)),
        nodes=(0, 1),
    )
    blob = scenario_tree(scenario, base(), ram_base=RAM, bootargs="quiet", initrd=Span(RAM, RAM + 5))
    tree = parse(blob)
    assert [(entry.address, entry.size) for entry in tree.reserve_map] == [(RAM + 0x1000, 0x2000)]
    children = tree.node("/reserved-memory").children
    assert [child.name for child in children] == ["a@40100000", "b"]
    assert children[0].prop("reg").cells() == (0, RAM + MIB, 0, 0x2000)
    assert children[0].prop("no-map").value == b""
    assert children[1].prop("alloc-ranges").cells() == (0, RAM + MIB, 0, MIB)
    assert children[1].prop("alignment").u64() == 0x4000
    memory = tree.node("/memory@40000000")
    assert memory.prop("reg").cells() == (0, RAM, 0, 2 * MIB, 0, RAM + 4 * MIB, 0, MIB)
    assert tree.node("/memory@40800000").prop("numa-node-id").u32() == 1
    chosen = tree.node("/chosen")
    assert chosen.prop("bootargs").string() == "quiet"
    assert chosen.prop("linux,initrd-end").u64() == RAM + 5
    assert chosen.prop("rng-seed") is None


def test_addresses_on_the_command_line_count_from_the_start_of_ram() -> None:
    scenario = Scenario(id="x", title="x", cmdline="cma=16M@+0x100000-+0x200000 mem=900M")
    assert scenario.arguments(RAM) == "cma=16M@0x40100000-0x40200000 mem=900M"


def test_own_scenarios_have_different_names_and_the_quick_ones_exist() -> None:
    names = [scenario.id for scenario in SCENARIOS]
    assert len(set(names)) == len(names) >= 10
    assert set(QUICK) <= set(names)


@pytest.mark.parametrize("scenario", [*SCENARIOS, *random_scenarios(40, seed=3)], ids=lambda s: s.id)
def test_every_scenario_makes_a_tree_and_a_text(scenario: Scenario) -> None:
    for machine in MACHINES.values():
        tree = parse(scenario_tree(scenario, base(), ram_base=machine.ram_base))
        assert len(tree.node("/reserved-memory").children) == len(scenario.regions)
    assert describe(scenario).count("{") == 2 + len(scenario.regions)


def test_random_boards_depend_on_seed_and_number_only() -> None:
    assert random_scenarios(5, seed=1) == random_scenarios(9, seed=1)[:5]
    assert random_scenarios(5, seed=1) != random_scenarios(5, seed=2)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("./boot/vmlinuz-6.1.0-50-arm64", "vmlinuz-6.1.0-50-arm64"),
        ("./usr/lib/modules/7.2.13+deb14-arm64/vmlinuz", "vmlinuz-7.2.13+deb14-arm64"),
        ("./boot/config-6.1.0-50-arm64", "config-6.1.0-50-arm64"),
        ("./usr/lib/modules/7.2.13+deb14-arm64/config", "config-7.2.13+deb14-arm64"),
        ("./usr/share/doc/vmlinuz-notes", None),
        ("./boot/System.map-6.1", None),
        ("./usr/lib/modules/6.1/kernel/fs/config.ko", None),
    ],
)
def test_which_files_of_a_package_are_kept(path: str, name: str | None) -> None:
    assert target_name(PurePosixPath(path)) == name


def test_the_stub_ends_with_where_to_go() -> None:
    assert jump_stub("arm64", 0x4800_0000, 0x4020_0000)[-16:] == bytes.fromhex(
        "0000004800000000 0000204000000000"
    )
    assert jump_stub("arm", 0x4800_0000, 0x4200_0000)[-8:] == bytes.fromhex("00000048 00000042")


def test_the_initrd_is_the_same_every_time(tmp_path: Path) -> None:
    one, two = (initrd_file(tmp_path / name).read_bytes() for name in "ab")
    assert one == two
    assert gzip.decompress(one).startswith(b"070701")


def test_a_written_scenario_can_be_read_and_imported(tmp_path: Path, repository: Path) -> None:
    scenario = SCENARIOS[0]
    dtb = scenario_tree(scenario, base(), ram_base=RAM)
    digest = __import__("hashlib").sha256(dtb).hexdigest()
    row = {
        "kernel": {"release": "9.9-test", "arch": "arm64"},
        "boot": {"kernel_file": None},
        "dtb_sha256": digest,
        "outcome": "ok",
    }
    write_scenario(tmp_path / "live" / scenario.id, scenario, "arm64", [Recorded(row, dtb, "")])
    (back,) = read_recorded(tmp_path / "live" / scenario.id)
    assert back.dtb == dtb
    assert back.row["outcome"] == "ok"
    sys.path.insert(0, str(repository / "tools"))
    import_boots = __import__("import_boots")
    groups: dict[tuple[str, str], object] = {}
    import_boots.add_scenario("live", tmp_path / "live" / scenario.id, groups)
    import_boots.write(tmp_path, groups)
    assert json.loads((tmp_path / "index.json").read_text())[0]["releases"] == {"9.9-test": 1}


def test_edits_set_what_the_fields_of_a_scenario_cannot_say() -> None:
    scenario = Scenario(
        id="x",
        title="x",
        regions=(static("a", MIB, 0x2000),),
        edits=(
            Edit("/reserved-memory/a", "reg", (Cell(0x10, from_ram=True), Cell(7, 1))),
            Edit("/reserved-memory", "ranges", None),
            Edit("/soc/part", "status", b"okay"),
            Edit("/empty", "", b""),
        ),
    )
    tree = parse(scenario_tree(scenario, base(), ram_base=RAM))
    assert tree.node("/reserved-memory/a@40100000").prop("reg").cells() == (0, RAM + 0x10, 7)
    assert tree.node("/reserved-memory").prop("ranges") is None
    assert tree.node("/soc/part").prop("status").value == b"okay"
    assert tree.node("/empty") is not None
    assert "number/cells" in describe(scenario)


@pytest.mark.parametrize("name", sorted(TWISTS))
def test_every_twist_makes_boards_that_can_be_booted(name: str) -> None:
    made = unusual_scenarios(8, seed=1, twists=(name,)) + unusual_scenarios(
        8, seed=1, twists=(name,), plain=True
    )
    assert made[:4] == unusual_scenarios(4, seed=1, twists=(name,))
    for scenario in made:
        assert name in scenario.tags
        parse(scenario_tree(scenario, base(), ram_base=RAM, bootargs=scenario.arguments(RAM)))
        assert describe(scenario).startswith("// SPDX")


def test_found_scenarios_are_trees() -> None:
    assert len({scenario.id for scenario in (*SCENARIOS, *FOUND)}) == len(SCENARIOS) + len(FOUND)
    for scenario in FOUND:
        parse(scenario_tree(scenario, base(), ram_base=RAM))


def test_memory_nodes_need_the_raw_loader_only_where_qemu_replaces_them() -> None:
    banks = Scenario(id="x", title="x", memory=(((0, MIB),),))
    assert banks.applies("arm64", has_raw=True)
    assert not banks.applies("riscv64", has_raw=False)
    assert banks.applies("riscv64", has_raw=False, keeps_memory=True)
