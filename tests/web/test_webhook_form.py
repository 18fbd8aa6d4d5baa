"""POST /convert/ accepts a `webhook_url` if webhooks are enabled."""

from dataclasses import replace

import pytest

from chromi.config import Settings
from chromi.db import Job, Upload, Webhook
from chromi.errors import ConfigError
from chromi.storage import Storage
from tests.support.http_forms import PostForm, files_in
from tests.support.webhook_target import SECRET

URL = "https://example.org/hook"


@pytest.fixture
def secret() -> str:
    return SECRET


@pytest.fixture
def settings(settings: Settings, secret: str) -> Settings:
    return replace(settings, inline=False, webhook_secret=secret)


def test_webhook_is_recorded_with_its_job(convert: PostForm) -> None:
    response = convert(webhook_url=f" {URL} ")
    assert response.status_code == 202
    webhook, job_id = Webhook.get(), response.get_json()["job_id"]
    assert (webhook.url, webhook.resource_id) == (URL, job_id)
    assert webhook.status_url == f"http://localhost/jobs/{job_id}/"


def test_field_is_optional(convert: PostForm) -> None:
    assert convert().status_code == convert(webhook_url="").status_code == 202
    assert Webhook.select().count() == 0


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ftp://example.org/", "x"])
def test_invalid_url_is_refused_and_leaves_nothing(convert: PostForm, storage: Storage, url: str) -> None:
    response = convert(webhook_url=url)
    assert (response.status_code, response.get_json()["error"]["code"]) == (422, "bad_options")
    assert "public host" in response.get_json()["error"]["message"]
    assert Job.select().count() == Upload.select().count() == len(files_in(storage)) == 0


@pytest.mark.parametrize("secret", [""])
def test_field_is_refused_without_a_secret(convert: PostForm) -> None:
    response = convert(webhook_url=URL)
    assert response.status_code == 422
    assert "Webhooks are not enabled" in response.get_json()["error"]["message"]


@pytest.mark.parametrize("secret", ["whsec_", "hunter2", "whsec_c2hvcnQ=", "whsec_" + "A" * 100])
def test_invalid_secret_prevents_startup_without_being_shown(secret: str) -> None:
    with pytest.raises(ConfigError, match="CHROMI_WEBHOOK_SECRET must be whsec_") as raised:
        Settings.from_environ({"CHROMI_WEBHOOK_SECRET": secret})
    assert secret == "whsec_" or secret not in str(raised.value)


def test_webhooks_need_a_worker() -> None:
    with pytest.raises(ConfigError, match="CHROMI_INLINE must be false"):
        Settings(webhook_secret=SECRET, inline=True)
