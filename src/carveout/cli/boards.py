# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH113, PTH119
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""A board as named on the command line: .dtb, .dts, `-`, /sys/firmware/fdt; with overlays applied."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carveout.cli.files import STDIN, read_file
from carveout.errors import InputError, OverlayError
from carveout.fdt import parse
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.fdt import Tree
    from carveout.fdt.dts import SourceMap

_MAGIC = b"\xd0\x0d\xfe\xed"
_GZIP = b"\x1f\x8b"
_SOURCE_ENDS = (".dts", ".dtso")
_SOURCE_START = b"/dts-v1/"
_SNIFFED = 4096


class LoadedBoard(NamedTuple):
    """A tree and where it came from. source: places in the .dts; None for a blob."""

    tree: Tree
    source: SourceMap | None
    name: str
    """What to call it: the file's name."""
    is_made_here: bool
    """Compiled from source, or changed by an overlay."""


def load_board(path: str, overlays: Sequence[str] = (), *, include_dirs: Sequence[str] = ()) -> LoadedBoard:
    """Return the tree that a board argument names, with the overlays applied in order.

    include_dirs: folders searched for what a .dts includes, beside its own.

    Raises InputError, with the file's name in front, for everything that cannot be read.
    """
    if path == STDIN and STDIN in overlays:
        raise InputError("standard input can be read only once: give the board or the overlay as a file")
    tree, source = _load(path, include_dirs)
    if _is_overlay(tree):
        shown = "standard input" if path == STDIN else path
        raise InputError(
            f"{shown}: is an overlay, which says nothing of a board by itself: name the board, and this with --overlay"
        )
    for name in overlays:
        tree = _with_overlay(tree, name, include_dirs)
    return LoadedBoard(
        tree=tree,
        source=source,
        name="standard input" if path == STDIN else os.path.basename(path),
        is_made_here=source is not None or bool(overlays),
    )


def _load(path: str, include_dirs: Sequence[str]) -> tuple[Tree, SourceMap | None]:
    if path.endswith(_SOURCE_ENDS) and os.path.isfile(path):
        from carveout.fdt.dts import load_dts  # runs cpp and dtc

        return load_dts(path, include_dirs=include_dirs, symbols=True)
    data = read_file(path, what="a device tree (.dtb or .dts)")
    shown = "standard input" if path == STDIN else path
    if not data.startswith(_MAGIC):
        raise InputError(f"{shown}: {_what_it_is(data)}")
    try:
        return parse(data), None
    except InputError as error:
        raise InputError(f"{shown}: {error}") from error


def _is_overlay(tree: Tree) -> bool:
    # Fragments, and no processor to boot.
    root = tree.root
    return root.child("cpus") is None and any(part.child("__overlay__") for part in root.children)


def _what_it_is(data: bytes) -> str:
    if not data:
        return "is empty, expected a device tree blob"
    if data.startswith(_GZIP):
        return "is gzip-compressed; unpack it first"
    if _SOURCE_START in data[:_SNIFFED]:
        return "is device tree source, but its name does not end in .dts"
    return f"is no device tree blob: begins with {data[:4].hex(' ')}, expected d0 0d fe ed"


def _with_overlay(tree: Tree, path: str, include_dirs: Sequence[str]) -> Tree:
    from carveout.fdt.overlay import apply

    overlay, _ = _load(path, include_dirs)
    try:
        return apply(tree, overlay)
    except OverlayError as error:
        raise InputError(f"{path}: {error}") from error
