"""Determine the visitor's language and translate messages into it."""

from __future__ import annotations

from babel.lists import format_list
from flask import Flask, Response, request
from flask_babel import Babel, format_decimal, get_locale, gettext

from chromi.i18n import Message, Value
from chromi.web.http.negotiation import PROBLEM_TYPE

LANGUAGES = ("en", "es", "de", "fr", "ja", "pt", "zh")
"""English, the source language, and those in chromi/translations; zh is Simplified Chinese."""


def init_app(app: Flask) -> None:
    app.config["BABEL_DEFAULT_TIMEZONE"] = "UTC"
    Babel(app, locale_selector=preferred_language)
    app.add_template_filter(translate)
    app.add_template_global(language_tag)
    app.after_request(add_content_language)


def preferred_language() -> str:
    """Return the language in LANGUAGES that the browser prefers, or English if there is none."""
    for preferred, _ in request.accept_languages:
        language = preferred.replace("_", "-").split("-")[0].lower()
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def language_tag() -> str:
    """Return the language tag that HTML and HTTP use for the page's language."""
    locale = get_locale()
    return "zh-Hans" if locale.language == "zh" else locale.language


def add_content_language(response: Response) -> Response:
    if response.mimetype in ("text/html", "application/json", PROBLEM_TYPE):
        response.headers["Content-Language"] = language_tag()
        response.vary.add("Accept-Language")
    return response


def translate(message: str) -> str:
    """Translate a message and its values into the visitor's language. Untranslated text stays in English."""
    if not message:
        return ""  # gettext("") returns the catalog's header
    if isinstance(message, Message) and message.values:
        values = {name: _translate_value(value) for name, value in message.values.items()}
        return str(gettext(message.pattern)) % values
    return str(gettext(message))


def _translate_value(value: Value) -> str:
    match value:
        case Message():
            return translate(value)
        case str():
            return value
        case int() | float():
            return str(format_decimal(value))
        case _:
            return format_list(value, style="or", locale=get_locale())
