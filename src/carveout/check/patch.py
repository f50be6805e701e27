# SPDX-License-Identifier: Apache-2.0
"""Changes of properties as changes of lines in the source they came from.

Where the source map leads, the text is looked at: only a statement that is there as it should be is touched. What
comes from a macro, refers to labels, or cannot be told apart from a neighbour is left to a person, with the reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.check.model import Edit, EditKind
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from carveout.fdt.dts import SourceMap, SourceSpan

_HIDDEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|/\*.*?\*/|//[^\n]*', re.DOTALL)
_STRINGS = frozenset({"compatible", "status", "memory-region-names", "device_type", "no-map-fixup"})
_CELLS_PER_LINE = 8


class LeftToDo(NamedTuple):
    """A change that is not made in the source, and why."""

    edit: Edit
    why: str


class Patch(NamedTuple):
    """What becomes of source files."""

    texts: dict[str, str]
    """New content of the files that change, by name."""
    left: tuple[LeftToDo, ...]


class _Splice(NamedTuple):
    start: int
    end: int
    text: str


class _NotSureError(Exception):
    # Why a place cannot be edited.
    pass


def patch_source(edits: Iterable[Edit], source: SourceMap, texts: Mapping[str, str]) -> Patch:
    """Return the source with changes made. texts: content of the source's files by name, as the map names them."""
    edits = tuple(edits)
    removed = {(edit.path, edit.name) for edit in edits if edit.kind is EditKind.REMOVE}
    splices: dict[str, list[_Splice]] = {}
    left: list[LeftToDo] = []
    files = {name: _File(text) for name, text in texts.items()}
    for edit in edits:
        try:
            name, splice = _splice(edit, source, files, removed)
        except _NotSureError as reason:
            left.append(LeftToDo(edit, str(reason)))
            continue
        taken = splices.setdefault(name, [])
        if any(other.start < splice.end and splice.start < other.end for other in taken):
            left.append(LeftToDo(edit, "another change touches the same place"))
        else:
            taken.append(splice)
    return Patch({name: _spliced(texts[name], found) for name, found in splices.items()}, tuple(left))


def _spliced(text: str, splices: list[_Splice]) -> str:
    # From behind. What is put in where something is taken out comes in front; of two things put in at one place
    # the first stays first.
    for splice in sorted(splices, key=lambda s: (s.start, s.end))[::-1]:
        text = text[: splice.start] + splice.text + text[splice.end :]
    return text


