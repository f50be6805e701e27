# SPDX-License-Identifier: Apache-2.0
"""`carveout kernels`: what is known about each kernel, and how."""

from __future__ import annotations

from carveout.cli.output import write
from carveout.cli.parser import Parser
from carveout.kernel.profile import ARCHITECTURES

_SUMMARY = "Show what is known about each kernel and how: booted, read in a source, or open."

_NOTES = """\
examples:
  carveout kernels
  carveout kernels 6.6
  carveout kernels 6.6 --arch arm64 --format json

exit codes: 0 shown; 2 usage, also for a version that carveout does not know
"""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    parser = Parser("kernels", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument("version", metavar="VERSION", nargs="?", help="a kernel, for example 6.6")
    parser.add_argument("--arch", choices=ARCHITECTURES, help="only what matters there")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write to FILE, whole or not at all; - for stdout"
    )
    args = parser.parse_args(argv)
    write(_render(args.version, args.arch, args.format), args.output, inputs=())
    return 0


def _render(version: str | None, arch: str | None, form: str) -> str:
    from carveout.report import kernels_text

    if form == "json":
        return kernels_text.render_json(version, arch)
    if version is None:
        return kernels_text.render_overview(arch)
    return kernels_text.render_kernel(version, arch)
