"""
What stands around a staging endpoint, for real: a proxy, nginx with HTTP/2, certificates.
"""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from tests.servers import free_port
from tests.tools import PATIENCE_S, tool, until

__all__ = ["Identity", "RealProxy", "http2_alone", "never_heard_of_http2", "nginx", "real_proxy"]

_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    # Else it would take the odd requests for its own to refuse.
    underscores_in_headers on;
    server {{
        listen 127.0.0.1:{port} {listen};
        {tls}
        location / {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Identity:
    """
    A client's certificate as PEM files.
    """

    certificate: Path
    key: Path
    both: Path
    encrypted: Path

    @classmethod
    def issued(cls, authority: trustme.CA, folder: Path, name: str = "client") -> Identity:
        leaf = authority.issue_cert(f"{name}@example.test")
        paths = [folder / f"{name}{end}.pem" for end in ("", "-key", "-both", "-encrypted")]
        leaf.cert_chain_pems[0].write_to_path(paths[0])
        leaf.private_key_pem.write_to_path(paths[1])
        leaf.private_key_and_cert_chain_pem.write_to_path(paths[2])
        key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
        secret = BestAvailableEncryption(b"passphrase")
        encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)
        paths[3].write_bytes(encrypted)
        return cls(*paths)


@dataclass(frozen=True)
class RealProxy:
    """
    Attributes:
        log: Names each request and tunnel that went through it.
    """

    address: str
    log: Path

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def said(self) -> str:
        return self.log.read_text("utf-8")


@contextmanager
def real_proxy(folder: Path, *, login: str = "") -> Iterator[RealProxy]:
    """
    proxy.py as a process of its own.
    """
    port, log = folder / "proxy-port", folder / "proxy.log"
    command = [sys.executable, "-P", "-m", "proxy", "--hostname", "127.0.0.1", "--port", "0"]
    command += ["--port-file", str(port), "--num-workers", "1", "--log-file", str(log)]
    command += ["--basic-auth", login] if login else []
    with (folder / "proxy.out").open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, cwd=folder, env={**os.environ, "HOME": str(folder)}
        )
    try:
        until(lambda: port.exists() and port.read_text().strip(), what="the proxy's port")
        yield RealProxy(f"127.0.0.1:{port.read_text().strip()}", log)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@contextmanager
def nginx(
    folder: Path, upstream: str, *, leaf: trustme.LeafCert | None = None, http2: bool = True
) -> Iterator[int]:
    """
    nginx with HTTP/2 before `upstream`: by TLS where it has a certificate, beside HTTP/1.1; else
    in clear, and HTTP/2 alone. Its port.
    """
    program, port = tool("nginx", "/usr/sbin/nginx"), free_port()
    tls = ""
    if leaf is not None:
        pem = folder / "nginx.pem"
        leaf.private_key_and_cert_chain_pem.write_to_path(pem)
        tls = f"ssl_certificate {pem}; ssl_certificate_key {pem};"
    listen = " ".join(["ssl"] * (leaf is not None) + ["http2"] * http2)
    text = _NGINX.format(folder=folder, port=port, listen=listen, tls=tls, upstream=upstream)
    (folder / "nginx.conf").write_text(text)
    with (folder / "nginx.out").open("wb") as out:
        command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        command += ["-e", str(folder / "error.log")]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        until(lambda: _listens(port) or process.poll() is not None, what="nginx")
        assert process.poll() is None, (folder / "nginx.out").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        return True
    return False


@contextmanager
def http2_alone(leaf: trustme.LeafCert, port: int) -> Iterator[int]:
    """
    Ends TLS before a server that speaks HTTP/2 in clear, and agrees on nothing else; its port.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    context.set_alpn_protocols(["h2"])

    def serve(client: ssl.SSLSocket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as server:
            back = threading.Thread(target=_pass, args=(server, client), daemon=True)
            back.start()
            _pass(client, server)
            back.join()

    with _listening(context, serve) as here:
        yield here


@contextmanager
def never_heard_of_http2(context: ssl.SSLContext) -> Iterator[int]:
    """
    Takes the first line of HTTP/2 for a request that it can't read, as servers of old do; its port.
    """

    def serve(client: ssl.SSLSocket) -> None:
        client.recv(65_536)
        client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        # What is left unread would turn the end into a reset.
        while client.recv(65_536):
            pass

    with _listening(context, serve) as here:
        yield here


@contextmanager
def _listening(context: ssl.SSLContext, serve: Callable[[ssl.SSLSocket], None]) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def converse(connection: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as client:
            serve(client)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=converse, args=(connection,), daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(PATIENCE_S)


def _pass(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            to.sendall(data)
    for one in (source, to):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
