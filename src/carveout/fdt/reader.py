# SPDX-License-Identifier: Apache-2.0
"""From bytes to a Tree, with every check of the format."""

from __future__ import annotations

from carveout.fdt.layout import check_overlaps, read_header, read_reserve_map
from carveout.fdt.structure import check_names, scan
from carveout.fdt.tree import Tree


def parse(data: bytes | memoryview) -> Tree:
    """Return the tree in this blob of version 16 or 17. Bytes after totalsize are dropped.

    Raises:
        DtbFormatError: when the blob breaks the format, with the offset of the first fault found.
    """
    header = read_header(bytes(data[:40]) if isinstance(data, memoryview) else data, available=len(data))
    blob = bytes(data[: header.totalsize])
    reserve_map = read_reserve_map(blob, header)
    start = header.off_dt_struct
    if header.size_dt_struct is None:
        limit = min(
            offset
            for offset in (header.off_dt_strings, header.off_mem_rsvmap, header.totalsize)
            if offset > start or offset == header.totalsize
        )
        structure = scan(blob, start, limit, end_is_exact=False)
    else:
        structure = scan(blob, start, start + header.size_dt_struct, end_is_exact=True)
    check_overlaps(header, reserve_entries=len(reserve_map), struct_end=structure.end)
    tree = Tree(blob, header, reserve_map, structure)
    check_names(structure, tree.strings)
    return tree
