# SPDX-License-Identifier: Apache-2.0
"""Pages of HTML: one file each, closed in itself, that people pass around."""
