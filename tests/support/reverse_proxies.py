"""Start the real nginx and the real Caddy with the files in deploy/, on free ports of 127.0.0.1."""

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.waiting import wait_for

DEPLOY = ROOT / "deploy"
DOCUMENTED_HOST, DOCUMENTED_PORT = "chromi.example.org", "8000"
BALANCED_HOSTS = ("10.0.0.11", "10.0.0.12")
HOST = "localhost"
NAMES = ("nginx", "caddy")

NGINX_MAIN = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  include {folder}/site.conf;
}}
"""
CADDY_MAIN = """{
	admin off
	skip_install_trust
	auto_https disable_redirects
	default_bind 127.0.0.1
}
import
"""


@dataclass(frozen=True)
class ReverseProxy:
    """A running proxy."""

    url: str
    """The public URL of the service, without a slash at its end."""
    ca_file: Path
    """The certificate with which a client can verify the proxy's."""


@contextmanager
def run_proxy(
    name: str, folder: Path, upstream_port: int, *, prefix: str, behind_cdn: bool
) -> Iterator[ReverseProxy]:
    """Run a proxy in front of a port. `prefix` is the sub-path of the service, or empty.

    Caddy must know whether it is behind a CDN. nginx always appends to X-Forwarded-For.
    """
    start = {"nginx": _nginx, "caddy": _caddy}[name]
    with ExitStack() as reserved:
        ports = [reserve_port(reserved) for _ in range(2)]
    command, environ, ca_file = start(folder, ports, upstream_port, prefix, behind_cdn)
    with _running(name, folder, command, environ, ports[0], ca_file):
        yield ReverseProxy(f"https://{HOST}:{ports[0]}{prefix}", ca_file)


@contextmanager
def run_load_balancer(folder: Path, upstream_ports: tuple[int, int]) -> Iterator[ReverseProxy]:
    """Run nginx in front of two web servers."""
    with ExitStack() as reserved:
        ports = [reserve_port(reserved) for _ in range(2)]
    command, environ, ca_file = _nginx(folder, ports, int(DOCUMENTED_PORT), "", False)
    balancer = (DEPLOY / "nginx-load-balancer.conf").read_text()
    for address, port in zip(BALANCED_HOSTS, upstream_ports, strict=True):
        balancer = replace_once(balancer, f"{address}:{DOCUMENTED_PORT}", f"127.0.0.1:{port}")
    site = folder / "site.conf"
    site.write_text(balancer + replace_once(site.read_text(), f"127.0.0.1:{DOCUMENTED_PORT}", "chromi"))
    with _running("nginx", folder, command, environ, ports[0], ca_file):
        yield ReverseProxy(f"https://{HOST}:{ports[0]}", ca_file)


@contextmanager
def _running(
    name: str, folder: Path, command: list[str], environ: dict[str, str], port: int, ca_file: Path
) -> Iterator[None]:
    program = find_program(name)
    with (folder / "proxy.log").open("w") as log:
        process = subprocess.Popen(
            [program, *command], cwd=folder, env=os.environ | environ, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: process.poll() is not None or _completes_handshake(port, ca_file), name)
        assert process.poll() is None, (folder / "proxy.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(20)


def find_program(name: str) -> str:
    """Return the path of a proxy's binary. If it is missing, fail in CI and skip the test elsewhere."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is missing: .ci/run installs it")
        pytest.skip(f"{name} is missing: apt-get install nginx-light caddy")
    return path


def reserve_port(stack: ExitStack) -> int:
    """Return a free port that is different from all others that the stack has reserved."""
    listener = stack.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    return port


def _completes_handshake(port: int, ca_file: Path) -> bool:
    """Return True if the proxy has its certificate. Caddy accepts connections before it has made one."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            context.wrap_socket(connection, server_hostname=HOST).close()
    except OSError:
        return False
    return True


def replace_once(text: str, old: str, new: str) -> str:
    assert old in text, old
    return text.replace(old, new)


def _nginx(
    folder: Path, ports: list[int], upstream_port: int, prefix: str, behind_cdn: bool
) -> tuple[list[str], dict[str, str], Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + [
            "-keyout",
            key,
            "-out",
            certificate,
            "-subj",
            f"/CN={HOST}",
            "-addext",
            f"subjectAltName=DNS:{HOST}",
        ],
        check=True,
        capture_output=True,
    )
    replacements = {
        "/etc/letsencrypt/live/chromi.example.org/fullchain.pem": str(certificate),
        "/etc/letsencrypt/live/chromi.example.org/privkey.pem": str(key),
        DOCUMENTED_HOST: HOST,
        "listen 443 ": f"listen 127.0.0.1:{ports[0]} ",
        "listen 80;": f"listen 127.0.0.1:{ports[1]};",
        f"127.0.0.1:{DOCUMENTED_PORT}": f"127.0.0.1:{upstream_port}",
        "location / {": f"location {prefix}/ {{",
    }
    site = (DEPLOY / "nginx.conf").read_text()
    for old, new in replacements.items():
        site = replace_once(site, old, new)
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(NGINX_MAIN.format(folder=folder))
    return ["-c", str(folder / "nginx.conf"), "-p", str(folder)], {}, certificate


def _caddy(
    folder: Path, ports: list[int], upstream_port: int, prefix: str, behind_cdn: bool
) -> tuple[list[str], dict[str, str], Path]:
    (folder / "Caddyfile").write_text(f"{CADDY_MAIN.strip()} {DEPLOY / 'Caddyfile'}\n")
    environ = {
        "SITE": f"{HOST}:{ports[0]}",
        "CHROMI_URL_PREFIX": prefix,
        "UPSTREAM": f"127.0.0.1:{upstream_port}",
        "CDN_ADDRESSES": "127.0.0.1/32" if behind_cdn else "",
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    ca_file = folder / "data/caddy/pki/authorities/local/root.crt"
    return ["run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")], environ, ca_file
