# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH112, PTH113, PTH114, PTH118, PTH119, PTH123, PTH208
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""Reading what was seen of a machine: a log as a stream, files of /proc, folders of debugfs and sysfs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from carveout.cli.files import STDIN, read_file
from carveout.cli.live_option import THIS_MACHINE
from carveout.errors import InputError, ObservationError
from carveout.observe.verification import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import BinaryIO, TypeVar

    from carveout.observe.log import Log
    from carveout.observe.machine import Capture
    from carveout.observe.memory_files import SeenArea

    Value = TypeVar("Value")

_BLOCK = 1 << 20
_LONGEST_LOG = 8 << 30
"""Bytes of a log, unpacked, after which it is refused: nobody waits for more."""
_GZIP = b"\x1f\x8b"
_MAX_FILE = 16 << 20
_MAX_SMALL = 1 << 20
_MOST_FILES = 4096
_DEEPEST = 4
_LISTS = ("memory", "reserved")
_DEBUG_CMA, _SYS_CMA = "sys/kernel/debug/cma", "sys/kernel/mm/cma"
_DEBUG_MEMBLOCK = "sys/kernel/debug/memblock"
_MEMINFO = "proc/meminfo"
_KMSG = "dev/kmsg"


def read_seen(
    *,
    log: str | None,
    boot: int | None,
    iomem: str | None,
    memblock: Sequence[str],
    cma: str | None,
    meminfo: str | None,
) -> tuple[Evidence, list[str]]:
    """Return what the files named say, and their names. Raises: InputError for what cannot be read."""
    from carveout.observe.iomem import is_hidden, parse_iomem
    from carveout.observe.memory_files import parse_memblock, parse_meminfo

    if [log, iomem, cma, meminfo, *memblock].count(STDIN) > 1:
        raise InputError("standard input can be read only once: give one file with -, the others by name")
    evidence = Evidence(
        log=None if log is None else read_log_file(log, boot),
        iomem=_parsed(iomem, "/proc/iomem", parse_iomem),
        memblock=_named(", ".join(memblock), parse_memblock, _lists(memblock)) if memblock else None,
        areas=None if cma is None else _areas(cma),
        meminfo=_parsed(meminfo, "/proc/meminfo", parse_meminfo),
    )
    if iomem is not None and evidence.iomem and is_hidden(evidence.iomem):
        raise InputError(
            f"{iomem}: shows zeros instead of addresses, as it does without root: read it as root"
        )
    names = [_shown(path) for path in (log, iomem, *memblock, cma, meminfo) if path is not None]
    return evidence, names


def read_log_file(path: str, boot: int | None) -> Log:
    """Return what a log says, read as a stream. Raises: InputError."""
    from carveout.observe.log import read_log

    if os.path.isdir(path):
        raise InputError(f"{path}: is a directory, expected a kernel log")
    try:
        if path == STDIN:
            found = read_log(_blocks(sys.stdin.buffer, path), boot=boot)
        else:
            with open(path, "rb") as file:
                found = read_log(_blocks(file, path), boot=boot)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot read {path}: {reason}") from error
    if boot is not None and found.boot.number != boot:
        raise InputError(f"{_shown(path)}: holds {len(found.boots)} boots, there is no number {boot}")
    return found


def _blocks(file: BinaryIO, name: str) -> Iterator[bytes]:
    first = file.read(2)
    source = _unpacked(file, first, name) if first == _GZIP else _plain(file, first)
    size = 0
    for block in source:
        size += len(block)
        if size > _LONGEST_LOG:
            raise InputError(
                f"{_shown(name)}: more than {_LONGEST_LOG >> 30} GiB, which is too large for a log"
            )
        yield block


def _plain(file: BinaryIO, first: bytes) -> Iterator[bytes]:
    # Never less than two bytes in the first block: the mark of UTF-16 is two bytes long.
    block = first + file.read(_BLOCK)
    while block:
        yield block
        block = file.read(_BLOCK)


def _unpacked(file: BinaryIO, first: bytes, name: str) -> Iterator[bytes]:
    import zlib

    unpacker = zlib.decompressobj(wbits=31)
    data = first + file.read(_BLOCK)
    try:
        while data:
            block = unpacker.decompress(data, _BLOCK)
            data = unpacker.unconsumed_tail
            if block:
                yield block
            if unpacker.eof:
                # Logs that are rotated may be several packed parts one after another.
                data = unpacker.unused_data or file.read(_BLOCK)
                unpacker = zlib.decompressobj(wbits=31)
            elif not data:
                data = file.read(_BLOCK)
    except zlib.error as error:
        raise InputError(f"{_shown(name)}: is no whole gzip file: {error}") from error


