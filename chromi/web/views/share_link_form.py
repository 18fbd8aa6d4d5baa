"""Parse the options of a share link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chromi.errors import BadOptions
from chromi.i18n import Message, join_messages
from chromi.web.auth.link_passwords import MAX_LENGTH, MIN_LENGTH

DURATIONS_S = {"10m": 600, "1h": 3600, "24h": 86400, "7d": 7 * 86400}
DEFAULT_DURATION = "24h"
MAX_USES = 100
ONE_TIME_VALUES = {"": None, "on": 1, "true": 1, "1": 1}


@dataclass(frozen=True)
class LinkOptions:
    """`max_uses` is None for unlimited downloads; an empty `password` means no password."""

    lifetime_s: int
    max_uses: int | None
    password: str


def parse_link_options(form: Mapping[str, str]) -> LinkOptions:
    """Parse the options. Raises BadOptions listing each invalid option."""
    errors = []
    expires, password = form.get("expires") or DEFAULT_DURATION, form.get("password", "")
    max_uses, one_time = form.get("max_uses", "").strip(), form.get("one_time", "")
    if expires not in DURATIONS_S:
        errors.append(_must_be_duration("expires"))
    if max_uses and max_uses not in map(str, range(1, MAX_USES + 1)):
        errors.append(
            Message("max_uses must be a whole number from 1 to %(highest)s, or omitted", highest=MAX_USES)
        )
    if one_time not in ONE_TIME_VALUES:
        errors.append(Message("one_time must be on, or omitted"))
    elif one_time and max_uses not in ("", "1"):
        errors.append(Message("one_time and max_uses conflict"))
    if password and not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        errors.append(
            Message(
                "password must have %(shortest)s to %(longest)s characters",
                shortest=MIN_LENGTH,
                longest=MAX_LENGTH,
            )
        )
    if errors:
        raise BadOptions(join_messages(errors))
    uses = int(max_uses) if max_uses else ONE_TIME_VALUES[one_time]
    return LinkOptions(DURATIONS_S[expires], uses, password)


def parse_duration(form: Mapping[str, str], name: str) -> int:
    """Parse one of the available durations and return it in seconds. Raises BadOptions."""
    duration = form.get(name) or DEFAULT_DURATION
    if duration not in DURATIONS_S:
        raise BadOptions(join_messages([_must_be_duration(name)]))
    return DURATIONS_S[duration]


def _must_be_duration(name: str) -> Message:
    return Message("%(name)s must be %(words)s", name=name, words=tuple(DURATIONS_S))
