# SPDX-License-Identifier: Apache-2.0
"""Boards on disk for the tests of `carveout check`: blobs made without dtc, sources for where dtc is installed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from support.dts import BASE, REGIONS, compile_dts

if TYPE_CHECKING:
    from pathlib import Path

needs_dtc = pytest.mark.skipif(
    not (shutil.which("dtc") and shutil.which("cpp")), reason="dtc or cpp is not installed"
)

OVERLAP = """
modem@46000000 { reg = <0x0 0x46000000 0x0 0x2c00000>; no-map; };
ipa@48700000 { reg = <0x0 0x48700000 0x0 0x10000>; no-map; };
"""
CLEAN = "modem@46000000 { reg = <0x0 0x46000000 0x0 0x2000000>; no-map; };"
TYPO = "secure@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-mem; };"
TOO_LARGE = "pool { size = <0x0 0x20000000>; no-map; };"
"""512 MiB: fits into 1 GiB, not into 256 MiB."""


def blob(path: Path, regions: str) -> Path:
    """Write a small arm64 board with 1 GiB at 0x40000000 and these regions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(compile_dts(BASE + REGIONS % regions).blob))
    return path


SOURCE = """\
/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	compatible = "example,board";

	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a53"; reg = <0>; };
	};

	memory@40000000 {
		device_type = "memory";
		reg = <0x0 0x40000000 0x0 0x40000000>;
	};

	reserved-memory {
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
@REGIONS@
	};
};
"""


def source(path: Path, regions: str) -> Path:
    """Write the same board as a .dts; regions stand as given, each line on its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SOURCE.replace("@REGIONS@", regions.strip("\n")), encoding="utf-8")
    return path
