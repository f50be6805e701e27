# SPDX-License-Identifier: Apache-2.0
"""The table that writes messages, read backwards; and what older and vendors' kernels print."""

from __future__ import annotations

import re

import pytest

from carveout.boot.messages import MESSAGES
from carveout.boot.result import LogLine
from carveout.observe.log_messages import FAMILIES, find, predicted, with_names

_FIELD = re.compile(r"\{(\w+)(:[^}]*)?\}")
_TEXTS = {"char": ",", "name": "d@50000000", "other": "e", "compatible": "shared-dma-pool", "nomap": "nomap", "reusable": "reusable",
          "function": "cma_x", "runs": "5@3+7@100", "prefix": "OF: fdt: "}  # fmt: skip
_NUMBERS = {
    "kib",
    "mib",
    "index",
    "count",
    "nid",
    "error",
    "each",
    "ram_mib",
    "base_mib",
    "pages",
    "free",
    "total",
}


def written(template: str) -> tuple[str, dict[str, object]]:
    """Fill a template with values, and say which."""
    values: dict[str, object] = {}
    for number, (field, form) in enumerate(_FIELD.findall(template)):
        if field in _TEXTS:
            values[field] = _TEXTS[field]
        elif field in _NUMBERS or form:
            values[field] = 4096 + number
        else:
            values[field] = f"0x{0x50000000 + number:x}"
    return template.format(**values), values


@pytest.mark.parametrize("key", MESSAGES)
def test_every_message_is_read_as_it_is_written(key: str) -> None:
    text, values = written(MESSAGES[key].text)
    said = find(text.split("\n")[0])
    assert said is not None
    assert said.family == FAMILIES.get(key, key)
    read = dict(said.values)
    for field, value in values.items():
        if field in ("prefix", "name") or field not in read:
            continue
        assert read[field] == (int(value, 16) if isinstance(value, str) and value.startswith("0x") else value)
    assert said.name == values.get("name")


@pytest.mark.parametrize(
    ("text", "family", "name", "values"),
    [
        pytest.param("Reserved memory: reserved region for node 'peripheral@92000000': base 0x0000000092000000, size 55 MiB",
                     "region-placed", "peripheral@92000000", {"base": 0x9200_0000, "mib": 55}, id="msm"),
        pytest.param("Reserved memory: allocated memory for 'venus_fw_region' node: base 0x000000009cc00000, size 8 MiB",
                     "region-placed", "venus_fw_region", {"base": 0x9CC0_0000, "mib": 8}, id="msm-dynamic"),
        pytest.param("Removed memory: created DMA memory pool at 0x0000000085800000, size 55 MiB",
                     "dma-created", None, {"base": 0x8580_0000, "mib": 55}, id="msm-removed"),
        pytest.param("Node android,ramoops-hole memblock_reserve memory 3e9e0000-3eae0000",
                     "region-span", "android,ramoops-hole", {"start": 0x3E9E_0000, "end": 0x3EAE_0000}, id="msm-3.4"),
        pytest.param("cma: CMA: reserved 64 MiB at 2c000000", "cma-reserved", None, {"mib": 64, "base": 0x2C00_0000}, id="3.15"),
        pytest.param("Reserved memory: initialized node linux,cma, compatible id shared-dma-pool",
                     "initialized", "linux,cma", {"compatible": "shared-dma-pool"}, id="4.0"),
        pytest.param("Reserved memory: OVERLAP DETECTED!", "overlap", None, {}, id="4.4"),
        pytest.param("Reserved memory: not enough space all defined regions.", "not-enough-space", None, {}, id="3.15-typo"),
        pytest.param("OF: fdt:Reserved memory: failed to reserve memory for node 'fb0_carveout': base 0x0000000000000000, size 0 MiB",
                     "reserve-failed", "fb0_carveout", {"base": 0, "mib": 0}, id="l4t"),
        pytest.param("OF: reserved mem: 0x0000000051200000..0x00000000512fffff ( 1024 KB) map non-reusable ramoops@51200000",
                     "summary", "ramoops@51200000", {"base": 0x5120_0000, "kib": 1024}, id="6.3"),
        pytest.param("ERROR: reserving fdt memory region failed (addr=98000000 size=4000000 flags=0)",
                     "loader-failed", None, {"base": 0x9800_0000, "size": 0x400_0000}, id="u-boot"),
        pytest.param("   Loading Device Tree to 0000000048ff0000, end 0000000048fff000 ... OK",
                     "loader-fdt", None, {"base": 0x48FF_0000, "last": 0x48FF_F000}, id="u-boot-fdt"),
    ],
)  # fmt: skip
def test_older_and_other_kernels(text: str, family: str, name: str | None, values: dict[str, object]) -> None:
    said = find(f"junk {text}")
    assert said is not None
    assert (said.family, said.name) == (family, name)
    assert values.items() <= dict(said.values).items()


@pytest.mark.parametrize("text", ["", "memory: all is well", "cma: Initialized", "OF: fdt: Machine model: x"])
def test_other_lines_are_no_message(text: str) -> None:
    assert find(text) is None


def test_a_pool_has_the_name_of_the_next_line() -> None:
    lines = [
        "Reserved memory: created CMA memory pool at 0x50000000, size 1 MiB",
        "OF: reserved mem: initialized node a, compatible id shared-dma-pool",
        "Reserved memory: incorrect alignment of CMA region",
        "OF: reserved mem: node b compatible matching fail",
        "Reserved memory: created CMA memory pool at 0x60000000, size 1 MiB",
        "Reserved memory: created CMA memory pool at 0x70000000, size 1 MiB",
        "OF: reserved mem: initialized node c, compatible id shared-dma-pool",
    ]
    found = with_names([said for line in lines if (said := find(line)) is not None])
    assert [said.name for said in found] == ["a", "a", "b", "b", None, "c", "c"]


def test_a_message_of_two_lines_is_two() -> None:
    text = "OF: reserved mem: OVERLAP DETECTED!\na (0x1000--0x2000) overlaps with b (0x1800--0x2800)"
    found = [said for said, _line in predicted([LogLine(text=text, level="err", step=0)])]
    assert [(said.family, said.name) for said in found] == [("overlap", "a"), ("overlap-pair", "a")]
