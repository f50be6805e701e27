# SPDX-License-Identifier: Apache-2.0
"""`carveout export`: the places of reserved memory, for linkers, compilers, boot loaders and other systems."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.boot import boot
from carveout.boot.result import BootOutcome
from carveout.cli.boards import load_board
from carveout.cli.output import complain, write
from carveout.cli.parser import Parser
from carveout.cli.scene_options import add_scene_options, read_scene
from carveout.errors import UsageError
from carveout.report.export.model import Export, collect, matching, region_names
from carveout.report.export.names import DEFAULT_PREFIX, is_prefix
from carveout.report.export.registry import EXPORTERS, render
from carveout.report.words import safe, verdict

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from carveout.board import Board
    from carveout.boot.result import Boot
    from carveout.report.export.model import Entry, LeftOut

_SUMMARY = "Write where reserved memory lies, in the language of whoever needs it."

_NOTES = """\
formats:
{formats}

Regions without a place are left out, and said; names are made into identifiers that are safe and unique.

examples:
  carveout export board.dtb --to ld -o rmem.ld --region dsp-image
  carveout export board.dtb --to c --prefix board -o board_rmem.h
  carveout export board.dtb --to ld --for /soc/remoteproc@3000000      as that device sees them
  carveout export board.dtb --to iomem --kernel 6.12

