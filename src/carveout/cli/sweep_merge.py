# SPDX-License-Identifier: Apache-2.0
"""`carveout sweep merge`: the parts of a sweep that ran in shards, put together as one run would have written them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from carveout.cli.parser import Parser
from carveout.cli.sweep_files import Source, open_lines
from carveout.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUMMARY = "Put the parts of a sweep with --shard together: the same file, byte for byte, as one run writes."

_NOTES = """\
examples:
  carveout sweep dtbs/ --shard 1/2 -o part1.jsonl
  carveout sweep dtbs/ --shard 2/2 -o part2.jsonl
  carveout sweep merge part1.jsonl part2.jsonl -o results.jsonl
"""


def run(argv: list[str]) -> int:
    """Run `merge` and return the exit code."""
    parser = Parser("sweep merge", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument(
        "parts", metavar="RESULTS", nargs="+", help="JSON lines, one file for each shard, in any order"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all")
    args = parser.parse_args(argv)
    parts = _in_order([Source(path) for path in args.parts])
    header = {**parts[0].header, "shard": None}
    with open_lines(args.output, inputs=args.parts) as lines:
        lines.begin(header)
        boards = [part.raw_boards() for part in parts]
        for number in range(cast("int", header["boards"])):
            lines.raw(_next(boards[number % len(boards)], parts[number % len(boards)].path))
        for part, rest in zip(parts, boards, strict=True):
            if next(rest, None) is not None:
                raise InputError(f"{part.path}: has more boards than its header says")
        lines.end()
    return 0


def _next(boards: Iterator[list[bytes]], path: str) -> list[bytes]:
    board = next(boards, None)
    if board is None:
        raise InputError(f"{path}: has fewer boards than its header says")
    return board


def _in_order(parts: list[Source]) -> list[Source]:
    # Every shard once, all of one sweep.
    first = {**parts[0].header, "shard": None}
    by_number: dict[int, Source] = {}
    for part in parts:
        if {**part.header, "shard": None} != first:
            raise UsageError(
                f"{part.path} and {parts[0].path} are of different sweeps: boards, scenes or rules differ"
            )
        number, _, count = str(part.header.get("shard")).partition("/")
        if count != str(len(parts)) or not number.isdigit():
            raise UsageError(
                f"{part.path}: is shard {part.header.get('shard')}, and {len(parts)} files are given"
            )
        if int(number) in by_number:
            raise UsageError(f"{part.path} and {by_number[int(number)].path} are the same shard")
        by_number[int(number)] = part
    return [by_number[number] for number in sorted(by_number)]
