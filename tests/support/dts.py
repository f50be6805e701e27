# SPDX-License-Identifier: Apache-2.0
"""A small compiler of device tree source, enough for the examples of rules, so that tests need no dtc.

It knows nodes, labels, properties made of <cells>, "strings" and [bytes], references to labels (&label as a phandle
inside < >, as a path outside), /memreserve/ and comments. A node named twice is one node.
"""

from __future__ import annotations

import re

from carveout.fdt import Tree, parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build

_TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/|(?P<word>"(?:[^"\\]|\\.)*"|/memreserve/|/dts-v1/|[{};=<>\[\],&:]|[^\s{};=<>\[\],&:"]+)""",
    re.DOTALL,
)

BASE = """
/ {
    #address-cells = <2>;
    #size-cells = <2>;
    model = "example";
    compatible = "example,board";
    cpus {
        #address-cells = <1>;
        #size-cells = <0>;
        cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a53"; reg = <0>; };
    };
    memory@40000000 { device_type = "memory"; reg = <0x0 0x40000000 0x0 0x40000000>; };
    chosen { };
};
"""
REGIONS = "/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; %s }; };"


class _Compiler:
    def __init__(self, text: str) -> None:
        self.words = [m["word"] for m in _TOKEN.finditer(text) if m["word"]]
        self.at = 0
        self.root = DraftNode("")
        self.reserve: list[tuple[int, int]] = []
        self.labels: dict[str, DraftNode] = {}
        self.paths: dict[str, str] = {}
        self.wanted: list[tuple[DraftNode, str, int, str]] = []
        self.path_refs: list[tuple[DraftNode, str, str]] = []

    def word(self) -> str:
        self.at += 1
        return self.words[self.at - 1]

    def expect(self, *words: str) -> None:
        for word in words:
            got = self.word()
            if got != word:
                raise ValueError(
                    f"expected {word!r}, found {got!r} before {' '.join(self.words[self.at : self.at + 6])}"
                )

    def run(self) -> None:
        while self.at < len(self.words):
            word = self.word()
            if word == "/dts-v1/":
                self.expect(";")
            elif word == "/memreserve/":
                self.reserve.append((int(self.word(), 0), int(self.word(), 0)))
                self.expect(";")
            elif word == "/":
                self.expect("{")
                self.body(self.root, "")
                self.expect(";")
            else:
                raise ValueError(f"unexpected {word!r}")
        self.link()

    def body(self, node: DraftNode, path: str) -> None:
        while (word := self.word()) != "}":
            labels = []
            while self.words[self.at] == ":":
                self.at += 1
                labels.append(word)
                word = self.word()
            name = word
            while self.words[self.at] not in ("{", "=", ";"):  # names with a comma are several words
                name += self.word()
            follows = self.word()
            if follows == "{":
                child = next((c for c in node.children if c.name == name), None)
                if child is None:
                    child = DraftNode(name)
                    node.children.append(child)
                for label in labels:
                    self.labels[label] = child
                    self.paths[label] = f"{path}/{name}"
                self.body(child, f"{path}/{name}")
                self.expect(";")
            elif follows == "=":
                node.properties[name] = self.value(node, name)
            else:
                node.properties[name] = b""

    def value(self, node: DraftNode, name: str) -> bytes:
        data = b""
        while (word := self.word()) != ";":
            if word == "<":
                while (cell := self.word()) != ">":
                    if cell == "&":
                        self.wanted.append((node, name, len(data), self.word()))
                        data += bytes(4)
                    else:
                        data += int(cell, 0).to_bytes(4, "big")
            elif word == "[":
                while (byte := self.word()) != "]":
                    data += bytes.fromhex(byte)
            elif word == "&":
                self.path_refs.append((node, name, self.word()))
            elif word != ",":
                data += word[1:-1].encode().decode("unicode_escape").encode() + b"\0"
        return data

    def link(self) -> None:
        phandles: dict[int, int] = {}
        for node, name, offset, label in self.wanted:
            target = self.labels[label]
            own = target.properties.get("phandle")
            value = int.from_bytes(own, "big") if own else phandles.setdefault(id(target), len(phandles) + 1)
            target.properties["phandle"] = value.to_bytes(4, "big")
            data = node.properties[name]
            node.properties[name] = data[:offset] + value.to_bytes(4, "big") + data[offset + 4 :]
        for node, name, label in self.path_refs:
            node.properties[name] += self.paths[label].encode() + b"\0"


def compile_dts(text: str) -> Tree:
    """Return the tree of a source."""
    compiler = _Compiler(text)
    compiler.run()
    return parse(build(compiler.root, reserve_map=tuple(compiler.reserve)))


def compile_example(text: str, *, whole: bool = False) -> Tree:
    """Return the tree of a rule's example: a whole source, or parts added to a small board.

    A part that begins with `/` is added as it stands; anything else goes into /reserved-memory.
    """
    if whole:
        return compile_dts(text)
    stripped = re.sub(r"^(\s|//[^\n]*|/\*.*?\*/)+", "", text, flags=re.DOTALL)
    return compile_dts(BASE + (text if stripped.startswith("/") else REGIONS % text))
