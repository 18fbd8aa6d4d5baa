"""Settings are read from the environment, and invalid ones are rejected by name."""

import stat
from dataclasses import fields
from pathlib import Path

import pytest

from chromi.config import Settings
from chromi.errors import ConfigError
from chromi.signing_keys import load_signing_keys


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder without a `.env` file."""
    monkeypatch.chdir(tmp_path)


def test_defaults_need_no_environment() -> None:
    settings = Settings.from_environ({})
    assert (settings.host, settings.port, settings.instance) == ("127.0.0.1", 8000, Path("instance"))
    assert settings.max_upload_bytes == 100_000_000


def test_every_type_of_value_is_parsed() -> None:
    settings = Settings.from_environ(
        {
            "CHROMI_PORT": "9000",
            "CHROMI_INSTANCE": "/data",
            "CHROMI_INLINE": "TRUE",
            "CHROMI_OLD_SECRET_KEYS": "first-old-key-000, second-old-key-00",
            "PATH": "/bin",
        }
    )
    assert (settings.port, settings.instance, settings.inline) == (9000, Path("/data"), True)
    assert settings.old_secret_keys == ("first-old-key-000", "second-old-key-00")


def test_unknown_setting_is_rejected_with_allowed_names() -> None:
    with pytest.raises(ConfigError, match=r"CHROMI_PROT.*CHROMI_PORT"):
        Settings.from_environ({"CHROMI_PROT": "9000"})


@pytest.mark.parametrize("service", ["CHROMI", "CHROMI_WEB"])
def test_kubernetes_service_variables_are_ignored(service: str) -> None:
    injected = {
        f"{service}_SERVICE_HOST": "10.0.171.239",
        f"{service}_SERVICE_PORT": "8000",
        f"{service}_SERVICE_PORT_HTTP": "8000",
        f"{service}_PORT": "tcp://10.0.171.239:8000",
        f"{service}_PORT_8000_TCP": "tcp://10.0.171.239:8000",
        f"{service}_PORT_8000_TCP_PROTO": "tcp",
        f"{service}_PORT_8000_TCP_PORT": "8000",
        f"{service}_PORT_8000_TCP_ADDR": "10.0.171.239",
    }
    assert Settings.from_environ(injected) == Settings()
    assert Settings.from_environ(injected | {"CHROMI_PORT": "9000"}).port == 9000


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CHROMI_SERVICE", "10.0.171.239"),
        ("CHROMI_SERVICE_NAME", "chromi"),
        ("CHROMI_PORTS", "tcp://10.0.171.239:8000"),
        ("CHROMI_PORT_HTTP", "8000"),
        ("CHROMI_PORT", "http://10.0.171.239:8000"),
        ("CHROMI_WEB_PORT", "8000"),
    ],
)
def test_variables_similar_to_kubernetes_ones_are_rejected(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.from_environ({name: text})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CHROMI_PORT", "http"),
        ("CHROMI_PORT", "70000"),
        ("CHROMI_PORT", ""),
        ("CHROMI_HOST", ""),
        ("CHROMI_INSTANCE", ""),
        ("CHROMI_INLINE", "maybe"),
        ("CHROMI_MAX_UPLOAD_MB", "0"),
        ("CHROMI_WORKERS", "-1"),
        ("CHROMI_MAX_QUEUE", "0"),
        ("CHROMI_UPLOAD_TTL_S", "5"),
        ("CHROMI_LINK_TTL_S", "99999999"),
        ("CHROMI_TRUSTED_PROXY", "localhost"),
        ("CHROMI_TRUSTED_PROXY", "10.0.0.0/8"),
    ],
)
def test_invalid_setting_is_rejected_by_name(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.from_environ({name: text})


@pytest.mark.parametrize("text", ["abc", "", "8000.5", "-1", "65536"])
def test_invalid_port_error_states_allowed_range(text: str) -> None:
    with pytest.raises(ConfigError, match="^CHROMI_PORT must be a whole number from 0 to 65535, not "):
        Settings.from_environ({"CHROMI_PORT": text})


@pytest.mark.parametrize("name", [each.name for each in fields(Settings) if each.type == "int"])
def test_error_of_every_numeric_setting_states_allowed_range(name: str) -> None:
    variable = f"CHROMI_{name.upper()}"
    for text in ("abc", "-5", "99999999"):
        with pytest.raises(ConfigError, match=rf"^{variable} must be a whole number from \d+ to \d+, not "):
            Settings.from_environ({variable: text})


def test_hourly_upload_limit_must_allow_largest_upload() -> None:
    with pytest.raises(ConfigError, match=r"at least CHROMI_MAX_UPLOAD_MB \(200\), not 150"):
        Settings.from_environ({"CHROMI_MAX_UPLOAD_MB": "200", "CHROMI_UPLOAD_MB_PER_HOUR": "150"})


def test_short_secret_is_rejected_without_showing_it() -> None:
    with pytest.raises(ConfigError) as raised:
        Settings.from_environ({"CHROMI_SECRET_KEY": "hunter2"})
    assert "hunter2" not in str(raised.value)


def test_secret_key_is_created_once_and_private(tmp_path: Path) -> None:
    settings = Settings(instance=tmp_path / "instance")
    [key] = load_signing_keys(settings)
    assert load_signing_keys(settings) == [key]
    assert len(key) > 40
    [path] = (tmp_path / "instance").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_empty_key_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(ConfigError, match="secret_key"):
        load_signing_keys(Settings(instance=tmp_path))


def test_settings_repr_hides_secrets() -> None:
    assert "k" * 16 not in repr(Settings(secret_key="k" * 16, old_secret_keys=("k" * 16,)))


def test_configured_key_signs_and_old_keys_verify(tmp_path: Path) -> None:
    settings = Settings(instance=tmp_path, secret_key="n" * 16, old_secret_keys=("o" * 16,))
    assert load_signing_keys(settings) == ["o" * 16, "n" * 16]
    assert list(tmp_path.iterdir()) == []


URLS = {
    "CHROMI_DATABASE_URL": "postgresql://me:a-password@db/chromi",
    "CHROMI_SECRET_KEY": "a key for all machines",
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"CHROMI_DATABASE_URL": "mysql://me:a-password@db/chromi"}, "CHROMI_DATABASE_URL must be a URL"),
        (
            {"CHROMI_DATABASE_URL": "postgresql://me:a-password@db:x/"},
            "CHROMI_DATABASE_URL has an invalid port",
        ),
        ({"CHROMI_QUEUE_URL": "redis://:a-password@queue/name"}, "the number of a Redis database"),
        ({"CHROMI_QUEUE_URL": "redis://:a-password@/0"}, "must name a host"),
        ({"CHROMI_QUEUE_URL": "redis://:a-password]@queue"}, "CHROMI_QUEUE_URL is not a valid URL"),
        ({"CHROMI_DATABASE_URL": "postgresql://me:a-password[@db/"}, "Percent-encode special characters"),
        ({"CHROMI_STORAGE_URL": "s3://"}, "must name a bucket"),
        ({"CHROMI_STORAGE_URL": "s3://buck et"}, "must name a bucket"),
        ({"CHROMI_STORAGE_URL": "s3://bucket?regoin=us-east-1"}, "unknown option regoin"),
        (
            {"CHROMI_STORAGE_URL": "s3://bucket?endpoint=127.0.0.1:9000"},
            "must start with http:// or https://",
        ),
        ({"CHROMI_QUEUE_URL": "amqp://me:a-password@queue"}, "CHROMI_QUEUE_URL must be .* redis://"),
        ({"CHROMI_SECRET_KEY": ""}, "CHROMI_DATABASE_URL requires CHROMI_SECRET_KEY"),
        (
            {"CHROMI_DATABASE_URL": "", "CHROMI_QUEUE_URL": "redis://:a-password@queue"},
            "CHROMI_QUEUE_URL requires CHROMI_DATABASE_URL",
        ),
    ],
)
def test_urls_that_do_not_fit_are_rejected_without_their_passwords(
    changes: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as rejection:
        Settings.from_environ(URLS | changes)
    assert "a-password" not in str(rejection.value)


@pytest.mark.parametrize(
    "queue_url", ["", "redis://queue", "rediss://:p@queue:6380/1", "postgres://db/queue"]
)
def test_urls_of_servers_are_accepted(queue_url: str) -> None:
    assert Settings.from_environ(URLS | {"CHROMI_QUEUE_URL": queue_url}).queue_url == queue_url


@pytest.mark.parametrize(("queues", "runs"), [("convert", True), ("studio", False)])
def test_only_machines_that_serve_conversions_run_the_scheduler_by_default(queues: str, runs: bool) -> None:
    assert Settings.from_environ({"CHROMI_QUEUES": queues}).runs_scheduler is runs
    for chosen in (True, False):
        environ = {"CHROMI_QUEUES": queues, "CHROMI_SCHEDULER": str(chosen)}
        assert Settings.from_environ(environ).runs_scheduler is chosen
