# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH103, PTH105, PTH108, PTH110, PTH112, PTH118, PTH120, PTH123
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""Results of single boards, kept in a folder by what they depend on: tree, scenes, rules and carveout's own code.

An entry is a file of its own, written whole under another name first; what is torn or not ours counts as missing.
Several runs, on several machines, may use one folder, and anybody may delete it or any file in it at any time.
An interrupted run keeps its boards the same way, beside its output, for `--resume`.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from contextlib import suppress
from hashlib import sha256

import carveout
from carveout.cli.output import STDOUT
from carveout.errors import UsageError
from carveout.sweep.plan import Done

_HEAD = b"carveout.sweep.cache/1\n"
_SUM_BYTES = 16
_LARGEST = 256 << 20
"""An entry that unpacks to more is not ours."""


class Store:
    """Results of boards in folders. The first folder is written to, all are looked into."""

    def __init__(self, folders: tuple[str, ...], *, partial: str | None = None) -> None:
        """folders: made when needed. partial: the one that only an interrupted run leaves behind."""
        self._folders = folders
        self._partial = partial
        self.stamp = code_stamp() if folders else b""

    def get(self, key: bytes) -> Done | None:
        """Return what is kept for a key, or None."""
        for folder in self._folders:
            try:
                with open(_place(folder, key), "rb") as file:
                    data = file.read(_LARGEST)
            except OSError:
                continue
            done = _unpacked(data)
            if done is not None:
                return done
        return None

    def put(self, key: bytes, done: Done) -> None:
        """Keep a result. A folder that is full or read-only costs the keeping, not the run."""
        data = _packed(done)
        for folder in self._folders:
            path = _place(folder, key)
            draft = f"{path}.{os.getpid()}.part"
            with suppress(OSError):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                try:
                    with open(draft, "xb") as file:
                        file.write(data)
                    os.replace(draft, path)
                except BaseException:
                    with suppress(OSError):
                        os.unlink(draft)
                    raise

    def hint(self) -> str:
        """Return what to say about going on, for the end of a sentence."""
        return "; --resume goes on where this run stopped" if self._partial else ""

    def finished(self) -> None:
        """Forget what was kept for going on."""
        if self._partial is not None:
            shutil.rmtree(self._partial, ignore_errors=True)


def open_store(cache: str | None, output: str | None, *, resume: bool) -> Store:
    """Return where results are kept. output: of the run, beside which an interrupted one leaves its boards.

    Raises: UsageError when the cache is no folder.
    """
    if cache is not None and os.path.exists(cache) and not os.path.isdir(cache):
        raise UsageError(f"--cache {cache}: is a file, expected a folder (or none yet)")
    partial = None if output in (None, STDOUT) else f"{output}.partial"
    if partial is not None and not resume and os.path.isdir(partial):
        shutil.rmtree(partial, ignore_errors=True)
    folders = tuple(folder for folder in (partial, cache) if folder is not None)
    return Store(folders, partial=partial)


def code_stamp() -> bytes:
    """Return a digest of carveout's own code: results of other code are other results."""
    top = os.path.dirname(os.path.abspath(carveout.__file__))  # noqa: PTH100
    digest = sha256(carveout.__version__.encode())
    for at, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                with open(os.path.join(at, name), "rb") as file:
                    digest.update(sha256(file.read()).digest())
    return digest.digest()


def _place(folder: str, key: bytes) -> str:
    name = key.hex()
    return os.path.join(folder, name[:2], name[2:])


def _packed(done: Done) -> bytes:
    head = json.dumps([done.cells, done.simulated, done.findings]).encode("ascii")
    body = zlib.compress(b"\n".join([head, *done.rows]), 1)
    return _HEAD + sha256(body).digest()[:_SUM_BYTES] + body


def _unpacked(data: bytes) -> Done | None:
    start = len(_HEAD) + _SUM_BYTES
    body = data[start:]
    if not data.startswith(_HEAD) or sha256(body).digest()[:_SUM_BYTES] != data[len(_HEAD) : start]:
        return None
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(body, _LARGEST)
        if not unpacker.eof:
            return None
        head, *rows = text.split(b"\n")
        cells, _, findings = json.loads(head)
    except (zlib.error, ValueError):
        return None
    # Of a result that was kept nothing is simulated.
    return Done(0, tuple(rows), cells=int(cells), simulated=0, findings=int(findings))
