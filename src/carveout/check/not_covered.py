# SPDX-License-Identifier: Apache-2.0
"""Rules of the binding's list that no rule of carveout covers, each with the reason. Shown in docs/rules/README.md."""

from __future__ import annotations

NOT_COVERED: dict[str, str] = {
    "FW03": (
        "a dynamic region has no address before Linux places it, and an EFI map has no names: no entry of the map "
        "can be told to stand for one"
    ),
}
"""Identifier (see binding_rules.py) → why not. A test holds that each identifier is either covered or here."""
