# SPDX-License-Identifier: Apache-2.0
"""The firmware of remote processors against the memory that a tree and a kernel give them."""
