# SPDX-License-Identifier: Apache-2.0
"""What several tests share: the recorded boots, and how they are compared with ours."""
