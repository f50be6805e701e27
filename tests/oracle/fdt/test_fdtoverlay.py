# SPDX-License-Identifier: Apache-2.0
"""Overlays against fdtoverlay, libfdt's own merge: the same tree, in the same order."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from carveout.errors import OverlayError
from carveout.fdt import Tree, parse
from carveout.fdt.overlay import apply

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.dtc,
    pytest.mark.skipif(shutil.which("fdtoverlay") is None, reason="needs fdtoverlay (device-tree-compiler)"),
]

BASE = """/dts-v1/;
/memreserve/ 0x1000 0x2000;
/ {
    compatible = "a,b"; refers = <&uart1>;
    aliases { serial0 = &uart1; };
    soc: soc {
        #address-cells = <1>; x; y;
        uart1: uart@1000 { reg = <1>; p; };
        uart2: uart@2000 { q; };
        i2c: bus { };
    };
    rmem: reserved-memory {
        #address-cells = <2>; #size-cells = <2>; ranges;
        a@80000000 { reg = <0 0x80000000 0 0x1000>; };
        pool: b@90000000 { reg = <0 0x90000000 0 0x1000>; };
    };
};
"""
OVERLAYS = {
    "order": """&soc { n1; n2 = <1>; x = "new"; c1 { a; b; c11 { }; c12 { }; }; c2 { }; };""",
    "regions": """&rmem {
        one: one@a0000000 { reg = <0 0xa0000000 0 0x1000>; no-map; };
        two@b0000000 { reg = <0 0xb0000000 0 0x1000>; uses = <&one>; };
    };
    &uart2 { memory-region = <&one>, <&pool>; };""",
    "references": """&soc {
        m1: m1 { r = <1 &m2 2 &uart1 &m1>; s = "text", [00 11 22 33], <&uart2>; path = &m2; };
        m2: m2 { r = <&m1 &uart1>; };
    };
    &{/soc/uart@1000} { self = <&soc &m1>; };""",
    "target-path": """/ {
        fragment@0 { target-path = "serial0"; __overlay__ { alias; }; };
        fragment@1 { target-path = "/soc/uart"; __overlay__ { loose; sub { }; }; };
        fragment@2 { target-path = "/soc"; __overlay__ { uart { looser; }; uart@2000 { exact; }; uart@3 { }; }; };
        fragment@3 { target-path = "/"; __overlay__ { top { }; reserved-memory { deep { }; }; }; };
    };""",
    "symbols": """&{/} { s1: s1 { s2: s2 { }; }; }; &i2c { s3: dev@50 { reg = <0x50>; }; };""",
    "later fragment": """/ {
        fragment@0 { target-path = "/soc"; __overlay__ { fresh: fresh { }; }; };
        fragment@1 { target = <&fresh>; __overlay__ { late; }; };
    };""",
    "empty": "&soc { };",
}


def compile_to(path: Path, source: str) -> Tree:
    subprocess.run(
        ["dtc", "-q", "-f", "-@", "-O", "dtb", "-o", str(path), "-"], input=source.encode(), check=True
    )
    return parse(path.read_bytes())


def as_text(data: bytes) -> str:
    return subprocess.run(
        ["dtc", "-q", "-f", "-I", "dtb", "-O", "dts", "-"], input=data, capture_output=True, check=True
    ).stdout.decode()


def overlay_of(body: str) -> str:
    return f"/dts-v1/;\n/plugin/;\n{body}\n"


def compare(folder: Path, names: list[str]) -> None:
    merged = compile_to(folder / "base.dtb", BASE)
    files = []
    for number, name in enumerate(names):
        file = folder / f"{number}.dtbo"
        merged = apply(merged, compile_to(file, overlay_of(OVERLAYS[name])))
        files.append(str(file))
    result = folder / "result.dtb"
    subprocess.run(
        ["fdtoverlay", "-i", str(folder / "base.dtb"), "-o", str(result), *files],
        check=True,
        capture_output=True,
    )
    assert as_text(merged.blob) == as_text(result.read_bytes())


@pytest.mark.parametrize("name", list(OVERLAYS))
def test_one_overlay(tmp_path: Path, name: str) -> None:
    compare(tmp_path, [name])


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["regions", "references"], id="two"),
        pytest.param(["order", "order"], id="twice the same"),
        pytest.param(list(OVERLAYS), id="all"),
        pytest.param(list(reversed(OVERLAYS)), id="all in reverse"),
    ],
)
def test_overlays_in_sequence(tmp_path: Path, names: list[str]) -> None:
    compare(tmp_path, names)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("&nowhere { };", id="unknown label"),
        pytest.param("&{/nowhere} { };", id="unknown path"),
        pytest.param('/ { fragment@0 { target-path = "nowhere"; __overlay__ { }; }; };', id="unknown alias"),
        pytest.param("/ { fragment@0 { __overlay__ { }; }; };", id="no target"),
        pytest.param(
            "/ { fragment@0 { target = <0xffffffff>; __overlay__ { }; }; };", id="target not fixed up"
        ),
        pytest.param("/ { fragment@0 { target = <77>; __overlay__ { }; }; };", id="unknown phandle"),
        pytest.param("&soc { phandle = <0xfffffffe>; };", id="no room for phandles"),
    ],
)
def test_what_fdtoverlay_refuses_is_refused(tmp_path: Path, body: str) -> None:
    base = compile_to(tmp_path / "base.dtb", BASE)
    overlay = compile_to(tmp_path / "o.dtbo", overlay_of(body))
    command = [
        "fdtoverlay",
        "-i",
        str(tmp_path / "base.dtb"),
        "-o",
        str(tmp_path / "r"),
        str(tmp_path / "o.dtbo"),
    ]
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
    with pytest.raises(OverlayError):
        apply(base, overlay)
