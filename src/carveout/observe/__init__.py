# SPDX-License-Identifier: Apache-2.0
"""What a running system showed, read into facts."""
