"""Messages are English strings that also have their pattern and values."""

from chromi.i18n import Message, join_messages


def test_message_equals_its_english_text() -> None:
    assert Message("It is 100 % sure.") == "It is 100 % sure."
    assert Message("At most %(limit)s MB", limit=2.5) == "At most 2.5 MB"
    assert Message("It must be %(words)s", words=("cut", "fit", "blur")) == "It must be cut, fit or blur"


def test_message_has_pattern_and_values() -> None:
    message = Message("At most %(limit)s MB", limit=2.5)
    assert (message.pattern, message.values) == ("At most %(limit)s MB", {"limit": 2.5})


def test_joined_messages_keep_their_parts() -> None:
    parts = [Message("%(name)s is wrong", name=name) for name in ("size", "loop")]
    assert join_messages(parts) == "size is wrong; loop is wrong."
    assert join_messages(parts).values["message_2"] is parts[1]
