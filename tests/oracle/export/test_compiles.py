# SPDX-License-Identifier: Apache-2.0
"""Every export is read by the program it is for: ld, gcc, rustc, dtc, mkimage, where they are installed.

The numbers are then read back out of what the program made, so that they are right and not only accepted.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from carveout.board import read_board
from carveout.boot.run import boot
from carveout.fdt import parse
from carveout.fdt.overlay import apply
from carveout.report.export.registry import render
from carveout.values import replace
from support.boards import KERNELS, usual_scene
from support.exports import export_of, hostile_regions, one_of_each

if TYPE_CHECKING:
    from pathlib import Path

    from carveout.report.export.model import Export

BOARDS = {"usual": one_of_each, "hostile": hostile_regions}
every_board = pytest.mark.parametrize("kind", BOARDS)
prefixes = pytest.mark.parametrize("prefix", ["rmem", ""], ids=["prefix", "none"])


def tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name} (Debian: apt-get install {package})")
    return found


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def exported(kind: str, prefix: str = "rmem") -> Export:
    return export_of(*BOARDS[kind](), prefix=prefix)


@every_board
@prefixes
def test_ld_places_a_section_in_each_region(kind: str, prefix: str, tmp_path: Path) -> None:
    cc, ld = tool("gcc", "gcc"), tool("ld", "binutils")
    nm = tool("nm", "binutils")
    export = exported(kind, prefix)
    (tmp_path / "rmem.ld").write_text(render("ld", export))
    names = [entry.identifier for entry in export.entries]
    source = "".join(f'char v_{n}[16] __attribute__((section(".s.{n}"))) = {{1}};\n' for n in names)
    (tmp_path / "a.c").write_text(source)
    rules = "".join(f"  .s.{n} : {{ KEEP(*(.s.{n})) }} > {n.upper()}\n" for n in names)
    script = (
        "INCLUDE rmem.ld\nSECTIONS {\n" + rules + "  /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) }\n}\n"
    )
    (tmp_path / "all.ld").write_text(script)
    run(cc, "-c", tmp_path / "a.c", "-o", tmp_path / "a.o", "-fno-pic", "-mcmodel=large")
    run(ld, "-L", tmp_path, "-T", tmp_path / "all.ld", "-e", "0", tmp_path / "a.o", "-o", tmp_path / "a.elf")
    listed = {
        name: int(address, 16)
        for address, name in re.findall(r"^([0-9a-f]+) \w (\S+)$", run(nm, tmp_path / "a.elf"), re.MULTILINE)
    }
    for entry in export.entries:
        assert listed[f"__{entry.identifier}_start"] == entry.base
        assert listed[f"__{entry.identifier}_end"] == entry.base + entry.size
        assert listed[f"__{entry.identifier}_size"] == entry.size
        assert listed[f"v_{entry.identifier}"] == entry.base


@every_board
def test_ld_takes_the_script_alone(kind: str, tmp_path: Path) -> None:
    cc, ld = tool("gcc", "gcc"), tool("ld", "binutils")
    (tmp_path / "rmem.ld").write_text(render("ld", exported(kind)))
    (tmp_path / "a.c").write_text("int f(void) { return 0; }\n")
    run(cc, "-c", tmp_path / "a.c", "-o", tmp_path / "a.o")
    run(ld, "-r", "-T", tmp_path / "rmem.ld", tmp_path / "a.o", "-o", tmp_path / "b.o")


@every_board
@prefixes
def test_gcc_reads_the_header(kind: str, prefix: str, tmp_path: Path) -> None:
    cc = tool("gcc", "gcc")
    export = exported(kind, prefix)
    (tmp_path / "rmem.h").write_text(render("c", export))
    whole = (prefix or "reserved_memory").lower()
    checks = "".join(
        f'_Static_assert({e.identifier.upper()}_BASE == {e.base}ull, "");\n'
        f'_Static_assert({e.identifier.upper()}_SIZE == {e.size}ull, "");\n'
        for e in export.entries
    )
    main = (
        '#include "rmem.h"\n#include "rmem.h"\n#include <stdio.h>\n' + checks +
        f"static const struct {whole}_region all[] = {whole.upper()}_REGIONS_INIT;\n"
        f"int main(void) {{ for (int i = 0; i < {whole.upper()}_REGION_COUNT; i++)\n"
        '  printf("%llx %llx %s\\n", all[i].base, all[i].size, all[i].name);\n return 0; }\n'
    )  # fmt: skip
    (tmp_path / "a.c").write_text(main)
    for standard in ("c99", "gnu11"):
        run(cc, f"-std={standard}", "-Wall", "-Wextra", "-Werror", tmp_path / "a.c", "-o", tmp_path / "a")
    rows = run(tmp_path / "a").splitlines()
    assert [row.split(" ")[:2] for row in rows] == [[f"{e.base:x}", f"{e.size:x}"] for e in export.entries]
    (tmp_path / "a.S").write_text(
        '#include "rmem.h"\n.quad ' + export.entries[0].identifier.upper() + "_BASE\n"
    )
    run(cc, "-c", tmp_path / "a.S", "-o", tmp_path / "s.o")


@every_board
@prefixes
def test_rustc_reads_the_module(kind: str, prefix: str, tmp_path: Path) -> None:
    rustc = tool("rustc", "rustc")
    export = exported(kind, prefix)
    (tmp_path / "rmem.rs").write_text(render("rust", export))
    table = f"{(prefix or 'reserved_memory').upper()}_REGIONS"
    checks = "".join(
        f"const _: () = assert!(rmem::{e.identifier.upper()}_BASE == {e.base} && rmem::{table}[{n}].size == {e.size});\n"
        for n, e in enumerate(export.entries)
    )
    (tmp_path / "lib.rs").write_text(
        '#![no_std]\n#![deny(warnings)]\npub mod rmem;\npub mod again { include!("rmem.rs"); }\n' + checks
    )
    run(
        rustc,
        "--edition=2021",
        "--crate-type=lib",
        "--emit=metadata",
        "--out-dir",
        tmp_path,
        tmp_path / "lib.rs",
    )


def compiled(source: str, folder: Path, *options: str) -> bytes:
    (folder / "a.dts").write_text(source)
    run("dtc", *options, "-I", "dts", "-O", "dtb", "-o", folder / "a.dtb", folder / "a.dts")
    return (folder / "a.dtb").read_bytes()


def regs(blob: bytes, address_cells: int, size_cells: int) -> set[tuple[int, int]]:
    code = ">" + {1: "I", 2: "Q"}[address_cells] + {1: "I", 2: "Q"}[size_cells]
    found = set()
    for node in parse(blob).nodes():
        prop = node.prop("reg")
        if prop is not None:
            found |= set(struct.iter_unpack(code, prop.value))
    return found


@pytest.mark.dtc
@every_board
def test_dtc_reads_the_source(kind: str, tmp_path: Path) -> None:
    export = exported(kind)
    text = render("dts", export)
    blob = compiled("/dts-v1/;\n" + text, tmp_path, "-q")
    said = {e.region.path for e in export.entries if f"left out: {e.region.path}" in text}
    if kind == "usual":
        assert not said
        assert regs(blob, 2, 2) == {(e.base, e.size) for e in export.entries}
        assert not list(parse(blob).properties_named("size"))


@pytest.mark.dtc
@pytest.mark.parametrize("kernel", KERNELS)
@every_board
def test_dtc_reads_the_overlay_and_it_can_be_applied(kind: str, kernel: str, tmp_path: Path) -> None:
    """The tree that results has every region at the same place, dynamic ones with their `size` still there."""
    export = export_of(*BOARDS[kind](), kernel=kernel)
    overlay = compiled(render("dtso", export), tmp_path, "-q", "-@")
    tree = apply(export.board.tree, parse(overlay))
    again = boot(read_board(tree), usual_scene(kernel))
    wanted = {e.region.name: (e.base, e.size) for e in export.entries}
    assert {r.name: (r.base, r.size) for r in again.regions if r.base is not None} == wanted


@pytest.mark.dtc
@every_board
def test_dtc_reads_the_zephyr_overlay(kind: str, tmp_path: Path) -> None:
    export = exported(kind)
    base = "/dts-v1/;\n/ { #address-cells = <1>; #size-cells = <1>; chosen { }; };\n"
    export = replace(export, chosen=(("zephyr,sram", export.entries[0].identifier),))
    blob = compiled(base + render("zephyr", export), tmp_path, "-q", "-@")
    assert regs(blob, 1, 1) == {(e.base, e.size) for e in export.entries}
    names = [p.value for p in parse(blob).properties_named("zephyr,memory-region")]
    assert names == [e.identifier.upper().encode() + b"\0" for e in export.entries]


BINDING = """
description: a linker region
compatible: "zephyr,memory-region"
properties:
  compatible: {type: string-array, required: true}
  reg: {type: array, required: true}
  zephyr,memory-region: {type: string, required: true}
