# SPDX-License-Identifier: Apache-2.0
"""Many boards in many scenes: what to do, what came of it, and the questions one asks about it."""
