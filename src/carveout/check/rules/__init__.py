# SPDX-License-Identifier: Apache-2.0
"""The rules, one a file. The hundreds of a code tell its subject.

0 blob and cells, 1 static layout, 2 dynamic placement, 3 contiguous and other pools, 4 consumers,
5 compatibles and their properties, 6 platform, firmware and other systems, 7 the kernel and its command line,
8 names of 2013 and other dialects, 9 style. Codes are never used again; see docs/rules/README.md.
"""
