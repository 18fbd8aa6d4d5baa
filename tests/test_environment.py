"""Settings are read from the environment, a `.env` file and files with secrets, equally in every process."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chromi.config import Settings
from chromi.errors import ConfigError
from tests.support.paths import ROOT
from tests.support.running_service import end_service, run_service

SECRET = "a-secret-of-the-operator"
SECRET_VARIABLES = ("CHROMI_SECRET_KEY", "CHROMI_OLD_SECRET_KEYS", "CHROMI_ADMIN_TOKEN")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHROMI_ENV_FILE")
    return tmp_path


def test_env_file_in_working_directory_is_read(folder: Path) -> None:
    (folder / ".env").write_text(
        '# comment\nCHROMI_PORT=9000 # why\nexport CHROMI_HOST="::1"\n'
        "CHROMI_SECRET_KEY='${A}#$b-0123456789'\n"
        "CHROMI_INSTANCE=data\nOTHER=1\n"
    )
    settings = Settings.from_environ()
    assert (settings.port, settings.host, settings.instance) == (9000, "::1", folder / "data")
    assert settings.secret_key == "${A}#$b-0123456789"


def test_real_environment_wins_over_env_file(folder: Path) -> None:
    (folder / ".env").write_text(f"CHROMI_PORT=9000\nCHROMI_WORKERS=2\nCHROMI_SECRET_KEY={SECRET}\n")
    (folder / "key").write_text("the-key-of-the-file")
    settings = Settings.from_environ({"CHROMI_PORT": "9001", "CHROMI_SECRET_KEY_FILE": "key"})
    assert (settings.port, settings.workers, settings.secret_key) == (9001, 2, "the-key-of-the-file")


def test_credentials_of_s3_in_env_file_reach_the_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {"AWS_ACCESS_KEY_ID": "of-the-environment"})
    (folder / ".env").write_text("AWS_ACCESS_KEY_ID=of-the-file\nAWS_SECRET_ACCESS_KEY=of-the-file\n")
    Settings.from_environ({"AWS_ACCESS_KEY_ID": "of-the-environment"})
    assert os.environ == {
        "AWS_ACCESS_KEY_ID": "of-the-environment",
        "AWS_SECRET_ACCESS_KEY": "of-the-file",
    }


@pytest.mark.parametrize("separator", [",", ", ", "\n"])
def test_file_of_a_list_has_commas_or_lines(folder: Path, separator: str) -> None:
    (folder / "tokens").write_text(separator.join(["a-token-of-client-1", "a-token-of-client-2"]) + "\n")
    settings = Settings.from_environ({"CHROMI_API_TOKENS_FILE": "tokens"})
    assert settings.api_tokens == ("a-token-of-client-1", "a-token-of-client-2")


def test_named_env_file_replaces_default(folder: Path) -> None:
    (folder / ".env").write_text("CHROMI_PORT=9000\n")
    (folder / "other.env").write_text("CHROMI_WORKERS=3\n")
    settings = Settings.from_environ({"CHROMI_ENV_FILE": "other.env"})
    assert (settings.port, settings.workers) == (8000, 3)


def test_missing_env_file_is_an_error_only_if_named() -> None:
    assert Settings.from_environ({}).port == 8000
    with pytest.raises(ConfigError, match=r"^Cannot read the settings file absent\.env: No such file"):
        Settings.from_environ({"CHROMI_ENV_FILE": "absent.env"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"CHROMI_PROT=9000\n", "Unknown setting CHROMI_PROT. Allowed: .*CHROMI_PORT"),
        (b"CHROMI_PORT=http\n", "CHROMI_PORT must be a whole number"),
        (b"CHROMI_ENV_FILE=other\n", "Unknown setting CHROMI_ENV_FILE"),
        (b"\nCHROMI_SECRET_KEY\n", r"^Line 2 of \.env must have the form NAME=value\.$"),
        (f"CHROMI_SECRET_KEY='{SECRET}\n".encode(), r"^Line 1 of \.env must have the form NAME=value\.$"),
        (b"CHROMI_SECRET_KEY=\xff\xfe\n", r"^Cannot read the settings file \.env: it is not UTF-8 text\.$"),
    ],
)
def test_invalid_env_file_is_rejected(folder: Path, content: bytes, message: str) -> None:
    (folder / ".env").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        Settings.from_environ({})


def test_folder_named_like_env_file_is_ignored(folder: Path) -> None:
    (folder / ".env").mkdir()
    assert Settings.from_environ({}).port == 8000


@pytest.mark.parametrize("name", SECRET_VARIABLES)
def test_secret_is_read_from_file(folder: Path, name: str) -> None:
    (folder / "secret").write_text(f" {SECRET}\n")
    settings = Settings.from_environ({f"{name}_FILE": "secret"})
    assert getattr(settings, name.removeprefix("CHROMI_").lower()) in (SECRET, (SECRET,))


@pytest.mark.parametrize("name", SECRET_VARIABLES)
def test_unusable_secret_file_is_rejected_without_showing_secret(folder: Path, name: str) -> None:
    (folder / "empty").write_text(" \n")
    (folder / "binary").write_bytes(b"\xff\xfe")
    wrong = {
        f"Set either {name} or {name}_FILE, not both.": {name: SECRET, f"{name}_FILE": "empty"},
        f"The file in {name}_FILE is empty.": {f"{name}_FILE": "empty"},
        f"Cannot read the file in {name}_FILE: it is not UTF-8 text.": {f"{name}_FILE": "binary"},
        # Someone has set the secret itself instead of a file's name.
        f"Cannot read the file in {name}_FILE: No such file or directory.": {f"{name}_FILE": SECRET},
        f"Cannot read the file in {name}_FILE: Is a directory.": {f"{name}_FILE": ""},
    }
    for message, environ in wrong.items():
        with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
            Settings.from_environ(environ)


def test_only_secrets_may_be_in_files() -> None:
    with pytest.raises(ConfigError, match="Unknown setting CHROMI_PORT_FILE"):
        Settings.from_environ({"CHROMI_PORT_FILE": "port"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "program",
    [
        pytest.param(["-m", "chromi", "jobs"], id="command"),
        pytest.param(["-c", "import wsgi"], id="wsgi"),
        pytest.param(["-c", "import worker"], id="worker"),
    ],
)
def test_every_program_reads_env_file(folder: Path, program: list[str]) -> None:
    (folder / ".env").write_text("CHROMI_INSTANCE=data\nCHROMI_SECRET_KEY_FILE=key\n")
    (folder / "key").write_text(SECRET)
    run = [sys.executable, *program]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(run, env=environ, check=True, timeout=60)
    assert (folder / "data/chromi.db").exists()
    assert not (folder / "data/secret_key").exists()
    (folder / ".env").write_text("CHROMI_PROT=1\n")
    completed = subprocess.run(run, env=environ, capture_output=True, text=True, timeout=60)
    assert completed.returncode == 1
    assert "CHROMI_PROT" in completed.stdout + completed.stderr


@pytest.mark.service
def test_processes_of_serve_see_settings_of_its_env_file(folder: Path) -> None:
    (folder / ".env").write_text("CHROMI_SECRET_KEY_FILE=key\nCHROMI_MAX_UPLOAD_MB=7\n")
    (folder / "key").write_text(SECRET)
    wrapper = ("env", f"--chdir={folder}", "--unset=CHROMI_ENV_FILE", f"PYTHONPATH={ROOT}")
    service = run_service(folder / "data", {}, wrapper=wrapper)
    try:
        for process in service.processes()[0].children():
            environ = process.environ()
            assert environ["CHROMI_SECRET_KEY_FILE"] == str(folder / "key")
            assert (environ["CHROMI_MAX_UPLOAD_MB"], environ["CHROMI_ENV_FILE"]) == ("7", os.devnull)
        assert not (folder / "data/secret_key").exists()
    finally:
        end_service(service)
