# SPDX-License-Identifier: Apache-2.0
"""Why memory is as a boot leaves it: the steps, their reasons, what other kernels do, and what would help."""
