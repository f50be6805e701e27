# SPDX-License-Identifier: Apache-2.0
"""What a page about a message of the kernel holds."""

from __future__ import annotations

from carveout.values import NamedTuple


class Page(NamedTuple):
    """One page: a message, or a few that mean the same. Text is plain English, paragraphs without line breaks."""

    slug: str
    """Name of the page; never used again for something else."""
    title: str
    """The part of the message that people search for, as the kernel prints it."""
    meaning: str
    """What happened."""
    kernels: str
    """How kernels differ in it."""
    causes: tuple[str, ...]
    """The usual ones, the likeliest first."""
    cures: tuple[str, ...]
    """What to do."""
    keys: tuple[str, ...] = ()
    """The message's names in boot/messages.py, where its text is."""
    texts: tuple[str, ...] = ()
    """Further texts, of messages that are printed after early boot; `{name}` stands for what varies."""
    covers: tuple[str, ...] = ()
    """Rules of the binding's list (`PL14`, ...) that see it coming; shown as the rules that cover them."""
    source: str = ""
    """Function and file, and the section of the specification."""
