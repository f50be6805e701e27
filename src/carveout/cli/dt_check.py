# SPDX-License-Identifier: Apache-2.0
"""`carveout dt-check`: `carveout check`, called as `make dtbs_check` of the kernel calls dt-validate.

    make dtbs_check DT_CHECKER="carveout dt-check"

The kernel's build runs `$(DT_CHECKER) $(DT_CHECKER_FLAGS) -u DIR -p FILE BOARD.dtb || true` for each blob.
Source: cmd_dtb_check, scripts/Makefile.dtbs (v6.12); peers-and-users C.
"""

from __future__ import annotations

from carveout.cli.check import add_check_options, run_parsed
from carveout.cli.parser import Parser
from carveout.cli.scene_options import add_scene_options

_SUMMARY = "Check boards as `carveout check` does; options of dt-validate are accepted and ignored."

_NOTES = """\
  make dtbs_check DT_CHECKER="carveout dt-check"
  make dtbs_check DT_CHECKER="carveout dt-check" DT_CHECKER_FLAGS="--page-size 4K --page-size 16K -m"

The kernel's build ignores the exit code: read the log, or use `carveout check` afterwards on the blobs it built.
dt-validate is not run: to have both, use docs/integration.md's script as DT_CHECKER.
"""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    parser = Parser("dt-check", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument("boards", metavar="BOARD", nargs="+", help=".dtb, .dts, or a folder")
    add_check_options(parser)
    add_scene_options(parser, several=("kernel", "page-size"))
    group = parser.add_argument_group("options of dt-validate, without effect")
    group.add_argument("-u", "--url-path", metavar="DIR", help="where bindings are")
    group.add_argument("-p", "--preparsed-schema", metavar="FILE", help="the processed schema")
    group.add_argument("-s", "--schema", metavar="FILE", help="the processed schema")
    group.add_argument("-l", "--limit", metavar="TEXT", help="only bindings whose name has this")
    group.add_argument("-m", "--show-unmatched", action="store_true", help="nodes without a binding")
    group.add_argument("-n", "--line-number", action="store_true", help="line numbers of YAML")
    group.add_argument("-v", "--verbose", action="store_true", help="more messages")
    return run_parsed(parser.parse_args(argv))
