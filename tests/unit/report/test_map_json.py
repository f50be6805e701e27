# SPDX-License-Identifier: Apache-2.0
"""carveout.map/1, field by field."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from carveout.report.map_json import render_json
from support import boots_by_hand as by_hand

if TYPE_CHECKING:
    from carveout.boot.result import Boot

HEX = re.compile(r"0x[0-9a-f]+")

# The contract: a field may be added, never renamed or dropped.
FIELDS = {
    "": "schema scene regions cma memory reserved consumers outcome failure log notes",
    "regions": "path name kind base size nomap reusable pool driver outcome exactness why",
    "cma": "name base size default exactness",
    "memory": "base size nomap",
    "reserved": "base size who",
    "consumers": "path index name region errno message bound_by",
}
BOOTS = [
    by_hand.one_gigabyte(),
    by_hand.two_banks(),
    by_hand.ram_unknown(),
    by_hand.panics(),
    by_hand.hostile(),
]


def value(boot: Boot) -> Any:
    return json.loads(render_json(boot))


def walk(node: Any, key: str = "") -> list[tuple[str, Any]]:
    if isinstance(node, dict):
        return [pair for name, item in node.items() for pair in walk(item, name)]
    if isinstance(node, list):
        return [pair for item in node for pair in walk(item, key)]
    return [(key, node)]


@pytest.mark.parametrize("boot", BOOTS)
def test_every_promised_field_is_there(boot: Boot) -> None:
    whole = value(boot)
    assert set(FIELDS[""].split()) <= set(whole)
    for name, fields in FIELDS.items():
        for item in whole[name] if name else []:
            assert set(fields.split()) <= set(item)


@pytest.mark.parametrize("boot", BOOTS)
def test_addresses_and_sizes_are_lower_case_hexadecimal_strings(boot: Boot) -> None:
    names = {"base", "size", "requested_base", "requested_size", "align", "usable", "page_size"}
    for name, item in walk(value(boot)):
        if name in names and item is not None:
            assert HEX.fullmatch(item), (name, item)


@pytest.mark.parametrize("boot", BOOTS)
def test_the_text_is_ascii_and_the_same_each_time(boot: Boot) -> None:
    assert render_json(boot).isascii()
    assert render_json(boot) == render_json(boot)


def test_a_region() -> None:
    vpu = value(by_hand.one_gigabyte())["regions"][1]
    promised = {name: vpu[name] for name in FIELDS["regions"].split()}
    assert promised == {
        "path": "/reserved-memory/vpu@50000000",
        "name": "vpu@50000000",
        "kind": "static",
        "base": "0x50000000",
        "size": "0x800000",
        "nomap": True,
        "reusable": False,
        "pool": "dma",
        "driver": "shared-dma-pool",
        "outcome": "placed",
        "exactness": "exact",
        "why": "",
    }
    assert vpu["label"] == "vpu_mem"


def test_a_region_without_a_place() -> None:
    gpu = value(by_hand.one_gigabyte())["regions"][3]
    assert (gpu["base"], gpu["size"], gpu["outcome"], gpu["kind"]) == (None, None, "alloc-failed", "dynamic")
    assert gpu["hole"] == {"base": "0x50800000", "size": "0x29800000", "usable": "0x29800000"}
    assert gpu["requested_size"] == "0x30000000"


def test_areas_memory_reserved_and_consumers() -> None:
    whole = value(by_hand.one_gigabyte())
    area = whole["cma"][0]
    assert (area["name"], area["base"], area["size"], area["default"]) == (
        "reserved",
        "0x76000000",
        "0x4000000",
        True,
    )
    assert whole["memory"][1] == {"base": "0x50000000", "size": "0x800000", "nomap": True}
    assert whole["reserved"][0]["base"] == "0x40200000"
    gpu = whole["consumers"][1]
    assert (gpu["index"], gpu["errno"], gpu["region"], gpu["bound_by"]) == (
        0,
        22,
        "/reserved-memory/gpu",
        None,
    )
    assert whole["log"] == ["OF: reserved mem: failed to allocate memory for node 'gpu': size 768 MiB"]
    assert (whole["outcome"], whole["failure"]) == ("ok", None)


def test_the_scene_has_every_value_and_what_was_assumed() -> None:
    scene = value(by_hand.one_gigabyte())["scene"]
    assert scene["kernel"] == "6.12"
    assert scene["page_size"] == "0x1000"
    assert scene["memory"] == [{"base": "0x40000000", "size": "0x40000000"}]
    assert scene["assumed"] == ["kernel", "preset"]
    assert value(by_hand.ram_unknown())["scene"]["memory"] is None


def test_a_panic_is_a_result() -> None:
    whole = value(by_hand.panics())
    assert (whole["outcome"], whole["failure"]) == ("panic", "Failed to allocate page table page")


def test_the_trace_is_there_when_asked_for() -> None:
    boot = by_hand.one_gigabyte()
    assert "trace" not in json.loads(render_json(boot))
    (step,) = json.loads(render_json(boot, with_trace=True))["trace"]
    assert (step["kind"], step["size"], step["base"]) == ("fail", "0x30000000", None)
