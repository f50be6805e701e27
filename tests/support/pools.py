# SPDX-License-Identifier: Apache-2.0
"""Recorded traces and states of pools, for tests."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from carveout.pool.trace import Extent, PoolKind, PoolSpec

DATA = Path(__file__).resolve().parent.parent / "data" / "pool"
KERNELS = ("5.10", "6.1", "6.12", "6.12-16k", "7.2")


def text(name: str) -> str:
    """Return a recorded text, packed or not."""
    path = DATA / name
    if path.exists():
        return path.read_text(encoding="utf-8")
    return gzip.decompress((DATA / f"{name}.gz").read_bytes()).decode("utf-8")


def golden(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return header and operations of a recording in JSON lines."""
    header, *rest = [json.loads(line) for line in text(f"{name}.jsonl").splitlines()]
    return header, rest


def pool_specs(header: dict[str, Any]) -> tuple[PoolSpec, ...]:
    """Return the pools of a recording's header."""
    return tuple(
        PoolSpec(
            id=id_,
            name=pool["name"],
            base_pfn=pool["base"],
            pages=pool["pages"],
            kind=PoolKind(pool["kind"]),
            initially=tuple(Extent(*extent) for extent in header["initially_allocated"].get(id_, ())),
        )
        for id_, pool in header["pools"].items()
    )
