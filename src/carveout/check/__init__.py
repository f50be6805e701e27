# SPDX-License-Identifier: Apache-2.0
"""Rules over a board and its boots → findings."""
