# SPDX-License-Identifier: Apache-2.0
"""What unflattening a tree costs (kernel-semantics 4.6, steps 5 and 6)."""

from __future__ import annotations

import pytest

from support.boards import board_of, cells, node, text


def test_by_hand() -> None:
    # 6.12: device_node 208, property 104. Root: no properties.
    #   root            0 + 208 + 1 (its name is empty)                    = 209
    #   its added name  up8(209) = 216 + 104 + 1                           = 321
    #   soc@10          up8(321) = 328 + 208 + len("soc@10") + 1           = 543
    #   property p      up8(543) = 544 + 104                               = 648
    #   its added name  648 + 104 + len("soc") + 1                         = 756
    #   up4(756) + 4                                                       = 760
    assert board_of(node("soc@10", {"p": cells(1)}), root={}).shape.unflattened(208, 104) == 760


def test_a_node_with_a_name_property_gets_none() -> None:
    # As above, but: property name up8(543) = 544 + 104 = 648, and no name is added; 648 + 4.
    assert board_of(node("soc@10", {"name": text("soc")}), root={}).shape.unflattened(208, 104) == 652


def test_contents_and_status_do_not_matter() -> None:
    small = board_of(node("a", {"status": b""})).shape
    large = board_of(node("a", {"status": text("disabled" * 100)})).shape
    assert small == large


@pytest.mark.parametrize(
    ("name", "target", "stems"),
    [
        pytest.param("serial0", "/soc/uart@1", (6,), id="usual"),
        pytest.param("i2c10", "/soc/uart@1", (3,), id="two-digits"),
        pytest.param("console", "/soc/uart@1", (), id="no-digits"),
        pytest.param("serial0", "/soc/uart", (), id="not-the-exact-name"),
        pytest.param("serial0", "/soc/none", (), id="no-target"),
        pytest.param("serial0", "/soc/uart@1:115200n8", (6,), id="colon-ends-it"),
        pytest.param("serial0", "bus/uart@1", (6,), id="relative"),
        pytest.param("serial0", "nobus/uart@1", (), id="relative-to-nothing"),
        pytest.param("serial0", "bus", (6,), id="another-alias"),
        pytest.param("phandle", "/soc", (), id="phandle"),
        pytest.param("name", "/soc", (), id="name"),
        pytest.param("serial0", "/", (6,), id="root"),
    ],
)
def test_aliases(name: str, target: str, stems: tuple[int, ...]) -> None:
    aliases = node("aliases", {name: text(target), "bus": text("/soc")})
    assert board_of(aliases, node("soc", {}, node("uart@1"))).shape.alias_stems == stems


def test_aliases_in_their_order() -> None:
    aliases = node("aliases", {"b0": text("/soc"), "long2": text("/soc"), "a1": text("/soc")})
    assert board_of(node("soc"), aliases).shape.alias_stems == (1, 4, 1)


def test_no_aliases() -> None:
    assert board_of().shape.alias_stems == ()
    assert board_of(node("soc", {}, node("aliases", {"a0": text("/soc")}))).shape.alias_stems == ()
