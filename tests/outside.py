"""The outside world on loopback: a DNS server and a Web server that behave as badly as asked."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class DnsServer:
    """Answers over UDP what ``zone`` says: ``{name: {type: [data, …]} | rcode | None}``.

    ``None`` is silence; a name that is missing does not exist; CNAMEs are followed.
    """

    def __init__(self, zone):
        self.zone = {f"{name.rstrip('.')}.": value for name, value in zone.items()}
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self):
        return self._socket.getsockname()[1]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as waking:
            waking.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def _serve(self):
        while True:
            packet, sender = self._socket.recvfrom(4096)
            if not packet:
                return
            answer = self._answer(dns.message.from_wire(packet))
            if answer is not None:
                self._socket.sendto(answer, sender)

    def _answer(self, query):
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        for _ in range(20):
            held = self.zone.get(name, dns.rcode.NXDOMAIN)
            if isinstance(held, dict) and kind not in held and "CNAME" in held:
                response.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", held["CNAME"]))
                name = held["CNAME"]
                continue
            break
        if isinstance(held, dict):
            held = held.get(kind, [])
        if held is None:
            return None
        if isinstance(held, bytes):
            return packet_with(query, held)
        if isinstance(held, list):
            if held:
                response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *held))
        else:
            response.set_rcode(held)
        return response.to_wire()


def packet_with(query, rest):
    """A packet with the query's id, and nonsense behind it."""
    return query.to_wire()[:2] + rest


@contextlib.contextmanager
def web_server(answer: Callable, *, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve on loopback; ``answer(handler)`` writes the answer itself.  Gives the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.close_connection = True
            with contextlib.suppress(OSError):
                answer(self)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_):
            """Clients go away in the middle here; that is what is tested."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def reply(handler, body=b"", *, status=200, length=True, **headers):
    """One plain answer; underscores in header names are hyphens."""
    handler.send_response(status)
    headers.setdefault("Content_Type", "text/html; charset=utf-8")
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    if length:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, str]:
    """A server's context for ``name``, and the file of the authority that vouches for it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    return context, str(chain)
