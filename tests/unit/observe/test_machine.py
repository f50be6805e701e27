# SPDX-License-Identifier: Apache-2.0
"""A scene from a running machine: the recorded boots that were probed show what their kernels were given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.board import read_board
from carveout.boot import boot
from carveout.boot.result import Exactness
from carveout.boot.scene import Scene
from carveout.cli.main import main
from carveout.errors import ObservationError
from carveout.fdt import parse
from carveout.fdt.edit import remove_node
from carveout.observe.machine import Capture, observe, told
from carveout.span import Span
from support.compare import differences
from support.recordings import Recording, recording, recordings, scene_of

if TYPE_CHECKING:
    from pathlib import Path

    from carveout.board import Board

PROBED = [r for r in recordings(source="public") if r.fields.get("probe")]


def capture_of(recorded: Recording, **more: object) -> Capture:
    iomem = "\n".join(recorded.fields["probe"]["files"]["/proc/iomem"]) + "\n"
    values = {
        "version": f"Linux version {recorded.release} (maintainer@example.org) (gcc) #1 SMP\n",
        "cmdline": recorded.cmdline + "\n",
        "iomem": iomem,
        **more,
    }
    return Capture(**values)


def board_of(recorded: Recording) -> Board:
    return read_board(parse(recorded.dtb))


def test_there_are_probed_boots_of_three_architectures() -> None:
    assert {r.arch for r in PROBED} == {"arm", "arm64", "riscv64"}


@pytest.mark.parametrize("recorded", PROBED, ids=lambda r: r.id)
def test_what_is_seen_is_what_was_given(recorded: Recording) -> None:
    seen = observe(board_of(recorded), capture_of(recorded), Scene()).scene
    given = scene_of(recorded)
    assert (seen.kernel, seen.cmdline) == (given.kernel, given.cmdline)
    # What is not shown is not made up; what is said is right.
    assert seen.kernel_image in (given.kernel_image, None)
    assert seen.dtb_at in (given.dtb_at, None)
    if recorded.arch in ("arm64", "arm"):
        assert seen.kernel_image is not None


@pytest.mark.parametrize("recorded", [r for r in PROBED if r.arch == "arm64"], ids=lambda r: r.id)
def test_a_scene_that_was_wholly_seen_gives_the_recorded_boot(recorded: Recording) -> None:
    board = board_of(recorded)
    observed = observe(board, capture_of(recorded), Scene())
    if observed.scene.dtb_at is None:
        assert any("--dtb-at" in note for note in observed.notes)
        return
    assert differences(recorded, boot(board, observed.scene)) == []


CMA_DYN = "cma-dyn__6.1.0-50-arm64"


def test_every_value_names_its_file() -> None:
    recorded = recording(CMA_DYN)
    board = board_of(recorded)
    observed = observe(board, capture_of(recorded), Scene())
    result = told(boot(board, observed.scene), observed)
    sources = {fact.name: fact.source for fact in result.scene.facts}
    assert sources["kernel"] == "proc/version"
    assert sources["cmdline"] == "proc/cmdline"
    assert sources["kernel-image"] == "proc/iomem"
    assert sources["dtb-at"].startswith("proc/iomem")
    assert sources["memory"] == "tree"
    assert result.exactness is Exactness.EXACT


def test_the_user_wins() -> None:
    given = Scene(kernel="6.12", cmdline="quiet", kernel_image=Span(1 << 30, 2 << 30), dtb_at=0x4100_0000)
    observed = observe(board_of(recording(CMA_DYN)), capture_of(recording(CMA_DYN)), given)
    assert observed.scene == given
    assert observed.sources == {}


def test_zeros_are_said_and_not_used() -> None:
    recorded = recording(CMA_DYN)
    hidden = "00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n"
    observed = observe(board_of(recorded), capture_of(recorded, iomem=hidden), Scene())
    assert observed.scene.kernel_image is None
    assert any("zeros" in note and "root" in note for note in observed.notes)


def test_ram_comes_from_iomem_where_the_tree_has_none() -> None:
    recorded = recording(CMA_DYN)
    tree = remove_node(parse(recorded.dtb), "/memory@40000000")
    observed = observe(read_board(tree), capture_of(recorded), Scene())
    assert observed.scene.memory == (Span(0x4000_0000, 0x8000_0000),)
    assert any("mem=" in note for note in observed.notes)


def test_a_boot_through_efi_is_noticed() -> None:
    recorded = recording("efi-dyn__6.12.107+deb13-arm64")
    observed = observe(board_of(recorded), capture_of(recorded), Scene())
    assert observed.scene.efi
    assert observed.scene.dtb_at is None
    assert any("--efi-map" in note for note in observed.notes)


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [("version", "hello\n", "proc/version: expected"), ("iomem", "hello\n", "proc/iomem: line 1: expected")],
)
def test_a_file_of_another_form_is_named(field: str, text: str, words: str) -> None:
    recorded = recording(CMA_DYN)
    with pytest.raises(ObservationError, match=words):
        observe(board_of(recorded), capture_of(recorded, **{field: text}), Scene())


# ------------------------------------------------------------------ the command line


@pytest.fixture
def captured(tmp_path: Path) -> Path:
    recorded = recording(CMA_DYN)
    capture = capture_of(recorded)
    for name, data in (
        ("sys/firmware/fdt", recorded.dtb),
        ("proc/version", capture.version.encode()),
        ("proc/cmdline", capture.cmdline.encode()),
        ("proc/iomem", capture.iomem.encode()),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_a_map_of_captured_files(captured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "--live", str(captured)]) == 0
    shown = capsys.readouterr().out
    assert "0x40210000+0x2000000 [proc/iomem]" in shown
    assert "neither proc/config.gz nor boot/config-6.1.0-50-arm64 is there" in " ".join(shown.split())


def test_missing_files_are_said(captured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (captured / "proc/iomem").unlink()
    assert main(["map", "--live", str(captured)]) == 0
    assert "where the kernel and the tree are" in " ".join(capsys.readouterr().out.split())


def test_no_tree_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "--live", str(tmp_path)]) == 3
    assert "sys/firmware/fdt" in capsys.readouterr().err
    assert main(["map", "--live", str(tmp_path / "none")]) == 3


def test_a_release_is_no_path(captured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (captured / "proc/version").write_text("Linux version 6.1/../../../sys/firmware/fdt x\n")
    assert main(["map", "--live", str(captured)]) in (0, 2)
    assert "config" not in capsys.readouterr().err


def test_board_and_live_exclude_each_other(captured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "x.dtb", "--live", str(captured)]) == 2
    assert main(["map"]) == 2
    assert "--live" in capsys.readouterr().err
