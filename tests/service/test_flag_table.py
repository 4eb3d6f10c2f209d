from pathlib import Path

from promontory.service.flag_table import write_flag_list

DOCUMENT = Path(__file__).parents[2] / "docs" / "flags.md"


def test_the_document_lists_every_flag_as_it_is() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == write_flag_list(text), "run: python -m promontory.service.flag_table docs/flags.md"
