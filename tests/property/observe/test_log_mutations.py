# SPDX-License-Identifier: Apache-2.0
"""Laws of reading logs under damage: no crash, no hang, bounded memory, whatever the bytes are."""

from __future__ import annotations

import random
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carveout.board import read_board
from carveout.boot.scene import Scene
from carveout.errors import CarveoutError
from carveout.fdt import parse
from carveout.observe.log import MOST_SAID, MOST_SAMPLES, read_log
from carveout.observe.log_lines import LONGEST, LineCounter, records
from carveout.observe.log_map import log_map
from carveout.observe.verification import Evidence
from carveout.observe.verify import verify
from support.log_dress import DRESSES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
CASES = ROOT / "tests" / "data" / "cases"
SAMPLES = [path.read_text(encoding="utf-8").splitlines() for path in sorted(CASES.glob("*.log"))]
MACHINE = [
    "Booting Linux on physical CPU 0x0000000000 [0x410fd034]",
    "Linux version 6.12.107+deb13-arm64 (a@b) (gcc) #1 SMP",
    "Machine model: ZynqMP",
    "memblock_phys_alloc_range: 4096 bytes align=0x1000 from=0x0000000000000000 max_addr=0x0000000000000001 f+0x1/0x2",
    "memblock_reserve: [0x0000000080000000-0x0000000080000fff] memblock_alloc_range_nid+0x104/0x1a8",
    "MEMBLOCK configuration:",
    " memory[0x0]\t[0x0000000040000000-0x000000007fffffff], 0x0000000040000000 bytes flags: 0x4",
    "Zone ranges:",
    "  DMA      [mem 0x0000000040000000-0x000000007fffffff]",
    "  node   0: [mem 0x0000000040000000-0x000000007fffffff]",
    "Kernel command line: console=ttyS0 cma=64M",
    "Dentry cache hash table entries: 131072 (order: 8, 1048576 bytes, linear)",
    "Memory: 900000K/1048576K available (1K kernel code, 8352K reserved, 65536K cma-reserved)",
    "cma: __cma_alloc: linux,cma: alloc failed, req-size: 2025 pages, ret: -12",
    "remoteproc remoteproc0: bad phdr da 0x1fff0000 mem 0x8000",
    "Kernel panic - not syncing: no working init",
]
PIECES = [
    b"0x",
    b"\x1b[31m",
    b"[    0.0",
    b"\r",
    b"\n",
    b"\0",
    b"OF: ",
    b"9" * 40,
    b"f" * 40,
    b"'",
    b"(",
    b"\xff\xfe",
    b"-",
]


def sample(rng: random.Random) -> bytes:
    lines = [*rng.choice(SAMPLES), *rng.sample(MACHINE, 4)]
    lines = rng.sample(lines, min(len(lines), 6))
    return DRESSES[rng.choice(list(DRESSES))](lines)


def damaged(rng: random.Random) -> bytes:
    data = bytearray(sample(rng))
    for _ in range(rng.randrange(1, 8)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0:
                del data[at : at + rng.randrange(30)]
            case 1:
                data[at:at] = rng.choice(PIECES)
            case 2:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 3:
                data[at:at] = data[at : at + rng.randrange(200)]
            case 4:
                data = data[: max(at, 1)]
    return bytes(data)


def blocks(rng: random.Random, data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = rng.choice((1, 7, 100, 4096))
        yield data[at : at + size]
        at += size


def read_all(seed: int, count: int) -> None:
    rng = random.Random(seed)
    for _ in range(count):
        data = damaged(rng)
        log = read_log([data])
        assert len(log.boot.missed) <= MOST_SAMPLES
        log_map(log.boot)


def test_damaged_logs_are_read() -> None:
    read_all(1, 2000)


def test_the_size_of_the_blocks_does_not_matter() -> None:
    rng = random.Random(2)
    for _ in range(100):
        data = damaged(rng)
        whole = list(records([data]))
        # The mark of UTF-16 has to be in the first block: the command line reads no smaller ones.
        pieces = [data] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else blocks(rng, data)
        said = [record.text for record in records(pieces)]
        assert [text for text in said if "reserved mem: " in text] == [
            record.text for record in whole if "reserved mem: " in record.text
        ]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_200_000_damaged_logs_are_read(seed: int) -> None:
    read_all(100 + seed, 10_000)


@given(st.binary(max_size=3000))
def test_any_bytes_are_a_log(data: bytes) -> None:
    log = read_log([data])
    assert log.boot.said == () or data != b""
    assert len(log.boot.missed) <= MOST_SAMPLES


def verify_some(seed: int, count: int) -> None:
    rng = random.Random(seed)
    boards = [read_board(parse(path.read_bytes())) for path in sorted(CASES.glob("*.dtb"))]
    for _ in range(count):
        with suppress(CarveoutError):
            verify(rng.choice(boards), Scene(), Evidence(log=read_log([damaged(rng)])))


def test_damaged_logs_are_verified() -> None:
    verify_some(3, 4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_more_damaged_logs_are_verified(seed: int) -> None:
    verify_some(4 + seed, 40)


def test_a_line_without_end_is_cut() -> None:
    counter = LineCounter()
    found = list(records((b"reserved mem " * 1000 for _ in range(200)), counter))
    assert counter.cut == 1
    assert max(len(record.text) for record in found) <= LONGEST


def test_more_messages_than_any_boot_has_are_counted() -> None:
    line = b"[    0.000000] OF: reserved mem: node a@%d compatible matching fail\n"
    log = read_log(line % number for number in range(MOST_SAID + 10))
    assert len(log.boot.said) == MOST_SAID
    assert log.boot.left_out == 10


def _big(size: int) -> Iterator[bytes]:
    # A serial capture of a machine that runs for weeks, and says much about memory.
    rng = random.Random(5)
    noise = b"".join(
        b"[%5d.%06d] usb 1-1: device descriptor read/64, error -71\n" % (n, n) for n in range(2000)
    )
    made = 0
    while made < size:
        block = noise + sample(rng)
        made += len(block)
        yield block


@pytest.mark.slow
def test_memory_is_bounded() -> None:
    tracemalloc.start()
    try:
        log = read_log(_big(4 << 20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert log.bytes >= 4 << 20
    assert peak < 24 << 20


@pytest.mark.slow
def test_200_mb_are_read_as_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "serial.log"
    with path.open("wb") as file:
        for block in _big(200 << 20):
            file.write(block)
    # What getrusage() says of a child begins with the memory of who started it.
    code = (
        "import sys; from carveout.cli.main import main; code = main(sys.argv[1:]); "
        "sys.stderr.write(next(line for line in open('/proc/self/status') if 'VmHWM' in line)); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "verify", "--log", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stderr.split()[-2]) < 200 << 10  # KiB
