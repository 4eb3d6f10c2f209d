"""Each format document names the code that reads it, and that code names the document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted((ROOT / "docs" / "formats").glob("*.md"))
CODE = re.compile(r"`((?:promontory|tests)/[\w./{},]+)`")


def code_of(document: Path) -> list[Path]:
    """Return the files that a document names; `a/{b,c}.py` are two."""
    found = []
    for name in CODE.findall(document.read_text()):
        before, _, rest = name.partition("{")
        inside, _, after = rest.partition("}")
        found += [ROOT / f"{before}{one}{after}" for one in inside.split(",")]
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_format_and_its_code_link_to_each_other(document: Path) -> None:
    code = code_of(document)
    assert any(path.is_relative_to(ROOT / "promontory") for path in code), "names no code"
    for path in code:
        assert path.exists(), path
        if path.suffix == ".py" and path.is_relative_to(ROOT / "promontory"):
            assert f"docs/formats/{document.name}" in path.read_text(), f"{path} does not name {document.name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_of_a_format_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert link.startswith("https://") or target.exists(), link
        if anchor and target.suffix == ".md":
            titles = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in {title.lower().replace(" ", "-") for title in titles}, link


def test_documents_that_code_names_exist() -> None:
    for path in (ROOT / "promontory").rglob("*.py"):
        for name in re.findall(r"docs/formats/([\w-]+\.md)", path.read_text()):
            assert (ROOT / "docs" / "formats" / name).exists(), f"{path} names {name}"
