# SPDX-License-Identifier: Apache-2.0
"""Changes to a tree: proposed, booted, and only then handed out."""
