"""Every sentence is said in every language, with the same places and tags."""

import re

import pytest

from chromi.i18n import Message, join_messages
from chromi.translations.collect import as_packed, as_text, bring_up_to_date, collect, languages, po_path
from chromi.web.http.translation import LANGUAGES

PLACE = re.compile(r"%\(\w+\)s|\{\w+\}|</?\w+>")


@pytest.fixture(scope="module")
def found() -> object:
    return collect()


def test_there_is_a_folder_for_each_language_that_is_offered() -> None:
    assert {"en", *languages()} == set(LANGUAGES)


@pytest.mark.parametrize("language", languages())
def test_a_language_says_every_sentence_and_no_other(language: str, found: object) -> None:
    catalog = bring_up_to_date(language, found)
    silent = [message.id for message in catalog if message.id and not all(_strings(message.string))]
    assert silent == [], "translate these in messages.po, then `make translations`"
    assert po_path(language).read_bytes() == as_text(catalog), "`make translations` was not run"
    assert po_path(language).with_suffix(".mo").read_bytes() == as_packed(catalog)


@pytest.mark.parametrize("language", languages())
def test_places_and_tags_are_kept(language: str, found: object) -> None:
    for message in bring_up_to_date(language, found):
        wanted = _places(_strings(message.id)[-1])
        for said in _strings(message.string):
            one_of_many = message.pluralizable and "%(num)s" not in said
            assert _places(said) == [place for place in wanted if not (one_of_many and place == "%(num)s")]


def _strings(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _places(text: str) -> list[str]:
    return sorted(PLACE.findall(text))


# -- sentences ---------------------------------------------------------------------------------------------


def test_a_sentence_is_its_english_words() -> None:
    assert Message("It is 100 % sure.") == "It is 100 % sure."
    assert Message("At most %(limit)s MB", limit=2.5) == "At most 2.5 MB"
    assert Message("It must be %(words)s", words=("cut", "fit", "blur")) == "It must be cut, fit or blur"


def test_a_sentence_remembers_how_it_was_put_together() -> None:
    sentence = Message("At most %(limit)s MB", limit=2.5)
    assert (sentence.pattern, sentence.values) == ("At most %(limit)s MB", {"limit": 2.5})


def test_complaints_become_one_sentence() -> None:
    complaints = [Message("%(name)s is wrong", name=name) for name in ("size", "loop")]
    assert join_messages(complaints) == "size is wrong; loop is wrong."
    assert join_messages(complaints).values["complaint_2"] is complaints[1]
