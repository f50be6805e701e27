# SPDX-License-Identifier: Apache-2.0
"""`carveout kernels`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from carveout.cli.main import main

if TYPE_CHECKING:
    import pytest


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(["kernels", *argv]) == 0
    return capsys.readouterr().out


def test_the_verb_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "\n  kernels  " in capsys.readouterr().out


def test_the_overview_names_every_booted_kernel_and_field(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys)
    for word in (
        "5.10.223",
        "6.1.0-50-arm64",
        "6.12.107+deb13-arm64-16k",
        "7.2.13",
        "memreserve",
        "b41328187629",
    ):
        assert word in out
    assert "armmp" not in run(capsys, "--arch", "arm64")


def test_a_version_between_lists_differences_and_open_fields(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "6.6", "--arch", "arm64")
    assert out.startswith("Linux 6.6: not booted; between 6.1 and 6.12, which were\n")
    assert "Different from 6.1, " in out
    assert "Changed in 6.12, " in out
    assert "\nOpen, " in out
    assert "riscv_" not in out
    assert "Open" not in run(capsys, "6.12")
    assert "6.12.107 of the same series was" in run(capsys, "6.12.30")


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, "6.6", "--format", "json"))
    assert found["schema"] == "carveout.kernels/1"
    (kernel,) = found["kernels"]
    fields = {item["name"]: item for item in kernel["fields"]}
    assert fields["memreserve"]["value"] == "last"
    assert fields["memreserve"]["how"] == "read"
    assert fields["memreserve"]["change"]["release"] == "6.4"
    assert fields["memreserve"]["choices"] == ["first", "last"]
    assert fields["device_lookup"]["coming"]["value"] == "name"
    assert sorted(kernel["open"]) == sorted(n for n, item in fields.items() if item["how"] == "open")
    assert {"name": "memreserve", "old": "first", "new": "last"}.items() <= next(
        item for item in kernel["differences"]["6.1"] if item["name"] == "memreserve"
    ).items()
    assert "memreserve" not in {item["name"] for item in kernel["differences"]["6.12"]}
    assert len(json.loads(run(capsys, "--format", "json"))["kernels"]) == 4


def test_an_unknown_version_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "4.19"]) == 2
    assert "from 5.10 to 7.2" in capsys.readouterr().err
