# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH112, PTH113, PTH118
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""Reading a running machine, or a copy of the files it was captured in, for `--live`."""

from __future__ import annotations

import os

from carveout.cli.files import read_file
from carveout.cli.live_option import THIS_MACHINE
from carveout.errors import InputError
from carveout.observe.banner import kernel_release
from carveout.observe.machine import CMDLINE, DMESG, IOMEM, VERSION, Capture
from carveout.values import NamedTuple

FDT = "sys/firmware/fdt"
_CONFIG_GZ = "proc/config.gz"
_LIMIT = 16 << 20


class Live(NamedTuple):
    """The board argument that stands for a machine, and its other files."""

    board: str
    """The path of its tree."""
    capture: Capture
    name: str


def read_live(top: str) -> Live:
    """Return what can be read of a machine. top: `/`, or a folder with the same relative paths.

    Raises: InputError when there is no tree.
    """
    if not os.path.isdir(top):
        raise InputError(
            f"--live {top}: is no directory; expected a copy of a machine's files, or no argument"
        )
    reader = _Reader(top)
    board = reader.path(FDT)
    if not os.access(board, os.R_OK):
        raise InputError(_no_tree(top, board))
    version = reader.text(VERSION, "the kernel version")
    config_name = _config_name(reader, version)
    capture = Capture(
        version=version,
        cmdline=reader.text(CMDLINE, "the command line (the tree's is used)"),
        iomem=reader.text(IOMEM, "where the kernel and the tree are"),
        config=None if config_name is None else reader.content(config_name, "the configuration"),
        config_name=config_name or "",
        dmesg=reader.text(DMESG, "the log") if os.path.isfile(reader.path(DMESG)) else None,
        page_size=os.sysconf("SC_PAGE_SIZE") if top == THIS_MACHINE else None,
        problems=tuple(reader.problems),
    )
    return Live(board=board, capture=capture, name="this machine" if top == THIS_MACHINE else top)


class _Reader:
    """Files below one folder; what cannot be read is remembered."""

    def __init__(self, top: str) -> None:
        self._top = top
        self.problems: list[str] = []

    def path(self, name: str) -> str:
        return os.path.join(self._top, name)

    def content(self, name: str, what: str) -> bytes | None:
        try:
            return read_file(self.path(name), what=what, limit=_LIMIT)
        except InputError as error:
            hint = "" if os.access(self.path(name), os.F_OK) is False else "; try as root"
            self.problems.append(f"{error}{hint}: {what} is not known from it")
            return None

    def text(self, name: str, what: str) -> str | None:
        data = self.content(name, what)
        return None if data is None else data.decode("utf-8", errors="replace")


def _config_name(reader: _Reader, version: str | None) -> str | None:
    if os.path.isfile(reader.path(_CONFIG_GZ)):
        return _CONFIG_GZ
    if version is None:
        return None
    try:
        release = kernel_release(version)
    except InputError:
        return None
    # The release is a file's text: only a plain name may become part of a path.
    name = f"boot/config-{release}"
    if "/" not in release and os.path.isfile(reader.path(name)):
        return name
    reader.problems.append(
        f"neither {_CONFIG_GZ} nor {name} is there: the configuration is that of the preset"
    )
    return None


def _no_tree(top: str, board: str) -> str:
    if os.access(board, os.F_OK):
        return f"cannot read {board}: run as root, or capture it as root (see docs/live.md)"
    if top == THIS_MACHINE:
        return f"{board} is not there: this machine was not started with a device tree"
    return f"--live {top}: there is no {FDT} in it; docs/live.md says what to capture"
