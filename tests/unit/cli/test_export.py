# SPDX-License-Identifier: Apache-2.0
"""`carveout export`, from the command line to files and exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from carveout.cli.main import main
from carveout.report.export.registry import EXPORTERS
from support.boards import blob_of, cells, cpus, memory, node, region, reserved_memory

if TYPE_CHECKING:
    from pathlib import Path

SCENE = ["--kernel", "6.12", "--kernel-image", "0x40200000+0x24f0000", "--dtb-at", "0x48000000"]


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(["export", *argv])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("name", EXPORTERS)
def test_every_format_runs(name: str, board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, str(board_dtb), "--to", name, *SCENE)
    assert (code, err) == (0, "")
    assert "50000000" in out


def test_a_file_is_written_whole_and_no_input_is_written_over(
    board_dtb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "rmem.h"
    code, out, _ = run(capsys, str(board_dtb), "--to", "c", "-o", str(target), *SCENE)
    assert (code, out) == (0, "")
    assert target.read_text().rstrip().endswith("#endif /* RMEM_REGIONS_H */")
    before = board_dtb.read_bytes()
    code, _, err = run(capsys, str(board_dtb), "--to", "c", "-o", str(board_dtb), *SCENE)
    assert code == 2
    assert "is an input" in err
    assert board_dtb.read_bytes() == before


@pytest.mark.parametrize("word", ["fw", "fw@50000000", "/reserved-memory/fw@50000000", "rmem_fw"])
def test_a_region_can_be_named_in_each_way(
    word: str, board_dtb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, str(board_dtb), "--to", "json", "--region", word, *SCENE)
    assert code == 0
    assert [row["name"] for row in json.loads(out)["regions"]] == ["fw@50000000"]


def test_a_region_that_has_no_place_is_no_clean_run(
    board_dtb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(
        capsys, str(board_dtb), "--to", "json", "--region", "pool", *SCENE, "--memory", "24M@0x4f000000"
    )
    assert code == 1
    assert json.loads(out)["regions"] == []
    assert "left out: /reserved-memory/pool: no room" in err


def test_exact_leaves_out_what_is_modelled(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, str(board_dtb), "--to", "json", "--exact", "--kernel", "6.12")
    assert code == 0
    assert json.loads(out)["regions"] == []
    assert "left out: /reserved-memory/pool: modelled: the place of the kernel is not known" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--to", "pascal"], "invalid choice"),
        (["--to", "c", "--prefix", "1x"], "cannot begin an identifier"),
        (
            ["--to", "c", "--region", "nothing"],
            "no region is called 'nothing'; regions with a place: fw@50000000",
        ),
        (["--to", "c", "--for", "/nowhere"], "the tree has no such node"),
        (["--to", "c", "--for", "/cpus"], "has no memory-region"),
        (["--to", "c", "--chosen", "zephyr,sram=fw"], "--chosen is for --to zephyr"),
        (["--to", "zephyr", "--chosen", "zephyr,sram"], "expected PROPERTY=REGION"),
        (["--to", "zephyr", "--chosen", 'a";=fw'], "expected PROPERTY=REGION"),
        (["--to", "zephyr", "--chosen", "zephyr,sram=nothing"], "no exported region called 'nothing'"),
        (["--to", "iomem", "--region", "fw"], "--to iomem shows all of memory"),
        ([], "--to"),
    ],
)
def test_usage(argv: list[str], message: str, board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, str(board_dtb), *argv)
    assert (code, out) == (2, "")
    assert message in err


def test_chosen_names_the_node(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, str(board_dtb), "--to", "zephyr", "--chosen", "zephyr,ipc_shm=fw", *SCENE)
    assert code == 0
    assert "\tchosen {\n\t\tzephyr,ipc_shm = &rmem_fw;\n\t};\n" in out


def test_a_device_sees_its_own_addresses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bus = node(
        "soc",
        {"#address-cells": cells(1), "#size-cells": cells(1), "ranges": b"",
         "dma-ranges": cells(0x10000000, 0, 0x50000000, 0x00200000)},
        node("dsp", {"memory-region": cells(1, 2)}),
    )  # fmt: skip
    tree = blob_of(
        cpus(),
        memory((0x4000_0000, 1 << 30)),
        reserved_memory(
            region("near@50100000", "no-map", reg=[(0x5010_0000, 0x10_0000)], phandle=1),
            region("far@60000000", "no-map", reg=[(0x6000_0000, 0x10_0000)], phandle=2),
            region("other@61000000", "no-map", reg=[(0x6100_0000, 0x10_0000)]),
        ),
        bus,
    )
    path = tmp_path / "b.dtb"
    path.write_bytes(tree)
    code, out, err = run(capsys, str(path), "--to", "ld", "--for", "/soc/dsp", *SCENE)
    assert "RMEM_NEAR : ORIGIN = 0x10100000, LENGTH = 0x00100000" in out
    assert "other" not in out
    assert "/soc/dsp cannot reach it through dma-ranges" in err
    assert code == 1


def test_a_boot_that_dies_is_no_clean_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool = region("pool@90000000", "reusable", reg=[(0x9000_0000, 32 << 20)], compatible="shared-dma-pool")
    path = tmp_path / "b.dtb"
    path.write_bytes(blob_of(cpus(), memory((0x4000_0000, 1 << 30)), reserved_memory(pool)))
    code, out, err = run(capsys, str(path), "--to", "ld", *SCENE)
    assert code == 1
    assert "these places are not those of a running system" in out
    assert "This boot panics" in err
