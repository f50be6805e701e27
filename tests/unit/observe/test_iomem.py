# SPDX-License-Identifier: Apache-2.0
"""What the text of /proc/iomem says."""

from __future__ import annotations

import pytest

from carveout.errors import ObservationError
from carveout.observe.banner import command_line, kernel_release
from carveout.observe.iomem import is_hidden, kernel_image, parse_iomem, ram, tree_place
from carveout.span import Span

ARM64 = """\
09000000-09000fff : pl011@9000000
  09000000-09000fff : 9000000.pl011 pl011@9000000
40000000-5fffffff : System RAM
  40210000-4185ffff : Kernel code
  41860000-41eaffff : reserved
  41eb0000-4220ffff : Kernel data
  48000000-480f8fff : reserved
  48200000-48208fff : reserved
  5fc00000-5fffffff : reserved
60000000-600fffff : reserved
60100000-7fffffff : System RAM
  7ddf9000-7fffffff : reserved
"""


def test_lines_have_depth_span_and_name() -> None:
    first, second, *_ = parse_iomem(ARM64)
    assert (first.depth, first.span, first.name) == (0, Span(0x0900_0000, 0x0900_1000), "pl011@9000000")
    assert second.depth == 1
    assert not is_hidden(parse_iomem(ARM64))


@pytest.mark.parametrize("text", ["System RAM", "4000-5000: RAM", "x-y : RAM", "-1-2 : RAM", "1-2 - RAM",
                                  "11111111111111111-2 : RAM"])  # fmt: skip
def test_another_form_is_an_error_with_its_line(text: str) -> None:
    with pytest.raises(ObservationError, match="line 2"):
        parse_iomem(f"00000000-00000fff : x\n{text}\n")


def test_prompts_and_remarks_are_passed_over() -> None:
    # `carveout export --to iomem` writes remarks, and people copy the prompt along.
    shown = (
        "# cat /proc/iomem\n40000000-7fffffff : System RAM\n#   a remark\n  40200000-40ffffff : reserved\n"
    )
    assert [(r.depth, r.name) for r in parse_iomem(shown)] == [(0, "System RAM"), (1, "reserved")]


def test_without_root_the_addresses_are_zero() -> None:
    hidden = "00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n"
    assert is_hidden(parse_iomem(hidden))
    assert not is_hidden(parse_iomem(""))


def test_ram_holds_the_no_map_regions_in_it() -> None:
    assert ram(parse_iomem(ARM64)) == (Span(0x4000_0000, 0x8000_0000),)


def test_the_kernel_on_arm64_is_from_code_to_data() -> None:
    assert kernel_image(parse_iomem(ARM64), "arm64") == Span(0x4021_0000, 0x4221_0000)


def test_a_kernel_that_is_not_shown() -> None:
    assert kernel_image(parse_iomem("00000000-3fffffff : System RAM\n"), "powerpc64") is None


def test_the_tree_is_the_entry_of_its_pages_that_stands_alone() -> None:
    resources = parse_iomem(ARM64)
    assert tree_place(resources, 0x8984) == 0x4820_0000
    assert tree_place(resources, 0x9001) is None
    # An entry of that size at the end of RAM, or inside the kernel or the initrd, is not it.
    assert tree_place(resources, 0x220_7000) is None
    assert tree_place(resources, 0x65_0000, taken=[Span(0x4021_0000, 0x4221_0000)]) is None
    assert tree_place(resources, 0xF_9000, taken=[Span(0x4800_0000, 0x480F_821B)]) is None


def test_two_entries_that_can_be_it_are_none() -> None:
    text = ARM64.replace("5fc00000-5fffffff", "50000000-50008fff : reserved\n  5fc00000-5fffffff")
    assert tree_place(parse_iomem(text), 0x8984) is None


def test_banner_and_command_line() -> None:
    assert kernel_release("Linux version 6.12.107+deb13-arm64 (x@y) (gcc) #1 SMP\n") == "6.12.107+deb13-arm64"
    assert command_line("console=ttyS0 cma=64M\n") == "console=ttyS0 cma=64M"


@pytest.mark.parametrize("text", ["", "Linux version ", "FreeBSD 14", "Linux version \x1b[2J x"])
def test_a_banner_of_another_form(text: str) -> None:
    with pytest.raises(ObservationError):
        kernel_release(text)
