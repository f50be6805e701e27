# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH100, PTH117, PTH119, PTH103, PTH118, PTH120, PTH123
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""`carveout check --fix`: changed blobs written where asked, changes of source printed as a patch."""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

from carveout.change.proposal import contents, is_same_but_for_phandles
from carveout.check.fix import fix_tree, keep_groups
from carveout.check.model import EditKind
from carveout.check.patch import LeftToDo, Patch, patch_source, statement
from carveout.check.result import Totals
from carveout.cli.boards import load_board
from carveout.cli.check import exit_code
from carveout.cli.files import STDIN, read_file
from carveout.cli.output import STDOUT, Sink, complain, write, write_bytes, write_error
from carveout.errors import InputError, UsageError
from carveout.report.findings_text import TextReport, summary_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carveout.check.fix import FixResult
    from carveout.check.model import Edit, Finding
    from carveout.cli.boards import LoadedBoard
    from carveout.cli.check import Request
    from carveout.cli.check_session import Target
    from carveout.fdt import Tree


def run_fix(request: Request, *, output: str | None, in_place: bool) -> int:
    """Fix boards and return the exit code: that of a check of the boards as they are afterwards.

    output: the one changed blob or patch; None: a patch to standard output. What is said goes to standard error
    where the result goes to standard output.
    """
    _refuse(request, output, in_place=in_place)
    totals = Totals()
    totals.unreadable += request.errors
    for text in request.errors:
        complain(f"error: {text}")
    run = _Run(request, output, in_place=in_place)
    for target in request.targets:
        try:
            run.fix(target, totals)
        except InputError as error:
            totals.unreadable.append(str(error))
            complain(f"error: {error}")
    run.finish()
    run.say(summary_line(totals, request.severity))
    return exit_code(totals, request.threshold)


def _refuse(request: Request, output: str | None, *, in_place: bool) -> None:
    if output is not None and in_place:
        raise UsageError("--fix: -o FILE and --in-place are two places for one result")
    if any(target.overlays for target in request.targets):
        raise UsageError("--fix changes one tree: leave --overlay out, or write the merged tree first")
    paths = {target.path for target in request.targets}
    if in_place and STDIN in paths:
        raise UsageError("--fix --in-place: standard input cannot be written over")
    if output is not None and len(paths) > 1:
        raise UsageError(f"--fix -o FILE takes one board, {len(paths)} were named; see --in-place")


class _Run:
    # What is written where, over all boards of a run.
    def __init__(self, request: Request, output: str | None, *, in_place: bool) -> None:
        self.request = request
        self.output = output
        self.in_place = in_place
        self.include_dirs = request.session.include_dirs
        self.patches: list[str] = []
        self.report = TextReport(severity=request.severity)
        self.is_result_on_stdout = not in_place and output in (None, STDOUT)

    def say(self, text: str) -> None:
        if self.is_result_on_stdout:
            write_error(text)
        else:
            write(text, None)

    def fix(self, target: Target, totals: Totals) -> None:
        session = self.request.session
        loaded = session.load(target)
        if loaded.source is None and not self.in_place and self.output is None:
            raise UsageError(
                f"--fix {target.path}: a blob is written to -o FILE, or over itself with --in-place"
            )

        def check(tree: Tree) -> Sequence[Finding]:
            return session.check_tree(target, loaded, tree).findings

        result = fix_tree(loaded.tree, check)
        left: dict[tuple[str, str], LeftToDo] = {}
        if loaded.source is None:
            self._write_blob(target, result)
        elif result.edits:
            result, left = self._fix_source(target, loaded, result, check)
        self._tell(target, result, tuple(left.values()))
        totals.add(session.check_tree(target, loaded, result.tree))

    def _fix_source(
        self,
        target: Target,
        loaded: LoadedBoard,
        result: FixResult,
        check: Callable[[Tree], Sequence[Finding]],
    ) -> tuple[FixResult, dict[tuple[str, str], LeftToDo]]:
        texts = read_sources(target.path, loaded)
        left: dict[tuple[str, str], LeftToDo] = {}
        assert loaded.source is not None
        while True:
            patch = patch_source(result.edits, loaded.source, texts)
            wrong = patch.left
            if (
                not wrong
                and patch.texts
                and (why := mismatch(target.path, patch, result.tree, self.include_dirs))
            ):
                wrong = tuple(LeftToDo(edit, why) for edit in result.edits)
            if not wrong:
                break
            asked = result.edits
            result = keep_groups(
                loaded.tree, result, {(item.edit.path, item.edit.name) for item in wrong}, check
            )
            left |= {(item.edit.path, item.edit.name): item for item in wrong}
            for edit in asked:
                if edit not in result.edits:
                    left.setdefault(
                        (edit.path, edit.name), LeftToDo(edit, "another part of the same fix cannot be made")
                    )
        self._write_source(patch, texts)
        return result, left

    def _write_blob(self, target: Target, result: FixResult) -> None:
        if self.in_place:
            if result.edits:
                write_bytes(result.tree.blob, target.path)
        elif self.output is not None:
            write_bytes(result.tree.blob, self.output, inputs=self.request.inputs)

    def _write_source(self, patch: Patch, texts: dict[str, str]) -> None:
        for name, text in sorted(patch.texts.items()):
            if self.in_place:
                write_bytes(text.encode("utf-8", "surrogateescape"), name)
            else:
                self.patches.append(unified(name, texts[name], text))

    def _tell(self, target: Target, result: FixResult, left: Sequence[LeftToDo]) -> None:
        lines = [
            f"{target.path}: fixed: {finding.path}: {finding.slug} [{finding.code}]"
            for finding in result.fixed
        ]
        for edit, why in left:
            lines.append(f"{target.path}: to be done by hand: {edit.path}: {_in_words(edit)} ({why})")
        self.say("".join(line + "\n" for line in lines) + self.report.findings(result.remaining))

    def finish(self) -> None:
        """Write the patches of all sources."""
        if self.patches:
            with Sink(self.output, inputs=self.request.inputs) as sink:
                for patch in self.patches:
                    sink.write(patch)


def _in_words(edit: Edit) -> str:
    return f"remove {edit.name}" if edit.kind is EditKind.REMOVE else statement(edit.name, edit.value)


def unified(name: str, before: str, after: str) -> str:
    """Return the difference of two texts as a patch for `patch -p1`, or `patch -p0` when the name is absolute."""
    old, new = (name, name) if os.path.isabs(name) else (f"a/{name}", f"b/{name}")
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), fromfile=old, tofile=new
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def read_sources(path: str, loaded: LoadedBoard) -> dict[str, str]:
    """Return the source files that may be changed: the .dts and what it includes from its own folder or below.

    What comes from elsewhere belongs to other boards as well.
    """
    texts = {}
    for file in loaded.source.files() if loaded.source is not None else ():
        if _below(path, file) is not None:
            try:
                texts[file] = read_file(file, what="device tree source").decode("utf-8", "surrogateescape")
            except InputError:
                continue
    return texts


def _below(path: str, file: str) -> str | None:
    relative = os.path.relpath(file, os.path.dirname(path) or ".")
    return None if relative.startswith("..") else relative


def mismatch(
    path: str, patch: Patch, tree: Tree, include_dirs: Sequence[str], *, is_renumbered: bool = False
) -> str | None:
    """Return why the changed source is not the tree it should be, or None when it is.

    The changed files are compiled in a folder of their own, in front of the unchanged ones.
    is_renumbered: dtc may give other phandles than the tree has, since there are more references.
    """
    folder = os.path.dirname(os.path.abspath(path))
    with tempfile.TemporaryDirectory() as scratch:
        main = os.path.join(scratch, os.path.basename(path))
        shutil.copyfile(path, main)
        for name, text in patch.texts.items():
            relative = _below(path, name)
            if relative is None:
                return f"{name} cannot be changed from here"
            place = os.path.join(scratch, relative)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(text)
        try:
            made = load_board(main, include_dirs=[folder, *include_dirs]).tree
        except InputError:
            return "the changed source could not be compiled apart from its place"
    is_same = is_same_but_for_phandles(made, tree) if is_renumbered else contents(made) == contents(tree)
    return None if is_same else "the changed source makes another tree than it should"