class _File:
    # A source file with comments and the insides of strings blanked out, and where its lines begin.
    def __init__(self, text: str) -> None:
        self.text = text
        self.masked = _HIDDEN.sub(_blank, text)
        self.lines = [0]
        for match in re.finditer("\n", text):
            self.lines.append(match.end())

    def start(self, line: int) -> int:
        if not 1 <= line <= len(self.lines):
            raise _NotSureError("the file is shorter than the place says")
        return self.lines[line - 1]

    def end(self, line: int) -> int:
        # Without the newline.
        stop = self.text.find("\n", self.start(line))
        return stop if stop >= 0 else len(self.text)

    def line_of(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1


def _blank(match: re.Match[str]) -> str:
    inner = "".join(char if char == "\n" else " " for char in match[0])
    return '"' + "x" * (len(inner) - 2) + '"' if match[0][0] == '"' else inner


def _splice(
    edit: Edit, source: SourceMap, files: Mapping[str, _File], removed: Collection[tuple[str, str]]
) -> tuple[str, _Splice]:
    place = source.of_property(edit.path, edit.name)
    if place is None:
        if edit.kind is EditKind.REMOVE:
            raise _NotSureError("no source text made the property")
        return _addition(edit, source, files, removed)
    file = _file(files, place.file)
    start, end = _statement(file, place, edit.name)
    if edit.kind is EditKind.REMOVE:
        return place.file, _removal(file, start, end)
    if "&" in file.masked[start:end]:
        raise _NotSureError("its value refers to labels")
    return place.file, _Splice(start, end, statement(edit.name, edit.value))


def _file(files: Mapping[str, _File], name: str) -> _File:
    if name not in files:
        raise _NotSureError(f"{name} cannot be changed from here")
    return files[name]


def _statement(file: _File, place: SourceSpan, name: str) -> tuple[int, int]:
    # Columns are those after cpp and may differ from the file's; the statement's text decides.
    wanted = re.compile(rf"(?<![\w,.#+?-]){re.escape(name)}\s*(?:=[^;{{}}]*)?;")
    first, last = file.start(place.first_line), file.end(place.last_line)
    found = [(m.start(), m.end()) for m in wanted.finditer(file.masked, first, last)]
    if len(found) > 1:
        found = [(s, e) for s, e in found if s - first + 1 == place.first_column]
    if len(found) != 1:
        raise _NotSureError(f"line {place.first_line} of {place.file} does not say '{name}' in plain words")
    return found[0]


def _removal(file: _File, start: int, end: int) -> _Splice:
    line_start, line_end = file.start(file.line_of(start)), file.end(file.line_of(end - 1))
    if not file.text[line_start:start].strip() and not file.text[end:line_end].strip():
        return _Splice(line_start, min(line_end + 1, len(file.text)), "")
    while start > line_start and file.text[start - 1] in " \t":
        start -= 1
    return _Splice(start, end, "" if file.text[:start].rstrip(" \t") == file.text[:start] else " ")


def _addition(
    edit: Edit, source: SourceMap, files: Mapping[str, _File], removed: Collection[tuple[str, str]]
) -> tuple[str, _Splice]:
    # Behind the last property that stays, or behind the brace.
    places = source.all_of_node(edit.path)
    if not places:
        raise _NotSureError("no source text made the node")
    node = places[0]
    file = _file(files, node.file)
    text = statement(edit.name, edit.value)
    at = _last_property_end(edit.path, node, source, file, removed)
    if at is None:
        at = _brace(file, node)
    line = file.line_of(at)
    rest = file.text[at : file.end(line)]
    if rest.strip() and not rest.lstrip().startswith(("/*", "//")):
        # More follows on the line: the whole node stands there.
        return node.file, _Splice(at, at, f" {text}")
    at = file.end(line)
    return node.file, _Splice(at, at, f"\n{_indent(file, node, line)}{text}")


def _last_property_end(
    path: str, node: SourceSpan, source: SourceMap, file: _File, removed: Collection[tuple[str, str]]
) -> int | None:
    ends = []
    for name in source.properties_of(path):
        place = source.of_property(path, name)
        if place is None or place.file != node.file or (path, name) in removed:
            continue
        if node.first_line <= place.first_line and place.last_line <= node.last_line:
            try:
                ends.append(_statement(file, place, name)[1])
            except _NotSureError:
                # Its end is not seen, and what is added must not get into the middle of it.
                return None
    return max(ends, default=None)


def _brace(file: _File, node: SourceSpan) -> int:
    start, end = file.start(node.first_line), file.end(node.first_line)
    found = [offset for offset in range(start, end) if file.masked[offset] == "{"]
    if len(found) > 1:
        found = [offset for offset in found if offset - start + 1 == node.first_column]
    if len(found) != 1:
        raise _NotSureError(f"line {node.first_line} of {node.file} does not show where the node begins")
    return found[0] + 1


def _indent(file: _File, node: SourceSpan, line: int) -> str:
    text = file.text[file.start(line) : file.end(line)]
    own = text[: len(text) - len(text.lstrip())]
    if line != node.first_line:
        first = line
        # A statement of several lines: the first one has the indentation.
        while first > node.first_line and not file.masked[: file.start(first)].rstrip().endswith((";", "{")):
            first -= 1
        text = file.text[file.start(first) : file.end(first)]
        return text[: len(text) - len(text.lstrip())]
    return own + ("    " if own.startswith(" ") else "\t")


def statement(name: str, value: bytes) -> str:
    """Return a property as a statement of source: a flag, texts, cells, or bytes, as its name and length tell."""
    if not value:
        return f"{name};"
    shown = value.replace(b"\0", b"").decode("latin-1")
    if name in _STRINGS and value.endswith(b"\0") and shown.isascii() and shown.isprintable():
        texts = value[:-1].decode("ascii").replace("\\", "\\\\").replace('"', '\\"').split("\0")
        quoted = ", ".join(f'"{text}"' for text in texts)
        return f"{name} = {quoted};"
    if len(value) % 4 == 0:
        cells = [f"0x{int.from_bytes(value[at : at + 4], 'big'):x}" for at in range(0, len(value), 4)]
        return f"{name} = <{' '.join(cells)}>;"
    return f"{name} = [{value.hex(' ')}];"
