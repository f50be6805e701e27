# SPDX-License-Identifier: Apache-2.0
"""Places read from annotated source, and messages of the tools, without running them.

The annotated text is what dtc 1.6.1 printed for a small tree, with the stand-ins for file names put in by hand.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from carveout.errors import DtsSyntaxError, ToolMissing
from carveout.fdt import dts
from carveout.fdt.dts import SourceSpan, read_annotated

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("board.dts", 'odd "name", :9:9-9:9 */ {.dtsi')
ANNOTATED = """/dts-v1/;

/memreserve/\t0x0000000000001000 0x0000000000002000;
/ { /* carveout-source-1:1:3-1:78, carveout-source-0:5:3-16:3 */
	#address-cells = <0x01>; /* carveout-source-1:1:5-1:26 */
	compatible = "x{; = /* y.dts:1:2-3:4 */", "z"; /* carveout-source-0:6:10-6:53 */
	l0: ranges; /* carveout-source-0:7:2-7:9 */

	soc_l: other: soc { /* carveout-source-1:1:57-1:75 */
		phandle = <0x01>; /* <no-file>:<no-line> */

		emp { /* carveout-source-0:19:31-19:35 */
		}; /* carveout-source-0:19:31-19:35 */
	}; /* carveout-source-1:1:57-1:75 */
}; /* carveout-source-1:1:3-1:78, carveout-source-0:5:3-16:3 */
"""


def test_places_of_nodes_and_properties() -> None:
    places = read_annotated(ANNOTATED, FILES)
    assert places.of_node("/") == SourceSpan(FILES[1], 1, 3, 1, 78)
    assert [span.file for span in places.all_of_node("/")] == [FILES[1], FILES[0]]
    assert places.of_node("/soc/emp") == SourceSpan("board.dts", 19, 31, 19, 35)
    assert places.of_property("/", "compatible") == SourceSpan("board.dts", 6, 10, 6, 53)
    assert places.of_property("/", "ranges") == SourceSpan("board.dts", 7, 2, 7, 9)
    assert places.of_property("/soc", "phandle") is None
    assert places.of_property("/soc", "nothing") is None
    assert places.of_node("/nothing") is None


def test_a_place_is_shown_as_dtc_shows_it() -> None:
    assert str(SourceSpan("a.dts", 1, 2, 3, 4)) == "a.dts:1.2-3.4"


@pytest.mark.parametrize(
    "text", ["", "};", "}; /* x */\n}; /* x */", "a { /* */", "/ { /* carveout-source-7:1:1-1:2 */"]
)
def test_text_that_makes_no_sense_is_no_crash(text: str) -> None:
    read_annotated(text, FILES)


def test_file_names_of_line_markers_are_stood_in_for() -> None:
    text = (
        b'# 1 "a \\"b\\\\.dts"\n/ { };\n# 7 "c\\303\\251.dts" 2\n# 1 "a \\"b\\\\.dts"\nx = "# 1 \\"q\\"";\n'
    )
    replaced, names = dts._replace_file_names(text)
    assert names == ('a "b\\.dts', "cé.dts")
    assert replaced == (
        b'# 1 "carveout-source-0"\n/ { };\n# 7 "carveout-source-1" 2\n# 1 "carveout-source-0"\nx = "# 1 \\"q\\"";\n'
    )


@pytest.mark.parametrize(
    ("tool", "stderr", "place", "text"),
    [
        pytest.param(
            "dtc",
            "Error: carveout-source-0:4.1-13 syntax error\nFATAL ERROR: Unable to parse input tree\n",
            ("board.dts", 4, 1),
            "syntax error\nFATAL ERROR: Unable to parse input tree",
            id="syntax",
        ),
        pytest.param(
            "dtc",
            'carveout-source-0:7.3-9.31: ERROR (phandle_references): /: Reference to label "x"\n',
            ("board.dts", 7, 3),
            'ERROR (phandle_references): /: Reference to label "x"',
            id="check",
        ),
        pytest.param(
            "cpp",
            "bad.dts:2:10: fatal error: missing.h: No such file or directory\ncompilation terminated.\n",
            ("bad.dts", 2, 10),
            "missing.h: No such file or directory\ncompilation terminated.",
            id="include",
        ),
        pytest.param(
            "dtc", "FATAL ERROR: whatever\n", (None, None, None), "FATAL ERROR: whatever", id="no place"
        ),
        pytest.param("dtc", "", (None, None, None), "dtc failed without a message", id="silent"),
    ],
)
def test_messages_of_the_tools(tool: str, stderr: str, place: tuple[object, ...], text: str) -> None:
    error = dts._syntax_error(tool, stderr, FILES)
    assert (error.file, error.line, error.column) == place
    assert str(error).endswith(text)


def test_an_absent_tool_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="apt install cpp"):
        dts.load_dts(tmp_path / "board.dts")
    with pytest.raises(ToolMissing, match="apt install device-tree-compiler"):
        dts._run(["dtc"], b"", timeout=1, files=())


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_tool_that_never_ends_is_stopped() -> None:
    with pytest.raises(DtsSyntaxError, match="did not finish within"):
        dts._run(python("import time; time.sleep(60)"), b"", timeout=0.2, files=())


def test_a_tool_that_prints_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dts, "MAX_OUTPUT", 1 << 20)
    with pytest.raises(DtsSyntaxError, match="more than 1048576 bytes"):
        dts._run(python("while True: print('x' * 10000)"), b"", timeout=60, files=())


def test_much_input_and_output_at_once_does_not_block() -> None:
    copy = python(
        "import sys; sys.stderr.write('e' * 100000); sys.stdout.buffer.write(sys.stdin.buffer.read())"
    )
    assert dts._run(copy, b"x" * 500_000, timeout=60, files=()) == b"x" * 500_000