"""


@every_board
def test_zephyrs_own_reader_finds_the_regions(kind: str, tmp_path: Path) -> None:
    edtlib = pytest.importorskip("devicetree.edtlib", reason="needs Zephyr's reader: pip install devicetree")
    export = exported(kind)
    export = replace(export, chosen=(("zephyr,sram", export.entries[0].identifier),))
    base = "/dts-v1/;\n/ { #address-cells = <1>; #size-cells = <1>; chosen { }; soc { }; };\n"
    (tmp_path / "a.dts").write_text(base + render("zephyr", export))
    (tmp_path / "bindings").mkdir()
    (tmp_path / "bindings" / "zephyr,memory-region.yaml").write_text(BINDING)
    tree = edtlib.EDT(str(tmp_path / "a.dts"), [str(tmp_path / "bindings")])
    nodes = [node for node in tree.nodes if "zephyr,memory-region" in node.compats]
    assert [(n.props["zephyr,memory-region"].val, n.regs[0].addr, n.regs[0].size) for n in nodes] == [
        (e.identifier.upper(), e.base, e.size) for e in export.entries
    ]
    assert tree.chosen_node("zephyr,sram").regs[0].addr == export.entries[0].base


@every_board
def test_mkimage_packs_the_script(kind: str, tmp_path: Path) -> None:
    mkimage = tool("mkimage", "u-boot-tools")
    (tmp_path / "a.cmd").write_text(render("uboot", exported(kind)))
    run(mkimage, "-A", "arm64", "-T", "script", "-C", "none", "-d", tmp_path / "a.cmd", tmp_path / "a.scr")


@every_board
def test_a_shell_reads_the_script_as_commands(kind: str, tmp_path: Path) -> None:
    """U-Boot's hush reads words, quotes, comments and || as a POSIX shell does; `fdt` prints its words here."""
    shell = tool("sh", "dash")
    export = exported(kind)
    text = 'fdt() { printf \'%s|\' "$@"; echo; test "$1" != list; }\nfdt_addr_r=0x48000000\n'
    # Without quotes a POSIX shell takes < and > for redirections, which hush does not know.
    script = "\n".join(
        line if line.startswith("#") else re.sub(r"<([^>]*)>", r"'<\1>'", line)
        for line in render("uboot", export).splitlines()
    )
    (tmp_path / "a.sh").write_text(text + script + "\n")
    lines = run(shell, tmp_path / "a.sh").splitlines()
    assert lines[0] == "addr|0x48000000|"
    assert all(line.split("|")[0] in {"addr", "resize", "list", "mknode", "set", "rm"} for line in lines)
    if kind == "usual":
        regs_set = [line for line in lines if line.split("|")[2:3] == ["reg"]]
        assert len(regs_set) == len(export.entries)
