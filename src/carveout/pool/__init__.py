# SPDX-License-Identifier: Apache-2.0
"""Contiguous, coherent and restricted pools of a running system: what an allocation gets, and what it costs."""
