"""The reader's language: which one it is, and sentences said in it."""

from __future__ import annotations

from babel.lists import format_list
from flask import Flask, Response, request
from flask_babel import Babel, format_decimal, get_locale, gettext

from chromi.i18n import Message, Value

LANGUAGES = ("en", "es", "de", "fr", "ja", "pt", "zh")
"""English, of which the sentences are made, and what chromi/translations has; zh is simplified Chinese."""


def init_app(app: Flask) -> None:
    app.config["BABEL_DEFAULT_TIMEZONE"] = "UTC"
    Babel(app, locale_selector=wanted_language)
    app.add_template_filter(say)
    app.add_template_global(language_tag)
    app.after_request(name_language)


def wanted_language() -> str:
    """Say which of LANGUAGES the browser would like best; English for all that want another."""
    for wanted, _ in request.accept_languages:
        language = wanted.replace("_", "-").split("-")[0].lower()
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def language_tag() -> str:
    """The page's language as HTML and HTTP name it."""
    locale = get_locale()
    return "zh-Hans" if locale.language == "zh" else locale.language


def name_language(response: Response) -> Response:
    if response.mimetype in ("text/html", "application/json"):
        response.headers["Content-Language"] = language_tag()
        response.vary.add("Accept-Language")
    return response


def say(sentence: str) -> str:
    """Say it in the reader's language; what has no translation stays as it is."""
    if not sentence:
        return ""  # which would be the catalogue's own heading
    if isinstance(sentence, Message) and sentence.values:
        said = {name: _said(value) for name, value in sentence.values.items()}
        return str(gettext(sentence.pattern)) % said
    return str(gettext(sentence))


def _said(value: Value) -> str:
    match value:
        case Message():
            return say(value)
        case str():
            return value
        case int() | float():
            return str(format_decimal(value))
        case _:
            return format_list(value, style="or", locale=get_locale())
