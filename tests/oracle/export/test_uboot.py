# SPDX-License-Identifier: Apache-2.0
"""U-Boot itself runs an exported script, in QEMU, and prints the tree that results."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from carveout.report.export.registry import render
from support.boards import KERNELS
from support.exports import export_of, hostile_regions, one_of_each

DEBIAN = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
TREE_AT = 0x4800_0000
PROMPT = "=> "
TIMEOUT_SECONDS = 60


class Board:
    """QEMU's arm64 board with U-Boot, at its prompt."""

    def __init__(self, uboot: Path, tree: Path) -> None:
        qemu = shutil.which("qemu-system-aarch64")
        assert qemu is not None
        self.process = subprocess.Popen(
            [
                qemu, "-M", "virt", "-cpu", "cortex-a53", "-m", "1G", "-nographic", "-net", "none", "-bios", str(uboot),
                "-device", f"loader,file={tree},addr={TREE_AT:#x},force-raw=on",
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._wait("Hit any key")
        self.type("")

    def type(self, line: str) -> str:
        """Type a line and return what is printed until the prompt is back."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self._wait(PROMPT).removeprefix(line)

    def _wait(self, words: str) -> str:
        assert self.process.stdout is not None
        text, end = "", time.monotonic() + TIMEOUT_SECONDS
        while not text.endswith(words) and not (words != PROMPT and words in text):
            ready, _, _ = select.select([self.process.stdout], [], [], 1)
            if ready:
                text += os.read(self.process.stdout.fileno(), 4096).decode(errors="replace").replace("\r", "")
            assert time.monotonic() < end, text
        return text.removesuffix(words)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.qemu
@pytest.mark.slow
@pytest.mark.parametrize("kind", [one_of_each, hostile_regions])
def test_uboot_writes_the_regions(kind: object, tmp_path: Path) -> None:
    """Set CARVEOUT_UBOOT to a U-Boot for QEMU's arm64 board; Debian's package u-boot-qemu has one."""
    uboot = Path(os.environ.get("CARVEOUT_UBOOT", DEBIAN))
    if not uboot.exists():
        pytest.skip("needs U-Boot for QEMU (Debian: apt-get install u-boot-qemu, or CARVEOUT_UBOOT=FILE)")
    export = export_of(*kind(), kernel=KERNELS[-1])  # type: ignore[operator]
    tree = tmp_path / "b.dtb"
    tree.write_bytes(export.board.tree.blob)
    script = render("uboot", export)
    board = Board(uboot, tree)
    try:
        board.type(f"setenv fdt_addr_r {TREE_AT:#x}")
        for line in script.splitlines():
            if line and not line.startswith("#"):
                said = board.type(line)
                assert "FDT_ERR" not in said.replace("fdt_path_offset() returned FDT_ERR_NOTFOUND", ""), (
                    line,
                    said,
                )
                assert "Unknown command" not in said
        printed = board.type("fdt print /reserved-memory")
    finally:
        board.close()
    regs = re.findall(
        r"^\treg = <0x(\w{8}) 0x(\w{8}) 0x(\w{8}) 0x(\w{8})>;$", printed.replace("\t\t", "\t"), re.MULTILINE
    )
    found = {(int(a + b, 16), int(c + d, 16)) for a, b, c, d in regs}
    assert {(entry.base, entry.size) for entry in export.entries} <= found
    if kind is one_of_each:
        (huge,) = re.findall(r"\bsize = <(\w+) (\w+)>", printed)  # the one that no room was found for
        assert huge == ("0x00000100", "0x00000000")
