# SPDX-License-Identifier: Apache-2.0
"""The kernel's command line: numbers, words, and `cma=` (kernel-semantics 4.2)."""

from __future__ import annotations

import pytest

from carveout.boot.cmdline import CmaArgument, memparse, parse_cmdline

K, M, G = 1 << 10, 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("text", "value", "rest"),
    [
        pytest.param("64M", 64 * M, "", id="M"),
        pytest.param("64m", 64 * M, "", id="lower-case"),
        pytest.param("1K", K, "", id="K"),
        pytest.param("2G", 2 * G, "", id="G"),
        pytest.param("1T", 1 << 40, "", id="T"),
        pytest.param("1P", 1 << 50, "", id="P"),
        pytest.param("1E", 1 << 60, "", id="E"),
        pytest.param("4096", 4096, "", id="no-suffix"),
        pytest.param("0x1000", 0x1000, "", id="hexadecimal"),
        pytest.param("0X10M", 16 * M, "", id="hexadecimal-with-suffix"),
        # C: a leading 0 is octal
        pytest.param("010", 8, "", id="octal"),
        pytest.param("08", 0, "8", id="no-octal-digit"),
        pytest.param("0", 0, "", id="zero"),
        pytest.param("", 0, "", id="empty"),
        pytest.param("M", 0, "", id="suffix-only"),
        pytest.param("0x", 0, "x", id="prefix-only"),
        pytest.param("0xg", 0, "xg", id="prefix-and-no-digit"),
        # hexadecimal digits win over the suffix E
        pytest.param("0x1E", 0x1E, "", id="E-is-a-digit"),
        pytest.param("16MB", 16 * M, "B", id="more-behind"),
        pytest.param("16M@1G", 16 * M, "@1G", id="rest-is-kept"),
        pytest.param("-1", 0, "-1", id="negative"),
        # simple_strtoull() has 64 bits, and so has the shift
        pytest.param("0x1ffffffffffffffff", (1 << 64) - 1, "", id="overflow"),
        pytest.param("16E", 0, "", id="shifted-out"),
    ],
)
def test_memparse(text: str, value: int, rest: str) -> None:
    assert memparse(text) == (value, rest)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        pytest.param("", (), id="empty"),
        pytest.param("  quiet  ro ", (("quiet", None), ("ro", None)), id="words"),
        pytest.param("a=1 a=2", (("a", "1"), ("a", "2")), id="both-are-kept"),
        pytest.param("a= b", (("a", ""), ("b", None)), id="empty-value"),
        pytest.param("a=b=c", (("a", "b=c"),), id="second-equals-sign"),
        pytest.param('a="b c" d', (("a", "b c"), ("d", None)), id="quoted-value"),
        pytest.param('"a=b c" d', (("a", "b c"), ("d", None)), id="quoted-word"),
        pytest.param("kfence.sample-interval=1", (("kfence.sample_interval", "1"),), id="dash-is-underscore"),
        pytest.param("a -- b=1", (("a", None),), id="two-dashes-end-it"),
        pytest.param("a\tb\nc", (("a", None), ("b", None), ("c", None)), id="other-blanks"),
    ],
)
def test_words(text: str, pairs: tuple[tuple[str, str | None], ...]) -> None:
    assert parse_cmdline(text).pairs == pairs


def test_the_last_counts() -> None:
    arguments = parse_cmdline("mem=1G mem=512M cma=1M mem")
    assert (arguments.last("mem"), arguments.size("mem")) == ("512M", 512 * M)
    assert arguments.all("mem") == ("1G", "512M")
    assert (arguments.last("none"), arguments.size("none"), arguments.all("none")) == (None, None, ())
    assert (arguments.has("mem"), arguments.has("none")) == (True, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", None, id="absent"),
        pytest.param("cma", None, id="no-value"),
        pytest.param("cma=", CmaArgument(0, 0, 0), id="empty"),
        pytest.param("cma=0", CmaArgument(0, 0, 0), id="zero"),
        pytest.param("cma=64M", CmaArgument(64 * M, 0, 0), id="size"),
        # limit = base + size
        pytest.param("cma=64M@1G", CmaArgument(64 * M, G, G + 64 * M), id="base"),
        pytest.param("cma=64M@0x40000000", CmaArgument(64 * M, G, G + 64 * M), id="hexadecimal-base"),
        pytest.param("cma=64M@0-4G", CmaArgument(64 * M, 0, 4 * G), id="limit"),
        pytest.param("cma=64M@1G-2G", CmaArgument(64 * M, G, 2 * G), id="base-and-limit"),
        pytest.param("cma=64M@0", CmaArgument(64 * M, 0, 64 * M), id="base-0"),
        pytest.param("cma=64M@", CmaArgument(64 * M, 0, 64 * M), id="base-empty"),
        pytest.param("cma=64M-4G", CmaArgument(64 * M, 0, 0), id="limit-without-base"),
        pytest.param("cma=16M cma=32M", CmaArgument(32 * M, 0, 0), id="the-last-counts"),
        # Booted on arm64, 5.10.223, 6.12.117 and 7.2.13: `Size (…) of region at 0x40000000 exceeds limit (0x41000000)`.
        pytest.param(
            "cma=16M@1G cma=32M",
            CmaArgument(32 * M, 1 << 30, (1 << 30) + 16 * M),
            id="place-of-the-first-stays",
        ),
    ],
)
def test_cma(text: str, expected: CmaArgument | None) -> None:
    assert parse_cmdline(text).cma == expected
