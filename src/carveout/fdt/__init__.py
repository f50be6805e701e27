# SPDX-License-Identifier: Apache-2.0
"""Flattened device trees: a blob read, written and changed."""

from __future__ import annotations

from carveout.fdt.layout import Header, ReserveEntry
from carveout.fdt.reader import parse
from carveout.fdt.tree import Node, Property, Tree

__all__ = ["Header", "Node", "Property", "ReserveEntry", "Tree", "parse"]
