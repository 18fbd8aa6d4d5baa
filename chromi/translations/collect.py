"""Extract translatable messages into each language's messages.po, and compile it to messages.mo.

Run this with `make translations`. A new message has an empty translation and is shown in English. Messages
that are no longer used are removed.
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
FIXED_DATE = datetime(2000, 1, 1, tzinfo=UTC)
"""Makes the compiled files reproducible."""


def languages() -> list[str]:
    return sorted(path.parent.name for path in HERE.glob("*/LC_MESSAGES"))


def po_path(language: str) -> Path:
    return HERE / language / "LC_MESSAGES" / "messages.po"


def extract_messages() -> Catalog:
    """Extract every message from the code and the templates."""
    template = Catalog(charset="utf-8")
    for path, _, message, comments, _ in extract_from_dir(PACKAGE, METHODS, keywords=KEYWORDS):
        template.add(message, locations=[(path, 0)], auto_comments=comments)
    return template


def update_catalog(language: str, template: Catalog) -> Catalog:
    """Return the language's translations of the extracted messages."""
    with po_path(language).open("rb") as file:
        catalog = read_po(file, locale=language)
    catalog.update(template, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def to_po(catalog: Catalog) -> bytes:
    """Return messages.po without a header, which would only repeat what the language implies."""
    text = io.BytesIO()
    write_po(text, catalog, omit_header=True, include_lineno=False, width=100)
    return text.getvalue()


def to_mo(catalog: Catalog) -> bytes:
    """Return messages.mo."""
    catalog.project, catalog.version = "Chromi", ""
    catalog.last_translator = catalog.language_team = ""
    catalog.creation_date = catalog.revision_date = FIXED_DATE
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    return compiled.getvalue()


def main() -> None:
    template = extract_messages()
    for language in languages():
        catalog = update_catalog(language, template)
        missing = sum(not message.string or not any(message.string) for message in catalog if message.id)
        po_path(language).write_bytes(to_po(catalog))
        po_path(language).with_suffix(".mo").write_bytes(to_mo(catalog))
        print(f"{language}: {len(catalog)} messages, {missing} not translated")


if __name__ == "__main__":
    main()
