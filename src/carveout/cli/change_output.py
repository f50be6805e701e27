# SPDX-License-Identifier: Apache-2.0
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""Where the verbs that change a tree write the result: the board, an overlay, text for its source.

All files of a run are made first and then put in place together, so that a failure leaves what was there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.overlay import overlay_of
from carveout.change.source import overlay_source, source_of
from carveout.check.patch import Patch
from carveout.cli.check_fix import mismatch
from carveout.cli.files import STDIN, read_file
from carveout.cli.output import STDOUT, refuse_target, same_file, write, write_error, write_together
from carveout.errors import UsageError
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Mapping, Sequence

    from carveout.change.proposal import Proposal
    from carveout.cli.boards import LoadedBoard
    from carveout.cli.parser import Parser

_SOURCE = ".dts"
_OVERLAY_SOURCE = ".dtso"


class ChangeFiles(NamedTuple):
    """Where a change goes. All None and False: it is only shown."""

    board: str
    output: str | None = None
    """The changed board: a blob, or the changed source where it ends in .dts."""
    in_place: bool = False
    overlay: str | None = None
    """The same as an overlay: a blob, or source where it ends in .dtso."""
    source: str | None = None
    """The same as text to paste into a .dts."""

    @property
    def is_on_stdout(self) -> bool:
        """Something is written to standard output, so that what is said goes to standard error."""
        return STDOUT in (self.output, self.overlay, self.source)


def add_change_options(parser: Parser) -> None:
    """Add the options that say where a change is written."""
    group = parser.add_argument_group("result: without one of these it is only shown")
    group.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="the changed board; a .dts of a .dts, else a blob; - for stdout",
    )
    group.add_argument("--in-place", action="store_true", help="write over the board itself")
    group.add_argument(
        "--write-overlay", metavar="FILE", help="the change as an overlay: .dtbo, or .dtso for its source"
    )
    group.add_argument("--write-dts", metavar="FILE", help="the change as text to paste into a .dts")


def read_change_files(args: Namespace, *, inputs: Iterable[str] = ()) -> ChangeFiles:
    """Return where the result goes, as parsed options say.

    inputs: files that were read, beside the board `args.board`. Raises UsageError where something cannot or must
    not be written, before any work is done.
    """
    files = ChangeFiles(args.board, args.output, args.in_place, args.write_overlay, args.write_dts)
    named = [
        (option, path)
        for option, path in (
            ("-o", files.output),
            ("--write-overlay", files.overlay),
            ("--write-dts", files.source),
        )
        if path is not None
    ]
    if files.in_place:
        if files.output is not None:
            raise UsageError("-o FILE and --in-place are two places for one result")
        if files.board == STDIN:
            raise UsageError("--in-place: standard input cannot be written over")
        refuse_target("--in-place", files.board)
    if files.output is not None and files.output.endswith(_SOURCE) and not files.board.endswith(_SOURCE):
        raise UsageError(
            f"-o {files.output}: a blob has no source that could be changed; --write-dts FILE gives text to paste"
        )
    for number, (option, path) in enumerate(named):
        for other, taken in named[:number]:
            if path == taken or (STDOUT not in (path, taken) and same_file(path, taken)):
                raise UsageError(f"{other} and {option} both name {path}")
        if path != STDOUT:
            hint = " without --in-place" if option == "-o" and same_file(path, files.board) else ""
            if hint:
                raise UsageError(f"-o {path}: is the board itself, which carveout does not write over{hint}")
            refuse_target(option, path, inputs=(files.board, *inputs))
    return files


def write_change(
    files: ChangeFiles,
    proposal: Proposal,
    loaded: LoadedBoard,
    *,
    notes: Mapping[str, str] | None = None,
    title: str = "",
    include_dirs: Sequence[str] = (),
) -> tuple[str, ...]:
    """Write everything that was asked for, all of it or nothing; return the names of the files.

    notes: a comment for each changed node, by path, for text. title: one line that says what the change is.
    Raises: EditError where the change cannot be given in that form, UsageError where a file cannot be written.
    """
    made: dict[str, bytes] = {}
    target = files.board if files.in_place else files.output
    if target is not None:
        is_source = target.endswith(_SOURCE) if target != STDOUT else False
        made[target] = (
            _changed_source(files, proposal, loaded, notes, title, include_dirs)
            if is_source
            else proposal.after.blob
        )
    if files.overlay is not None:
        overlay = overlay_of(proposal)
        made[files.overlay] = (
            overlay_source(overlay, note=title).encode("utf-8")
            if files.overlay.endswith(_OVERLAY_SOURCE)
            else overlay.blob
        )
    if files.source is not None:
        made[files.source] = _text(proposal, loaded, notes, title).encode("utf-8")
    write_together(made)
    return tuple(name for name in made if name != STDOUT)


def say(files: ChangeFiles, text: str) -> None:
    """Say what was done, where it does not get into the result."""
    if files.is_on_stdout:
        write_error(text)
    else:
        write(text, None)


def _text(proposal: Proposal, loaded: LoadedBoard, notes: Mapping[str, str] | None, title: str) -> str:
    head = f"/* {title.replace('*/', '* /')} */\n\n" if title else ""
    return head + source_of(proposal, notes=notes, from_source=loaded.source is not None)


def _changed_source(
    files: ChangeFiles,
    proposal: Proposal,
    loaded: LoadedBoard,
    notes: Mapping[str, str] | None,
    title: str,
    include_dirs: Sequence[str],
) -> bytes:
    # The source as it is, with the change behind it; what it compiles to is compared with what it should be.
    before = read_file(files.board, what="device tree source").decode("utf-8", "surrogateescape")
    if not proposal.changes:
        return before.encode("utf-8", "surrogateescape")
    gap = "" if before.endswith("\n") else "\n"
    after = f"{before}{gap}\n{_text(proposal, loaded, notes, title)}"
    why = mismatch(
        files.board, Patch({files.board: after}, ()), proposal.after, include_dirs, is_renumbered=True
    )
    if why is not None:
        raise UsageError(f"{files.board}: {why}; write the change to a blob, or its text with --write-dts")
    return after.encode("utf-8", "surrogateescape")
