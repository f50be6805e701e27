# SPDX-License-Identifier: Apache-2.0
"""Source text (.dts) compiled with cpp and dtc into a Tree, and where in the source each part came from.

This is the one module of the library that runs processes. The source goes through cpp as the Linux build does
it, then twice through dtc: once for the blob, once for annotated source from which places are read.
Before that, the file names in cpp's line markers are replaced with short tokens, so that neither an odd file name
nor the content of a string can be taken for a place; the tokens are turned back in places and in messages.

dtc's /include/ and /incbin/ read the files that the source names: compile only source that you would build.
"""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from carveout.errors import DtsSyntaxError, ToolMissing
from carveout.fdt.reader import parse
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carveout.fdt.tree import Tree

TIMEOUT_SECONDS = 60.0
MAX_OUTPUT = 64 << 20
"""Most bytes taken from one run of a tool. The largest kernel tree gives under 1 MiB of annotated source."""
_MAX_ERROR_LINES = 20

_PACKAGES = {"dtc": "device-tree-compiler", "cpp": "cpp"}
_STAND_IN = "carveout-source-"
_LINE_MARKER = re.compile(rb'^(# \d+ )"((?:[^"\\\n]|\\.)*)"', re.MULTILINE)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_STAND_IN_USED = re.compile(rf"{_STAND_IN}(\d+)")
# dtc prints FILE:L:C-L:C in annotations.
_PLACE = re.compile(r"^(.*):(\d+):(\d+)-(\d+):(\d+)$")
# cpp: "FILE:L:C: fatal error: TEXT"; dtc: "Error: FILE:L.C-C TEXT", "FILE:L.C-L.C: ERROR (check): TEXT".
_CPP_ERROR = re.compile(r"^(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?:fatal )?error: (?P<text>.*)$")
_DTC_ERROR = re.compile(
    r"^(?:(?:Error|Lexical error): )?(?P<file>.+?):(?P<line>\d+)\.(?P<column>\d+)(?:-\d+(?:\.\d+)?)?:? (?P<text>.*)$"
)


class SourceSpan(NamedTuple):
    """Where something stands in source text. Lines and columns count from 1, as dtc prints them.

    A node begins at its opening brace; last_column is one past the last character. Columns are those of the text after cpp, which differ from the file's behind a comment or macro on that line.
    """

    file: str
    first_line: int
    first_column: int
    last_line: int
    last_column: int

    def __str__(self) -> str:
        """Return the place in dtc's form, FILE:LINE.COLUMN-LINE.COLUMN."""
        return f"{self.file}:{self.first_line}.{self.first_column}-{self.last_line}.{self.last_column}"


class SourceMap:
    """Where in the source the nodes and properties of a compiled tree came from."""

    __slots__ = ("_nodes", "_properties")

    def __init__(
        self,
        nodes: Mapping[str, tuple[SourceSpan, ...]],
        properties: Mapping[tuple[str, str], tuple[SourceSpan, ...]],
    ) -> None:
        """Take the places by path, and by path and property name."""
        self._nodes = nodes
        self._properties = properties

    def of_node(self, path: str) -> SourceSpan | None:
        """Return where the node first appears; None when no source text made it."""
        return next(iter(self.all_of_node(path)), None)

    def all_of_node(self, path: str) -> tuple[SourceSpan, ...]:
        """Return every place that adds to the node, in the order of reading."""
        return self._nodes.get(path, ())

    def properties_of(self, path: str) -> tuple[str, ...]:
        """Return the names of the node's properties that source text made, in the order of the tree."""
        return tuple(name for at, name in self._properties if at == path and self._properties[at, name])

    def files(self) -> tuple[str, ...]:
        """Return every file that a node or property came from, in the order of the tree."""
        places = [*self._nodes.values(), *self._properties.values()]
        return tuple(dict.fromkeys(place.file for spans in places for place in spans))

    def of_property(self, path: str, name: str) -> SourceSpan | None:
        """Return where the property got its value; None when no source text made it (phandle, for one)."""
        return next(iter(self._properties.get((path, name), ())), None)


def load_dts(
    path: str | os.PathLike[str],
    *,
    include_dirs: Sequence[str | os.PathLike[str]] = (),
    symbols: bool = False,
    timeout: float = TIMEOUT_SECONDS,
) -> tuple[Tree, SourceMap]:
    """Compile a .dts or overlay source; return the tree and where its parts came from.

    include_dirs: searched for includes, each also with its subdirectory `include`; the file's own directory is
    searched first. symbols: make /__symbols__ from the labels. timeout: seconds for each run of a tool.

    Raises:
        ToolMissing: when cpp or dtc is not installed.
        DtsSyntaxError: when the file cannot be read or compiled, or a tool runs too long or prints too much.
    """
    directories = [Path(path).absolute().parent]
    for directory in include_dirs:
        directories += [Path(directory).absolute(), Path(directory).absolute() / "include"]
    flags = [part for directory in directories for part in ("-I", str(directory))]
    shown = os.fspath(path)
    if shown.startswith("-"):
        shown = f"./{shown}"
    command = ["cpp", "-nostdinc", "-undef", "-D__DTS__", "-x", "assembler-with-cpp", *flags, shown]
    text = _run(command, b"", timeout=timeout, files=())
    text, files = _replace_file_names(text)
    dtc = ["dtc", "-q", "-I", "dts", *(part for directory in directories for part in ("-i", str(directory)))]
    if symbols:
        dtc.append("-@")
    blob = _run([*dtc, "-O", "dtb", "-"], text, timeout=timeout, files=files)
    annotated = _run([*dtc, "-O", "dts", "-T", "-T", "-"], text, timeout=timeout, files=files)
    return parse(blob), read_annotated(annotated.decode("utf-8", "surrogateescape"), files)


