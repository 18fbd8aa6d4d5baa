"""Every message is translated to every language, with the same placeholders and tags."""

import re

import pytest
from babel.messages.catalog import Catalog

from chromi.translations.collect import extract_messages, languages, po_path, to_mo, to_po, update_catalog
from chromi.web.http.translation import LANGUAGES

PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}|</?\w+>")


@pytest.fixture(scope="module")
def template() -> Catalog:
    return extract_messages()


def test_every_offered_language_has_a_folder() -> None:
    assert {"en", *languages()} == set(LANGUAGES)


@pytest.mark.parametrize("language", languages())
def test_catalogs_are_complete_and_compiled(language: str, template: Catalog) -> None:
    catalog = update_catalog(language, template)
    missing = [message.id for message in catalog if message.id and not all(_strings(message.string))]
    assert missing == [], "translate these in messages.po, then run `make translations`"
    assert po_path(language).read_bytes() == to_po(catalog), "run `make translations`"
    assert po_path(language).with_suffix(".mo").read_bytes() == to_mo(catalog)


@pytest.mark.parametrize("language", languages())
def test_translations_keep_placeholders_and_tags(language: str, template: Catalog) -> None:
    for message in update_catalog(language, template):
        expected = _placeholders(_strings(message.id)[-1])
        for translation in _strings(message.string):
            is_singular = message.pluralizable and "%(num)s" not in translation
            assert _placeholders(translation) == [
                each for each in expected if not (is_singular and each == "%(num)s")
            ]


def _strings(text: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, (tuple, list)) else (text or "",)


def _placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))
