# SPDX-License-Identifier: Apache-2.0
"""The Python interface: carveout.load, carveout.boot, carveout.Scene, and the example of the README."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING

import pytest

import carveout
from carveout.errors import DtbFormatError
from carveout.span import Span
from support.boards import blob_of, cpus, memory, region, reserved_memory, usual_board, usual_scene

if TYPE_CHECKING:
    from pathlib import Path

BLOB = blob_of(
    cpus(),
    memory((0x4000_0000, 1 << 30)),
    reserved_memory(region("fw@50000000", reg=[(0x5000_0000, 0x1000)])),
)


def test_load_bytes() -> None:
    board = carveout.load(BLOB)
    assert (board.arch, [node.path for node in board.memory]) == ("arm64", ["/memory@40000000"])


@pytest.mark.parametrize("kind", ["text", "path"])
def test_load_a_file(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "board.dtb"
    file.write_bytes(BLOB)
    assert carveout.load(file if kind == "path" else str(file)).tree.blob == BLOB


def test_load_what_is_no_tree(tmp_path: Path) -> None:
    with pytest.raises(DtbFormatError):
        carveout.load(b"no tree")
    with pytest.raises(FileNotFoundError):
        carveout.load(tmp_path / "none.dtb")
    assert issubclass(DtbFormatError, carveout.CarveoutError)


def test_boot() -> None:
    scene = carveout.Scene(
        kernel="6.12", kernel_image=Span.sized(0x4020_0000, 0x24F_0000), dtb_at=0x4800_0000
    )
    result = carveout.boot(carveout.load(BLOB), scene)
    (found,) = result.regions
    assert (found.base, found.size, found.outcome, found.exactness) == (
        0x5000_0000,
        0x1000,
        "placed",
        "exact",
    )


def test_one_board_many_scenes() -> None:
    # A board is not changed by booting it.
    board = usual_board(region("dyn", size=0x100_0000))
    first = carveout.boot(board, usual_scene("6.12"))
    carveout.boot(board, usual_scene("5.10", cmdline="mem=512M"))
    assert carveout.boot(board, usual_scene("6.12")) == first


def test_results_do_not_change() -> None:
    result = carveout.boot(carveout.load(BLOB))
    with pytest.raises(AttributeError):
        result.regions[0].base = 0  # type: ignore[misc]
    with pytest.raises(AttributeError):
        carveout.Scene().kernel = "6.1"  # type: ignore[misc]


def test_what_is_offered() -> None:
    assert set(carveout.__all__) == {
        "CarveoutError", "DeviceView", "KERNEL_DRIVERS", "MappingKind", "RegionDriver", "RegionDrivers",
        "RegionView", "Scene", "__version__", "boot", "load", "region_driver",
    }  # fmt: skip
    assert all(hasattr(carveout, name) for name in carveout.__all__)
    assert re.fullmatch(r"\d+\.\d+\.\d+", carveout.__version__)


def test_what_is_not_offered() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = carveout.nothing


def test_the_example_of_the_readme(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    found = re.search(r"## From Python\n\n```python\n(.*?)```\n\n```text\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    monkeypatch.chdir(repository)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(found[1], "README.md", "exec"), {})  # noqa: S102
    assert printed.getvalue() == found[2]
