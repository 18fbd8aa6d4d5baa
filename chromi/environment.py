"""Read the `CHROMI_*` variables of this process, its `.env` file, and files that contain secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from chromi.errors import ConfigError

PREFIX = "CHROMI_"
AWS_PREFIX = "AWS_"
ENV_FILE = PREFIX + "ENV_FILE"
DEFAULT_ENV_FILE = ".env"
FILE_SUFFIX = "_FILE"

_SERVICE_LINK_NAME = re.compile(
    PREFIX + r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_LINK_URL = re.compile(r"(tcp|udp|sctp)://.+")


def read_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the `.env` file and of the environment, which wins. Raises ConfigError.

    The file is `.env` in the working directory if it exists, or the file that CHROMI_ENV_FILE names. The
    names of secret files are made absolute, so that a process in another directory finds them.
    """
    given = {
        name: text
        for name, text in environ.items()
        if name.startswith(PREFIX) and name != ENV_FILE and not _is_service_link(name, text)
    }
    overridden = {name.removesuffix(FILE_SUFFIX) for name in given}
    from_file = _read_env_file(_find_env_file(environ.get(ENV_FILE)), PREFIX)
    given |= {
        name: text for name, text in from_file.items() if name.removesuffix(FILE_SUFFIX) not in overridden
    }
    return {
        name: str(Path(text).absolute()) if name.endswith(FILE_SUFFIX) and text else text
        for name, text in given.items()
    }


def read_aws_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the AWS_ variables of the `.env` file that the environment lacks. Raises ConfigError."""
    from_file = _read_env_file(_find_env_file(environ.get(ENV_FILE)), AWS_PREFIX)
    return {name: text for name, text in from_file.items() if name not in environ}


def read_secret_files(given: Mapping[str, str], secrets: Iterable[str]) -> dict[str, str]:
    """Return the variables with the content of each secret's file in place of its `_FILE` variable.

    Raises ConfigError. The message does not contain the file name, which may be a misplaced secret.
    """
    read = dict(given)
    for name in secrets:
        if (file_name := read.pop(name + FILE_SUFFIX, None)) is None:
            continue
        if name in read:
            raise ConfigError(f"Set either {name} or {name}{FILE_SUFFIX}, not both.")
        read[name] = _read_secret(name + FILE_SUFFIX, file_name)
    return read


def _read_secret(variable: str, file_name: str) -> str:
    try:
        text = Path(file_name).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(f"Cannot read the file in {variable}: {_reason(error)}.") from error
    if not text:
        raise ConfigError(f"The file in {variable} is empty.")
    return text


def _find_env_file(name: str | None) -> Path | None:
    """Return the file to read, if any. A folder named `.env` is not one."""
    if name is not None:
        return Path(name)
    is_present = os.path.exists(DEFAULT_ENV_FILE) and not os.path.isdir(DEFAULT_ENV_FILE)
    return Path(DEFAULT_ENV_FILE) if is_present else None


def _read_env_file(path: Path | None, prefix: str) -> dict[str, str]:
    """Return the file's variables with this prefix. Raises ConfigError, without the content of the file."""
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8-sig") as file:
            bindings = list(parse_stream(file))
    except (OSError, ValueError) as error:
        raise ConfigError(f"Cannot read the settings file {path}: {_reason(error)}.") from error
    for binding in bindings:
        if binding.error or (_has_prefix(binding, prefix) and binding.value is None):
            raise ConfigError(f"Line {_line_of(binding)} of {path} must have the form NAME=value.")
    return {str(each.key): str(each.value) for each in bindings if _has_prefix(each, prefix)}


def _line_of(binding: Binding) -> int:
    """Return the line number of a binding, whose source includes the empty lines before it."""
    source = binding.original.string
    return binding.original.line + source[: len(source) - len(source.lstrip())].count("\n")


def _has_prefix(binding: Binding, prefix: str) -> bool:
    return binding.key is not None and binding.key.startswith(prefix)


def _reason(error: OSError | ValueError) -> str:
    """Return what went wrong without a file name or content."""
    return (error.strerror or "unknown error") if isinstance(error, OSError) else "it is not UTF-8 text"


def _is_service_link(name: str, text: str) -> bool:
    """True for the variables that Kubernetes adds to each pod for a service named `chromi` or `chromi-...`.

    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    is_port_url = name.endswith("_PORT") and _SERVICE_LINK_URL.fullmatch(text)
    return bool(is_port_url or _SERVICE_LINK_NAME.fullmatch(name))