def _replace_file_names(text: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Put tokens in place of the file names of line markers; return the text and the names by token number."""
    numbers: dict[bytes, int] = {}

    def token(match: re.Match[bytes]) -> bytes:
        number = numbers.setdefault(match[2], len(numbers))
        return match[1] + f'"{_STAND_IN}{number}"'.encode()

    replaced = _LINE_MARKER.sub(token, text)
    return replaced, tuple(
        _ESCAPE.sub(_unescape, name).decode("utf-8", "surrogateescape") for name in numbers
    )


def _unescape(match: re.Match[bytes]) -> bytes:
    """Turn one backslash escape of a line marker back: octal digits or the character itself."""
    escaped = match[1]
    return bytes([int(escaped, 8) & 0xFF]) if escaped[:1].isdigit() else escaped


def read_annotated(text: str, files: Sequence[str]) -> SourceMap:
    """Return the places in what `dtc -O dts -T -T` printed. files: names by token number.

    Each line is a node that opens, a property, or a node that closes, and ends with a comment that lists places.
    """
    nodes: dict[str, tuple[SourceSpan, ...]] = {}
    properties: dict[tuple[str, str], tuple[SourceSpan, ...]] = {}
    names: list[str] = []
    for line in text.split("\n"):
        body, comment, places = line.strip().rpartition(" /* ")
        if not comment:
            continue
        if body == "};":
            if names:
                names.pop()
        elif body.endswith(" {"):
            # Labels stand in front: "a: b: pool@1000 {". The root is "/".
            names.append(body[:-2].rpartition(" ")[2] if names else "")
            nodes["/".join(names) or "/"] = _places(places, files)
        else:
            head = body.partition(" = ")[0].removesuffix(";")
            properties["/".join(names) or "/", head.rpartition(" ")[2]] = _places(places, files)
    return SourceMap(nodes, properties)


def _places(comment: str, files: Sequence[str]) -> tuple[SourceSpan, ...]:
    found: list[SourceSpan] = []
    for part in comment.removesuffix(" */").split(", "):
        match = _PLACE.match(part)
        if match:
            numbers = [int(number) for number in match.groups()[1:]]
            found.append(SourceSpan(_with_names(match[1], files), *numbers))
    return tuple(found)


def _with_names(text: str, files: Sequence[str]) -> str:
    """Turn tokens back into file names."""

    def name(match: re.Match[str]) -> str:
        number = int(match[1])
        return files[number] if number < len(files) else match[0]

    return _STAND_IN_USED.sub(name, text)


def _run(command: Sequence[str], stdin: bytes, *, timeout: float, files: Sequence[str]) -> bytes:
    """Run a tool without a shell and return its standard output."""
    tool = command[0]
    with tempfile.TemporaryFile() as source:
        source.write(stdin)
        source.seek(0)
        try:
            process = subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except FileNotFoundError:
            message = f"{tool} is needed to read .dts files; on Debian: apt install {_PACKAGES[tool]}"
            raise ToolMissing(message) from None
    with process:
        try:
            stdout, stderr = _collect(process, tool, timeout)
        finally:
            # Nothing is left to read, or something went wrong: either way the process is not needed any more.
            if process.poll() is None:
                try:
                    process.wait(timeout=1)
                except subprocess.TimeoutExpired:
                    process.kill()
    if process.returncode:
        raise _syntax_error(tool, stderr.decode("utf-8", "surrogateescape"), files)
    return stdout


def _collect(process: subprocess.Popen[bytes], tool: str, timeout: float) -> tuple[bytes, bytes]:
    """Return what the process prints on both outputs, within the limits of time and size."""
    deadline = time.monotonic() + timeout
    stdout, stderr = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, into in ((process.stdout, stdout), (process.stderr, stderr)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, into)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                process.kill()
                raise DtsSyntaxError(f"{tool} did not finish within {timeout:g} seconds")
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                key.data.extend(chunk)
                if len(key.data) > MAX_OUTPUT:
                    process.kill()
                    raise DtsSyntaxError(f"{tool} printed more than {MAX_OUTPUT} bytes")
    return bytes(stdout), bytes(stderr)


def _syntax_error(tool: str, stderr: str, files: Sequence[str]) -> DtsSyntaxError:
    """Make one error of a tool's messages: the first place that is named, and the text of all."""
    lines = [_with_names(line, files) for line in stderr.splitlines() if line.strip()]
    # Splitting off the place has to see the tokens, since a file's name may hold anything.
    pattern = _CPP_ERROR if tool == "cpp" else _DTC_ERROR
    for number, raw in enumerate(line for line in stderr.splitlines() if line.strip()):
        match = pattern.match(raw)
        if match:
            rest = lines[number + 1 : number + _MAX_ERROR_LINES]
            return DtsSyntaxError(
                "\n".join([match["text"], *rest]),
                file=_with_names(match["file"], files),
                line=int(match["line"]),
                column=int(match["column"]),
            )
    return DtsSyntaxError("\n".join(lines[:_MAX_ERROR_LINES]) or f"{tool} failed without a message")
