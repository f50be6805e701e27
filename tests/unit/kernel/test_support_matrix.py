# SPDX-License-Identifier: Apache-2.0
"""docs/support-matrix.md is what the tables say, and the tables count what the golden tests hold."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("support_matrix", ROOT / "tools" / "support_matrix.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_support_matrix_is_in_step(tool: ModuleType) -> None:
    now = (ROOT / "docs" / "support-matrix.md").read_text(encoding="utf-8")
    assert now == tool.text(), "run make docs"


def test_every_recorded_boot_is_counted(tool: ModuleType) -> None:
    counts = tool.recorded()
    assert sum(count.boots for count in counts.values()) == 1425
    assert all(count.agree <= count.boots for count in counts.values())


def test_boots_that_no_test_holds_do_not_count_as_agreeing(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = tmp_path / "golden.py"
    golden.write_text('IMPLEMENTED = {("public", "arm64")}\nPENDING = {("public", "arm64"): "why"}\n')
    monkeypatch.setattr(tool, "GOLDEN", golden)
    assert sum(count.agree for count in tool.recorded().values()) == 0
    golden.write_text('IMPLEMENTED = {("public", "arm64")}\n')
    assert sum(count.agree for count in tool.recorded().values()) == 542
