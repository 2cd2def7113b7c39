"""Certificates made on the fly: an authority of one test run, and what it signs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """Files in PEM: the certificate, its key, and both in one."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates of servers and clients. `file` is its own: what clients trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"authority {folder.name}")
        now = datetime.now(UTC)
        unsigned = _builder(self._name, self._name, self._key, now - DAY, now + DAY)
        unsigned = unsigned.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(_pem(self._sign(unsigned)))

    def issue(self, name: str, *, host: str | None = None, expired: bool = False) -> Certificate:
        """A certificate for a server at that host, or for a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        ends = now - timedelta(hours=1) if expired else now + DAY
        unsigned = _builder(_name(name), self._name, key, now - DAY, ends)
        if host:
            unsigned = unsigned.add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        return self._written(name, _pem(self._sign(unsigned)), _key_pem(key))

    def _sign(self, unsigned: x509.CertificateBuilder) -> x509.Certificate:
        return unsigned.sign(self._key, hashes.SHA256())

    def _written(self, name: str, certificate: bytes, key: bytes) -> Certificate:
        made = Certificate(*(self._folder / f"{name}.{kind}.pem" for kind in ("crt", "key", "both")))
        for file, content in ((made.certificate, certificate), (made.key, key), (made.both, key + certificate)):
            file.touch(mode=0o600)
            file.write_bytes(content)
        return made


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    unsigned = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return unsigned.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    none = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)
