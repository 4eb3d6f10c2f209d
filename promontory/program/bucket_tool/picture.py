"""The picture as a file: what its name ends with chooses SVG or HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from promontory.block.meta import BlockMeta
from promontory.catalog.contents import FoundBlock
from promontory.errors import InputError
from promontory.timeline.page import write_page
from promontory.timeline.svg import write_svg
from promontory.timeline.timeline import make_timeline

Blocks = Sequence[tuple[FoundBlock, BlockMeta]]


def check_picture_path(path: Path) -> None:
    """Raise InputError where no picture can be written to a path, before anything is read."""
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"flag --picture: expected a name that ends with {' or '.join(_WRITERS)}, found {str(path)!r}")
    if not path.absolute().parent.is_dir():
        raise InputError(f"flag --picture: expected a file in a directory that is there, found {str(path)!r}")


def write_picture(path: Path, blocks: Blocks, broken: Sequence[FoundBlock], *, name: str) -> None:
    """Write the picture of some blocks. Raises InputError where the file cannot be written."""
    text = _WRITERS[path.suffix.lower()](blocks, broken, name)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"flag --picture: cannot write {str(path)!r}: {error.strerror}") from error


_WRITERS: dict[str, Callable[[Blocks, Sequence[FoundBlock], str], str]] = {
    ".svg": lambda blocks, _broken, _name: write_svg(make_timeline(blocks)),
    ".html": lambda blocks, broken, name: write_page(blocks, broken, name=name),
}
