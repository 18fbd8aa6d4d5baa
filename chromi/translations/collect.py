"""Collect what is to be translated into each language's messages.po, and pack it as messages.mo.

`make translations` does it. New sentences come with an empty translation, which is shown in English; those
that are not said any more go.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).parent
PACKAGE = HERE.parent
KEYWORDS = {**DEFAULT_KEYWORDS, "Message": None}
METHODS = [("**.py", "python"), ("templates/**", "jinja2")]
NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
"""So that the same translations are the same bytes."""


def languages() -> list[str]:
    return sorted(path.parent.name for path in HERE.glob("*/LC_MESSAGES"))


def po_path(language: str) -> Path:
    return HERE / language / "LC_MESSAGES" / "messages.po"


def collect() -> Catalog:
    """Find every sentence of the code and the templates."""
    found = Catalog(charset="utf-8")
    for path, _, message, comments, _ in extract_from_dir(PACKAGE, METHODS, keywords=KEYWORDS):
        found.add(message, locations=[(path, 0)], auto_comments=comments)
    return found


def bring_up_to_date(language: str, found: Catalog) -> Catalog:
    """Return the language's translations of all that was found."""
    with po_path(language).open("rb") as file:
        catalog = read_po(file, locale=language)
    catalog.update(found, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def as_text(catalog: Catalog) -> bytes:
    """Return messages.po, without a heading: the language says all that would stand there."""
    text = io.BytesIO()
    write_po(text, catalog, omit_header=True, include_lineno=False, width=100)
    return text.getvalue()


def as_packed(catalog: Catalog) -> bytes:
    """Return messages.mo."""
    catalog.project, catalog.version = "Chromi", ""
    catalog.last_translator = catalog.language_team = ""
    catalog.creation_date = catalog.revision_date = NO_DATE
    packed = io.BytesIO()
    write_mo(packed, catalog)
    return packed.getvalue()


def main() -> None:
    found = collect()
    for language in languages():
        catalog = bring_up_to_date(language, found)
        missing = sum(not message.string or not any(message.string) for message in catalog if message.id)
        po_path(language).write_bytes(as_text(catalog))
        po_path(language).with_suffix(".mo").write_bytes(as_packed(catalog))
        print(f"{language}: {len(catalog)} sentences, {missing} not translated")


if __name__ == "__main__":
    main()