def read_seen_live(top: str, capture: Capture) -> tuple[Evidence, list[str], list[str]]:
    """Return what a running machine, or a folder of its files, shows; names of what was read; what could not be."""
    from carveout.observe.iomem import is_hidden, parse_iomem
    from carveout.observe.log import read_log
    from carveout.observe.memory_files import parse_cma, parse_memblock, parse_meminfo

    names: list[str] = []
    notes: list[str] = []
    log = None
    if capture.dmesg is not None:
        log = read_log([capture.dmesg.encode("utf-8", "replace")])
    elif top == THIS_MACHINE:
        log = _kernel_messages(os.path.join(top, _KMSG), notes)
    if log is not None:
        names.append("dmesg")
    resources = None
    if capture.iomem is not None:
        resources = _named("proc/iomem", parse_iomem, capture.iomem)
        if is_hidden(resources):
            notes.append("proc/iomem shows zeros, as it does without root")
            resources = None
        elif resources:
            names.append("proc/iomem")
    lists = {
        name: text for name in _LISTS if (text := _text(top, f"{_DEBUG_MEMBLOCK}/{name}", notes)) is not None
    }
    areas: dict[str, str] = {}
    for folder in (_DEBUG_CMA, _SYS_CMA):
        if os.path.isdir(os.path.join(top, folder)):
            areas.update(_tree_files(os.path.join(top, folder)))
    meminfo = _text(top, _MEMINFO, notes)
    names += [name for name, there in (("memblock", lists), ("cma", areas), (_MEMINFO, meminfo)) if there]
    evidence = Evidence(
        log=log,
        iomem=resources,
        memblock=_named(_DEBUG_MEMBLOCK, parse_memblock, lists) if lists else None,
        areas=parse_cma(areas) if areas else None,
        meminfo=None if meminfo is None else _named(_MEMINFO, parse_meminfo, meminfo),
    )
    return evidence, names, notes


def _kernel_messages(path: str, notes: list[str]) -> Log | None:
    # Each read of /dev/kmsg gives one record, `LEVEL,NUMBER,MICROSECONDS,...;TEXT`, until there is none left.
    from carveout.observe.log import read_log

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        notes.append(
            f"cannot read /{_KMSG}: {error.strerror}; try as root, or pass --live DIR with a dmesg in it"
        )
        return None
    try:
        return read_log(_kmsg_records(handle))
    finally:
        os.close(handle)


def _kmsg_records(handle: int) -> Iterator[bytes]:
    while True:
        try:
            record = os.read(handle, 8192)
        except BlockingIOError:
            return
        except BrokenPipeError:
            continue  # records were overwritten while they were read
        if not record:
            return
        head, _, text = record.partition(b";")
        fields = head.split(b",")
        if len(fields) < 3 or not fields[2].isdigit():
            continue
        stamp = int(fields[2])
        line = text.split(b"\n", 1)[0]
        yield b"[%5d.%06d] %s\n" % (stamp // 1_000_000, stamp % 1_000_000, line)


def _text(top: str, name: str, notes: list[str]) -> str | None:
    path = os.path.join(top, name)
    if not os.path.isfile(path):
        return None
    try:
        return read_file(path, what=name, limit=_MAX_FILE).decode("utf-8", errors="replace")
    except InputError as error:
        notes.append(str(error))
        return None


def _parsed(path: str | None, what: str, parse: Callable[[str], Value]) -> Value | None:
    if path is None:
        return None
    text = read_file(path, what=what, limit=_MAX_FILE).decode("utf-8", errors="replace")
    return _named(_shown(path), parse, text)


def _named(
    name: str, parse: Callable[[Mapping[str, str]], Value] | Callable[[str], Value], data: object
) -> Value:
    try:
        return parse(data)  # type: ignore[arg-type]
    except ObservationError as error:
        text = str(error)
        raise ObservationError(text if text.startswith(name) else f"{name}: {text}") from error


def _lists(paths: Sequence[str]) -> Mapping[str, str]:
    texts: dict[str, str] = {}
    for path in paths:
        if os.path.isdir(path):
            found = [name for name in _LISTS if os.path.isfile(os.path.join(path, name))]
            if not found:
                raise InputError(
                    f"{path}: has neither `memory` nor `reserved` in it, as /sys/kernel/debug/memblock has"
                )
        else:
            found = [""]
        for name in found:
            full = os.path.join(path, name) if name else path
            text = read_file(full, what="a list of memblock", limit=_MAX_FILE).decode(
                "utf-8", errors="replace"
            )
            texts[name or _shown(full)] = text
    return texts


def _areas(path: str) -> tuple[SeenArea, ...]:
    from carveout.observe.memory_files import cma_files, parse_cma

    if os.path.isdir(path):
        files: Mapping[str, str] = _tree_files(path)
    else:
        text = read_file(path, what="contiguous areas", limit=_MAX_FILE).decode("utf-8", errors="replace")
        files = _named(_shown(path), cma_files, text)
    areas = parse_cma(files)
    if not areas:
        raise InputError(
            f"{path}: no area is in it: expected one folder for each, as /sys/kernel/debug/cma has"
        )
    return areas


def _tree_files(top: str) -> dict[str, str]:
    # Small files below a folder, by relative path; links are not followed out of it.
    found: dict[str, str] = {}
    waiting = [("", 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            names = sorted(os.listdir(os.path.join(top, folder)))
        except OSError as error:
            raise InputError(f"cannot read {os.path.join(top, folder)}: {error.strerror}") from error
        for name in names:
            path = os.path.join(folder, name)
            full = os.path.join(top, path)
            if os.path.isdir(full) and not os.path.islink(full):
                if depth < _DEEPEST:
                    waiting.append((path, depth + 1))
            elif (
                os.path.isfile(full) and len(found) < _MOST_FILES and name not in ("alloc", "free", "bitmap")
            ):
                try:
                    data = read_file(full, what="a contiguous area", limit=_MAX_SMALL)
                except InputError:
                    continue  # of the kernel's files some can only be written
                found[path] = data.decode("utf-8", errors="replace")
    return found


def _shown(path: str) -> str:
    return "standard input" if path == STDIN else os.path.basename(path.rstrip("/")) or path
