"""A server that starts a little later is waited for; one that rejects us is not."""

import pytest

from chromi import startup
from chromi.errors import ServiceUnhealthy
from chromi.startup import is_postgres_rejection, wait_until_available

NAME = "The database chromi on localhost"


@pytest.fixture(autouse=True)
def pauses_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the code under test would have made."""
    now, pauses = [0.0], []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(startup.time, "sleep", sleep)
    monkeypatch.setattr(startup.time, "monotonic", lambda: now[0])
    return pauses


def wait(answers: list[Exception | None]) -> None:
    def connect() -> None:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer:
            raise answer

    wait_until_available(
        connect, NAME, errors=(ConnectionError,), is_final=lambda error: "password" in str(error)
    )


def test_unreachable_server_is_tried_again_with_growing_pauses(pauses_s: list[float]) -> None:
    wait([ConnectionError("refused"), ConnectionError("refused"), ConnectionError("refused"), None])
    assert pauses_s == [0.5, 1, 2]


def test_start_fails_with_the_reason_after_a_minute(pauses_s: list[float]) -> None:
    with pytest.raises(ServiceUnhealthy, match=f"{NAME} cannot be used: refused"):
        wait([ConnectionError("refused")])
    assert 50 < sum(pauses_s) <= startup.START_TIMEOUT_S
    assert max(pauses_s) == startup.MAX_INTERVAL_S


def test_server_that_rejects_us_is_not_tried_again(pauses_s: list[float]) -> None:
    with pytest.raises(ServiceUnhealthy, match="wrong password"):
        wait([ConnectionError("wrong password")])
    assert pauses_s == []


@pytest.mark.parametrize(
    ("message", "is_final"),
    [
        ('FATAL:  password authentication failed for user "chromi"', True),
        ('FATAL:  database "chromi" does not exist', True),
        ("FATAL:  the database system is starting up", False),
        ("FATAL:  the database system is shutting down", False),
        ("FATAL:  sorry, too many clients already", False),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", False),
        ("FATAL:  server login has been failing, cached error: connect failed (server_login_retry)", False),
        ("FATAL:  no more connections allowed (max_client_conn)", False),
        ("connection refused", False),
    ],
)
def test_only_lasting_rejections_by_postgres_are_final(message: str, is_final: bool) -> None:
    assert is_postgres_rejection(Exception(message)) is is_final