exit codes: 0 written; 1 written, but a region asked for is not in it, or the boot dies; 2 usage;
3 input that cannot be read; 70 a bug in carveout
"""

_CHOSEN = re.compile(r"[A-Za-z0-9,._+?#-]{1,31}")
_MOST_NAMED = 8


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    if not is_prefix(args.prefix):
        raise UsageError(
            f"--prefix '{safe(args.prefix)}' cannot begin an identifier: expected a letter, then letters, digits and _"
        )
    if not EXPORTERS[args.to].needs_entries and (args.region or args.device is not None or args.exact):
        raise UsageError(f"--to {args.to} shows all of memory: --region, --for and --exact do not go with it")
    given = read_scene(args)
    loaded = load_board(args.board, given.overlays)
    board = read_board(loaded.tree, is_made_here=loaded.is_made_here)
    result = boot(board, given.scene)
    title = f"{loaded.name} ({board.model[:80]})" if board.model else loaded.name
    export, is_whole = _export(board, result, args, title)
    text = render(args.to, export)
    write(text, args.output, inputs=(args.board, *given.inputs))
    _tell(export, args)
    return 0 if is_whole and result.outcome is BootOutcome.OK else 1


def _parser() -> Parser:
    width = max(map(len, EXPORTERS))
    formats = "\n".join(f"  {name:{width}}  {made.summary}" for name, made in EXPORTERS.items())
    parser = Parser("export", summary=_SUMMARY, notes=_NOTES.replace("{formats}", formats))
    parser.add_argument(
        "board", metavar="BOARD", help=".dtb, .dts, - for standard input, or /sys/firmware/fdt"
    )
    parser.add_argument("--to", required=True, choices=tuple(EXPORTERS), metavar="FORMAT", help="see below")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write to FILE, whole or not at all; - for stdout"
    )
    parser.add_argument(
        "--prefix",
        default=DEFAULT_PREFIX,
        metavar="WORD",
        help=f"begin identifiers with WORD (default: {DEFAULT_PREFIX}; '' for none)",
    )
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="NAME",
        help="only this region: path, name, label or identifier; repeatable",
    )
    parser.add_argument(
        "--for",
        dest="device",
        metavar="PATH",
        help="only the regions of this device, at the addresses it sees through dma-ranges",
    )
    parser.add_argument("--exact", action="store_true", help="leave out places that are modelled")
    parser.add_argument(
        "--chosen",
        action="append",
        default=[],
        metavar="PROPERTY=REGION",
        help="with --to zephyr: a property of /chosen, for example zephyr,ipc_shm=vdev0buffer; repeatable",
    )
    add_scene_options(parser)
    return parser


def _export(board: Board, result: Boot, args: Namespace, title: str) -> tuple[Export, bool]:
    # The export, and whether everything that was asked for by name is in it.
    entries, left_out = collect(result, prefix=args.prefix, exact_only=args.exact)
    if args.device is not None:
        entries, left_out = _of_device(board, entries, left_out, args.device)
    if args.region:
        entries, left_out = _named(entries, left_out, result, args.region)
    is_asked_for = bool(args.region) or args.device is not None
    export = Export(
        title=title,
        board=board,
        boot=result,
        entries=tuple(entries),
        left_out=tuple(dict.fromkeys(left_out)),
        prefix=args.prefix,
        device=args.device,
        chosen=_chosen(entries, args),
    )
    return export, not (is_asked_for and left_out)


def _named(
    entries: Sequence[Entry], left_out: Sequence[LeftOut], result: Boot, names: Sequence[str]
) -> tuple[list[Entry], list[LeftOut]]:
    wanted: set[str] = set()
    missing: list[LeftOut] = []
    by_path = {region.path: region for region in result.regions}
    for name in names:
        found = matching(entries, name)
        gone = [left for left in left_out if name in region_names(by_path[left.path])]
        if not found and not gone:
            known = [entry.region.name for entry in entries if not entry.part][:_MOST_NAMED]
            raise UsageError(
                f"no region is called '{safe(name)}'; regions with a place: {', '.join(map(safe, known)) or 'none'}"
            )
        wanted.update(entry.identifier for entry in found)
        missing += gone
    return [entry for entry in entries if entry.identifier in wanted], missing


def _of_device(
    board: Board, entries: Sequence[Entry], left_out: Sequence[LeftOut], path: str
) -> tuple[list[Entry], list[LeftOut]]:
    from carveout.board.view import device_address
    from carveout.report.export.model import LeftOut

    node = board.tree.node(path)
    if node is None:
        raise UsageError(f"--for {safe(path)}: the tree has no such node")
    used = {consumer.region for consumer in board.consumers if consumer.path == node.path}
    if not used:
        raise UsageError(f"--for {safe(path)}: the device has no memory-region")
    missing = [left for left in left_out if left.path in used]
    seen = []
    for entry in entries:
        if entry.region.path not in used:
            continue
        at = device_address(node, entry.base, entry.size)
        if at is None:
            missing.append(LeftOut(entry.region.path, f"{path} cannot reach it through dma-ranges"))
        else:
            seen.append(entry._replace(device_base=at))
    return seen, missing


def _chosen(entries: Sequence[Entry], args: Namespace) -> tuple[tuple[str, str], ...]:
    if args.chosen and args.to != "zephyr":
        raise UsageError("--chosen is for --to zephyr")
    pairs = []
    for text in args.chosen:
        prop, equals, name = text.partition("=")
        found = matching(entries, name)
        if not equals or not _CHOSEN.fullmatch(prop):
            raise UsageError(
                f"--chosen '{safe(text)}': expected PROPERTY=REGION, for example zephyr,sram=dsp-image"
            )
        if len(found) != 1:
            what = "no exported region" if not found else f"{len(found)} regions"
            raise UsageError(f"--chosen '{safe(text)}': {what} called '{safe(name)}'")
        pairs.append((prop, found[0].identifier))
    return tuple(pairs)


def _tell(export: Export, args: Namespace) -> None:
    if not EXPORTERS[args.to].needs_entries:
        return
    for left in export.left_out[:_MOST_NAMED]:
        complain(f"left out: {left.path}: {left.reason}")
    if len(export.left_out) > _MOST_NAMED:
        complain(f"left out: {len(export.left_out) - _MOST_NAMED} more, named in the export")
    dead = verdict(export.boot)
    if dead is not None:
        complain(dead)
