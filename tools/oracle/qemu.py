# SPDX-License-Identifier: Apache-2.0
"""One run of QEMU: started stopped, asked through QMP where things were put, run until the log says enough."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from functools import lru_cache
from typing import IO, TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

# From fs_initcall, when contiguous areas are active and DMA pools made: all that is compared is in the log.
_DONE = "clocksource: Switched to clocksource"
_PANIC = "Kernel panic - not syncing: "
_START_SECONDS = 20
_POLL_SECONDS = 0.03
_TAIL = 20_000
_ROM = re.compile(r'addr=([0-9a-f]+) size=0x([0-9a-f]+) mem=\S+ name="([^"]*)"')


class QemuError(Exception):
    """QEMU did not start, or does not answer."""


class Patience(NamedTuple):
    """When a boot counts as hung. Seconds."""

    whole: float = 60
    silence: float = 25
    done: str = _DONE
    """What the log shows when enough is seen."""


class Loaded(NamedTuple):
    """Something a loader put into memory: `dtb`, `fdt`, or the path of a file. Bytes."""

    name: str
    base: int
    size: int


class Qemu:
    """A virtual machine that is stopped until `run`; a context manager, which ends it."""

    def __init__(self, command: list[str], folder: Path) -> None:
        """Start QEMU. command: the program and its options; folder: for the log and the socket. Raises: QemuError."""
        self.log = folder / "serial.log"
        path = folder / "qmp"
        common = ["-display", "none", "-monitor", "none", "-no-reboot", "-S", "-net", "none"]
        common += ["-serial", f"file:{self.log}", "-qmp", f"unix:{path},server,nowait"]
        self.process = subprocess.Popen(
            [*command, *common],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started = time.monotonic()
        self._socket = socket.socket(socket.AF_UNIX)
        self._file: IO[str] | None = None
        try:
            self._connect(path)
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> Self:
        """Return the machine."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the machine."""
        self.end()

    def _connect(self, path: Path) -> None:
        while True:
            try:
                self._socket.connect(str(path))
                break
            except OSError as error:
                if self.process.poll() is not None:
                    raise QemuError(f"QEMU did not start: {self.end().strip()[:500]}") from error
                if time.monotonic() - self.started > _START_SECONDS:
                    raise QemuError("QEMU does not answer") from error
                time.sleep(0.01)
        self._file = self._socket.makefile("rw")
        self._file.readline()  # the greeting
        self.call("qmp_capabilities")

    def call(self, command: str, **arguments: object) -> object:
        """Return what QEMU answers to one QMP command; None when it refuses it."""
        assert self._file is not None
        self._file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._file.flush()
        while line := self._file.readline():
            answer = json.loads(line)
            if "return" in answer or "error" in answer:
                return answer.get("return")  # others are events
        raise QemuError("QEMU ended while it was asked")

    def loaded(self) -> list[Loaded]:
        """Return what QEMU's own loader put where."""
        text = self.call("human-monitor-command", **{"command-line": "info roms"})
        return [Loaded(m[3], int(m[1], 16), int(m[2], 16)) for m in _ROM.finditer(str(text))]

    def read_memory(self, base: int, size: int, folder: Path) -> bytes | None:
        """Return guest memory, or None when QEMU cannot give it."""
        path = folder / "memory.bin"
        if self.call("pmemsave", val=base, size=size, filename=str(path)) is None:
            return None
        return path.read_bytes()

    def run(self, patience: Patience) -> str:
        """Let it run and return `ok`, `panic`, `hang`, or `exit` when QEMU ended by itself."""
        self.call("cont")
        seen, heard, limit = 0, time.monotonic(), time.monotonic() + patience.whole
        while True:
            time.sleep(_POLL_SECONDS)
            ended = self.process.poll() is not None
            text, now = self.text(), time.monotonic()
            if len(text) != seen:
                seen, heard = len(text), now
            if patience.done in text[-_TAIL:]:
                return "ok"
            if _PANIC in text[-_TAIL:]:
                time.sleep(2 * _POLL_SECONDS)  # for the end of the line
                return "panic"
            if ended:
                return "exit"
            if now > limit or now - heard > patience.silence:
                return "hang"

    def text(self) -> str:
        """Return what the serial console has shown so far."""
        return self.log.read_bytes().decode("utf-8", "replace") if self.log.exists() else ""

    def end(self) -> str:
        """End QEMU and return its error output."""
        if self._file is not None:
            self._file.close()
        self._socket.close()
        self.process.kill()
        _, errors = self.process.communicate()
        return errors or ""


@lru_cache(maxsize=8)
def version(program: str) -> str:
    """Return the version of a QEMU program, as it prints it."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0].removeprefix("QEMU emulator version ")
