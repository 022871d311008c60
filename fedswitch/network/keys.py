"""Keys: a certificate that the gNB is known by, and one key for each node that the gNB knows it by."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..errors import FedswitchError
from ..files import make_folder, write_private

DAYS = 365
LOCAL = ("127.0.0.1", "localhost")


def make_keys(out: Path, *, nodes: int, addresses: Sequence[str] = ()) -> list[Path]:
    """Write `ca.crt`, `server.crt` and `server.key` of a gNB at `addresses`, and `node-0`, `node-0.pub` and so on.

    Its own machine reaches the gNB on the loopback address, which the certificate therefore names as well. The key that
    signed the certificate is thrown away. Returns the paths. Raises FedswitchError, in one sentence, where there are
    keys already, which nodes may be using, or where they cannot be written.
    """
    make_folder(out)
    if (out / "server.key").exists():
        raise FedswitchError(f"The folder {out} holds keys already: use them, or name another with --out.")
    names = list(dict.fromkeys([*addresses, *LOCAL]))
    authority, server = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))
    made = {
        "ca.crt": _certificate("fedswitch", authority.public_key(), authority, ()),
        "server.crt": _certificate("fedswitch gNB", server.public_key(), authority, names),
        "server.key": _pem(server, serialization.PrivateFormat.TraditionalOpenSSL),
    }
    for node in range(nodes):
        key = ec.generate_private_key(ec.SECP384R1())
        made[f"node-{node}"] = _pem(key, serialization.PrivateFormat.OpenSSH)
        made[f"node-{node}.pub"] = key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
    return [write_private(out / name, content) for name, content in made.items()]


def _pem(key: ec.EllipticCurvePrivateKey, form: serialization.PrivateFormat) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _certificate(
    name: str, public: ec.EllipticCurvePublicKey, authority: ec.EllipticCurvePrivateKey, addresses: Sequence[str]
) -> bytes:
    """A certificate of the authority's own, where there are no addresses, or of a server at these."""
    now, own = datetime.datetime.now(datetime.UTC), not addresses
    subject, issuer = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (name, "fedswitch")
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=own, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .add_extension(x509.KeyUsage(True, False, False, False, False, own, own, False, False), critical=True)
    )
    if not own:
        names = x509.SubjectAlternativeName([_general_name(address) for address in addresses])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(names, critical=False).add_extension(usage, critical=False)
    return builder.sign(authority, hashes.SHA384()).public_bytes(serialization.Encoding.PEM)


def _general_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", address):
            raise FedswitchError(
                f"{address!r} is no host name or IP address: write a name in ASCII, as the name service has it."
            ) from None
        return x509.DNSName(address)
