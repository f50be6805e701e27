# SPDX-License-Identifier: Apache-2.0
"""Rules of the binding's list that no rule of carveout covers, each with the reason. Shown in docs/rules/README.md."""

from __future__ import annotations

NOT_COVERED: dict[str, str] = {}
"""Identifier (see binding_rules.py) → why not. A test holds that each identifier is either covered or here."""
