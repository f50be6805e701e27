# SPDX-License-Identifier: Apache-2.0
"""Sizes and addresses as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carveout.errors import SceneError
from carveout.span import GIB, KIB, MIB, TIB, Span
from carveout.units import (
    address_digits,
    format_address,
    format_range,
    format_size,
    format_size_about,
    parse_address,
    parse_memory,
    parse_placed,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("64K", 64 * KIB),
        ("64k", 64 * KIB),
        ("64M", 64 * MIB),
        ("64 MiB", 64 * MIB),
        ("1.5G", GIB + GIB // 2),
        ("2T", 2 * TIB),
        ("0x4000000", 64 * MIB),
        ("0X10", 16),
        ("0x40M", 64 * MIB),
        (" 1G ", GIB),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "M",
        "64Q",
        "-1",
        "+1",
        "1.5",
        "0.3K",
        "1_000",
        "0x",
        "1e3",
        "64MB",
        "64iB",
        "٣",
        "1" * 100,
        "1.M",
        "1 2",
    ],
)
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SceneError, match=r"cannot read size .* for example 64M"):
        parse_size(text)


def test_sizes_and_addresses_beyond_64_bits_are_refused() -> None:
    assert parse_size("0x10000000000000000") == 1 << 64
    with pytest.raises(SceneError, match="64 bits"):
        parse_size("0x10000000000000001")
    assert parse_address("0xffffffffffffffff") == (1 << 64) - 1
    with pytest.raises(SceneError, match="64 bits"):
        parse_address("0x10000000000000000")
    with pytest.raises(SceneError, match="cannot read address 'here'"):
        parse_address("here")


def test_memory_is_size_at_base() -> None:
    assert parse_memory("1G@0x40000000") == Span(0x40000000, 0x80000000)
    assert parse_memory("0x1000@0") == Span(0, 0x1000)


@pytest.mark.parametrize("text", ["1G", "1G@", "@0", "0@0x40000000", "1G@0xffffffffffffffff", "1G@x", ""])
def test_what_is_no_memory_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SceneError, match="expected SIZE@BASE, for example 1G@0x40000000"):
        parse_memory(text)


def test_a_placed_range_is_base_plus_size() -> None:
    assert parse_placed("0x40200000+0x24f0000") == Span(0x40200000, 0x426F0000)
    with pytest.raises(SceneError, match=r"expected BASE\+SIZE"):
        parse_placed("0x40200000")
    with pytest.raises(SceneError, match="has size 0"):
        parse_placed("0x40200000+0")


def test_an_error_shows_control_characters_escaped_and_long_text_cut() -> None:
    with pytest.raises(SceneError) as caught:
        parse_size("\x1b[31m" + "9" * 1000)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1000, "1000 bytes"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (1537, "1537 bytes"),
        (64 * MIB, "64 MiB"),
        (3 * MIB // 2, "1.5 MiB"),
        (0x24F0000, "37824 KiB"),
        (GIB, "1 GiB"),
        (GIB + GIB // 4, "1.25 GiB"),
        (1023 * MIB, "1023 MiB"),
        (2 * TIB, "2 TiB"),
    ],
)
def test_sizes_are_shown(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(min_value=0, max_value=1 << 64))
def test_a_shown_size_is_never_rounded(size: int) -> None:
    number, unit = format_size(size).split(" ")
    factor = {"byte": 1, "bytes": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": TIB}[unit]
    whole, _, part = number.partition(".")
    assert int(whole + part) * factor == size * 10 ** len(part)


@given(st.integers(min_value=0, max_value=1 << 64))
def test_what_is_shown_with_a_unit_can_be_read_back(size: int) -> None:
    text = format_size(size)
    assert parse_size(text.removesuffix("bytes").removesuffix("byte")) == size


def test_a_rounded_size_says_so() -> None:
    assert format_size_about(64 * MIB) == "64 MiB"
    assert format_size_about(1001448 * KIB) == "~978.0 MiB"
    assert format_size_about(4097) == "~4.0 KiB"
    assert format_size_about(100) == "100 bytes"


def test_addresses_have_the_width_of_their_table() -> None:
    assert format_address(0x1000) == "0x00001000"
    assert address_digits(0xFFFFFFFF) == 8
    assert address_digits(0x880000000) == 9
    assert format_address(0x80000000, 9) == "0x080000000"
    assert format_range(Span(0x40000000, 0x40001000)) == "0x40000000..0x40000fff"
