# SPDX-License-Identifier: Apache-2.0
"""Pages about the kernel's messages, by subject: what each means, what causes it, what to do. Data, no logic."""
