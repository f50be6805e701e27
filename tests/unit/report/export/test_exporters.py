# SPDX-License-Identifier: Apache-2.0
"""Each format: where its numbers are from, what is left out, and that names stay names."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from carveout.report.export.registry import EXPORTERS, render
from carveout.report.export.text import comment_text, quoted
from support.boards import region
from support.exports import MIB, export_of, hostile_regions, one_of_each

# The dynamic regions' places, from the boot itself: one number in every format.
TEXT_FORMATS = [name for name in EXPORTERS if name not in ("csv", "json", "iomem")]


def placed(export: object) -> dict[str, tuple[int, int]]:
    return {entry.identifier: (entry.base, entry.size) for entry in export.entries}  # type: ignore[attr-defined]


def test_what_has_no_place_is_left_out_and_said() -> None:
    export = export_of(*one_of_each())
    assert [entry.region.name for entry in export.entries] == ["fw@50000000", "log@50100000", "pool", "stats"]
    (left,) = export.left_out
    assert left.path == "/reserved-memory/huge"
    assert left.reason.startswith("no room")
    for name in TEXT_FORMATS:
        assert f"left out: {left.path}: no room" in render(name, export)
    assert json.loads(render("json", export))["left_out"] == [{"path": left.path, "reason": left.reason}]


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_every_place_says_where_it_is_from(name: str) -> None:
    text = render(name, export_of(*one_of_each()))
    assert "Linux 6.12, arm64, 4 KiB pages, preset debian" in text
    assert "0x50000000..0x500fffff, 1 MiB: reg of the node, exact" in text
    assert re.search(r"0x[0-9a-f]{8}\.\.0x[0-9a-f]{8}, 32 MiB: placed by Linux 6\.12, exact", text)
    assert "modelled" not in text.replace("MODELLED: the place depends", "").replace("FLAG_MODELLED", "")


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_modelled_places_say_so_and_why(name: str) -> None:
    text = render(name, export_of(*one_of_each(), kernel_image=None))
    assert "32 MiB: placed by Linux 6.12, modelled" in text
    assert "modelled: the place of the kernel is not known: pass --kernel-image BASE+SIZE" in text


def test_ld() -> None:
    export = export_of(*one_of_each())
    text = render("ld", export)
    for name, (base, size) in placed(export).items():
        assert f"  {name.upper()} : ORIGIN = 0x{base:08x}, LENGTH = 0x{size:08x}\n" in text
        assert f"__{name}_end = 0x{base + size:08x};" in text


def test_c_and_rust() -> None:
    export = export_of(*one_of_each())
    header, rust = render("c", export), render("rust", export)
    for name, (base, size) in placed(export).items():
        assert (
            f"#define {name.upper()}_BASE 0x{base:08x}\n#define {name.upper()}_SIZE 0x{size:08x}\n" in header
        )
        assert f"pub const {name.upper()}_BASE: u64 = 0x{base:08x};" in rust
    assert '{ "fw@50000000", RMEM_FW_BASE, RMEM_FW_SIZE, RMEM_FLAG_NOMAP }' in header
    assert (
        'name: "pool", base: RMEM_POOL_BASE, size: RMEM_POOL_SIZE, nomap: false, reusable: true, exact: true'
        in rust
    )


def test_tables() -> None:
    export = export_of(*one_of_each())
    rows = list(csv.DictReader(io.StringIO(render("csv", export))))
    assert [row["name"] for row in rows] == ["fw@50000000", "log@50100000", "pool", "stats", "huge"]
    assert rows[0]["last"] == "0x500fffff"
    assert rows[2]["origin"] == "placed by Linux 6.12"
    assert rows[4]["base"] == ""
    assert rows[4]["why"].startswith("no room")
    value = json.loads(render("json", export))
    assert value["schema"] == "carveout.export/1"
    assert [(r["identifier"], int(r["base"], 16), int(r["size"], 16)) for r in value["regions"]] == [
        (name, *place) for name, place in placed(export).items()
    ]


def test_further_entries_of_reg_are_parts_on_kernels_that_reserve_them() -> None:
    two = region("two@50000000", reg=[(0x5000_0000, MIB), (0x5800_0000, 2 * MIB)])
    old, new = export_of(two, kernel="5.10"), export_of(two, kernel="7.2")
    assert placed(old) == {"rmem_two": (0x5000_0000, MIB), "rmem_two_part1": (0x5800_0000, 2 * MIB)}
    assert placed(new) == {"rmem_two": (0x5000_0000, MIB)}
    assert "reg = <0x0 0x50000000 0x0 0x100000>, <0x0 0x58000000 0x0 0x200000>;" in render("dts", old)


def test_flags_are_those_of_the_tree() -> None:
    export = export_of(
        region(
            "p@50000000",
            "reusable",
            "linux,cma-default",
            reg=[(0x5000_0000, 4 * MIB)],
            compatible="shared-dma-pool",
        )
    )
    for name in ("dts", "dtso"):
        assert re.search(
            r'"shared-dma-pool";\s+reg = <.*>;\s+reusable;\s+linux,cma-default;\s+};', render(name, export)
        )
    assert "p@50000000 reusable\nfdt set /reserved-memory/p@50000000 linux,cma-default\n" in render(
        "uboot", export
    )


def test_uboot_takes_away_what_says_where_a_region_may_go() -> None:
    text = render("uboot", export_of(*one_of_each()))
    assert "fdt rm /reserved-memory/pool size\nfdt rm /reserved-memory/pool alignment\n" in text
    assert "fdt rm /reserved-memory/stats size\n" in text
    assert "stats alignment" not in text
    assert "fdt rm /reserved-memory/fw@50000000" not in text


def test_uboot_shows_what_lmb_takes() -> None:
    a = region("a@50000000", "no-map", reg=[(0x5000_0000, MIB)])
    b = region("b@50100000", "no-map", reg=[(0x5010_0000, MIB)])
    text = render("uboot", export_of(a, b, region("c@50200000", reg=[(0x5020_0000, MIB)])))
    assert (
        "#  memory.count = 0x1\n#  memory[0] [0x40000000-0x7fffffff], 0x40000000 bytes, flags: none\n" in text
    )
    assert (
        "#  reserved.count = 0x2\n"
        "#  reserved[0] [0x50000000-0x501fffff], 0x200000 bytes, flags: no-map\n"
        "#  reserved[1] [0x50200000-0x502fffff], 0x100000 bytes, flags: no-overwrite\n"
    ) in text


def test_zephyr_nodes() -> None:
    export = export_of(*one_of_each())
    text = render("zephyr", export)
    assert (
        "\t\trmem_fw: memory@50000000 {\n"
        '\t\t\tcompatible = "zephyr,memory-region";\n'
        "\t\t\treg = <0x50000000 0x100000>;\n"
        '\t\t\tzephyr,memory-region = "RMEM_FW";\n'
        "\t\t};\n"
    ) in text
    assert text.count("zephyr,memory-region =") == len(export.entries)


def test_iomem() -> None:
    text = render("iomem", export_of(*one_of_each()))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines[:3] == [
        "40000000-4fffffff : System RAM",
        "  48000000-48000fff : reserved",
        "50000000-500fffff : reserved",
    ]
    assert "  50100000-501fffff : reserved" in lines


# Strings and comments of all the languages, whichever begins first.
NO_CODE = re.compile(
    r'"(?:[^"\\\n]|\\.)*"|/\*.*?\*/|//[^\n]*|^#(?!ifndef|define|endif)[^\n]*', re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_names_of_a_tree_never_become_code(name: str) -> None:
    text = render(name, export_of(*hostile_regions()))
    assert all(char.isprintable() or char in "\n\t" for char in text)
    assert text.isascii()
    code = NO_CODE.sub("", text)
    for word in ("int x", "$(", "`", "1+1", "fdt;", "??", "{{", "*/", "/*", "[31", "'single", "%s", '"'):
        assert word not in code, word


def test_cells_of_a_spreadsheet_are_no_formulas() -> None:
    text = render("csv", export_of(*hostile_regions()))
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t")]


@pytest.mark.parametrize("name", EXPORTERS)
def test_a_board_without_regions(name: str) -> None:
    assert render(name, export_of())


def test_comments_end_where_they_should() -> None:
    assert comment_text("a */ b /* c") == "a * / b / * c"
    assert comment_text("ends in \\").endswith("\\.")
    assert "\n" not in comment_text("a\nb\r\u2028c")
    assert quoted('a"b\\c\n') == '"a\\"b\\\\c\\\\x0a"'
