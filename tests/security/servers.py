"""Real servers that ask for passwords and speak TLS, each on ports of its own."""

import os
import platform
import shutil
import signal
import socket
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest

from libs.stack import artifacts
from libs.stack.apache import LOCK, node
from libs.stack.child import Child, bound, free_ports, inherited, start_and_wait
from libs.stack.home import Home
from libs.stack.postgres import NOBODY, _as_user
from tests.security.certificates import Authority, Certificate

HERE = Path(__file__).parent


def fetched(lock: Path) -> list[Path]:
    """The files of a lock. They are large: outside CI they are used if they are there, and else the test is skipped."""
    if not os.environ.get("FILIERA_CI") and not all(each.path.is_file() for each in artifacts.read(lock)):
        pytest.skip(f"the files of {lock.name} are not here: FILIERA_CI=1 ./filiera test fetches them")
    return artifacts.fetch(lock)


def run(child: Child, home: Home) -> None:
    """Start it and wait until it is ready."""
    try:
        start_and_wait([child], home.log, seconds=240)
    except BaseException:
        child.kill()
        raise


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def home_in(folder: Path) -> Home:
    made = Home(folder)
    made.make()
    return made


class Postgres:
    """PostgreSQL 18 that takes nobody without a password, nor, if it has a certificate, without TLS. Its admin is
    `admin`."""

    PASSWORD = "the admin's: 'own'"

    def __init__(self, folder: Path, binaries: Path, certificate: Certificate | None) -> None:
        self._home = home_in(folder)
        self._data = folder / "data"
        self._owner = NOBODY if os.geteuid() == 0 else None
        self._binaries = binaries
        (self.port,) = free_ports(1)
        self._initdb("hostssl" if certificate else "host")
        self.child = self._child(certificate)
        run(self.child, self._home)

    def _initdb(self, who: str) -> None:
        secret = self._data.with_name("password")
        secret.write_text(self.PASSWORD)
        self._data.mkdir(mode=0o700)
        if self._owner:
            os.chown(self._data, self._owner, self._owner)
        options = ["--username=admin", "--auth=scram-sha-256", f"--pwfile={secret}", "--locale=C", "--encoding=UTF8"]
        command = [str(self._binaries / "initdb"), "-D", str(self._data), *options]
        subprocess.run([*bound(signal.SIGKILL, _as_user(self._owner)), *command], check=True, timeout=60)
        (self._data / "pg_hba.conf").write_text(f"{who} all all 127.0.0.1/32 scram-sha-256\n")

    def _child(self, certificate: Certificate | None) -> Child:
        options: dict[str, object] = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
        }
        if certificate:
            options |= {"ssl": "on", "ssl_cert_file": certificate.certificate, "ssl_key_file": certificate.key}
        given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return Child(
            name="postgres",
            command=lambda: [str(self._binaries / "postgres"), "-D", str(self._data), *given],
            is_ready=lambda _: self._status() == "ready",
            environment=inherited(without=("PG", "FILIERA_")),
            folder=self._data,
            user=_as_user(self._owner),
        )

    def _status(self) -> str:
        lock = self._data / "postmaster.pid"
        lines = lock.read_text().split("\n") if lock.exists() else []
        return lines[7].strip() if len(lines) > 7 else ""


def postgres_binaries(folder: Path) -> Path:
    """PostgreSQL 18 built with TLS, unpacked there."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("PostgreSQL 18 with TLS is packaged for Linux on x86-64 alone")
    (jar,) = fetched(HERE / "postgres.lock.toml")
    with (
        zipfile.ZipFile(jar) as packed,
        packed.open("postgres-linux-x86_64.txz") as inner,
        tarfile.open(fileobj=inner, mode="r|xz") as files,
    ):
        files.extraction_filter = getattr(tarfile, "tar_filter", None)  # Debian's Python 3.11.2 has none yet
        files.extractall(folder)
    return folder / "bin"


class Valkey:
    """Valkey, or Redis, with the user `catalog` alone: on one port with TLS, on the other without."""

    PASSWORD = "sesame"

    def __init__(self, folder: Path, certificate: Certificate, authority: Authority) -> None:
        binary = shutil.which("valkey-server") or shutil.which("redis-server")
        if binary is None:
            pytest.skip(
                "no Valkey with TLS here: install Debian's valkey-server or redis-server (.ci/servers/run does)"
            )
        home = home_in(folder)
        self.tls, self.plain = free_ports(2)
        pem = ["--tls-cert-file", certificate.certificate, "--tls-key-file", certificate.key]
        trust = ["--tls-ca-cert-file", authority.file, "--tls-auth-clients", "no"]
        ports = ["--port", self.plain, "--tls-port", self.tls, "--bind", "127.0.0.1", "--save", ""]
        users = ["--user", "default", "off", "--user", "catalog", "on", f">{self.PASSWORD}", "~*", "&*", "+@all"]
        command = [str(part) for part in (binary, *ports, *pem, *trust, *users)]
        self.child = Child(
            name="valkey",
            command=lambda: command,
            is_ready=lambda _: accepts(self.tls),
            environment=inherited(without=("FILIERA_",)),
            folder=home.valkey,
        )
        run(self.child, home)


class Kafka:
    """Apache Kafka 4 whose listeners each ask for something else. Its users' password is PASSWORD."""

    PASSWORD = "sesame-street"
    LISTENERS: ClassVar[dict[str, str]] = {
        "users": "SASL_SSL",
        "tls": "SSL",
        "mutual": "SSL",
        "expired": "SSL",
        "open": "SASL_PLAINTEXT",
        "brokers": "PLAINTEXT",
        "controllers": "PLAINTEXT",
    }

    def __init__(self, folder: Path, authority: Authority) -> None:
        fetched(LOCK)
        self._ports = dict(zip(self.LISTENERS, free_ports(len(self.LISTENERS)), strict=True))
        self._authority = authority
        self._good = authority.issue("kafka", host="localhost")
        self._expired = authority.issue("kafka-expired", host="localhost", expired=True)
        home = home_in(folder)
        users = [f"{kind}=[name=probe,password={self.PASSWORD}]" for kind in ("SCRAM-SHA-512", "SCRAM-SHA-256")]
        users += [f"SCRAM-SHA-512=[name=catalog,password={self.PASSWORD}]"]
        self.child = node(
            home,
            "kafka",
            folder / "log",
            lambda: self._properties,
            options=[part for user in users for part in ("--add-scram", user)],
            is_ready=lambda _: accepts(self._ports["users"]),
        )
        run(self.child, home)

    def at(self, listener: str, host: str = "localhost") -> str:
        return f"{host}:{self._ports[listener]}"

    @property
    def _properties(self) -> dict[str, object]:
        listeners = ",".join(f"{name.upper()}://{self.at(name)}" for name in self.LISTENERS)
        protocols = ",".join(f"{name.upper()}:{protocol}" for name, protocol in self.LISTENERS.items())
        common: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{self.at('controllers')}",
            "listeners": listeners,
            "advertised.listeners": listeners.rpartition(",")[0],
            "listener.security.protocol.map": protocols,
            "inter.broker.listener.name": "BROKERS",
            "controller.listener.names": "CONTROLLERS",
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
        }
        for name in ("users", "tls", "mutual", "expired"):
            common |= self._certificate(name, self._expired if name == "expired" else self._good)
        common |= _sasl("listener.name.users", "SCRAM-SHA-512") | _sasl(
            "listener.name.open", "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"
        )
        return common | {"listener.name.mutual.ssl.client.auth": "required"}

    def _certificate(self, name: str, certificate: Certificate) -> dict[str, object]:
        ssl = f"listener.name.{name}.ssl"
        return {
            f"{ssl}.keystore.type": "PEM",
            f"{ssl}.keystore.location": certificate.both,
            f"{ssl}.truststore.type": "PEM",
            f"{ssl}.truststore.location": self._authority.file,
        }


def _sasl(listener: str, *mechanisms: str) -> dict[str, object]:
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    plain = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_probe="{Kafka.PASSWORD}";'
    given: dict[str, object] = {f"{listener}.sasl.enabled.mechanisms": ",".join(mechanisms)}
    for mechanism in mechanisms:
        given[f"{listener}.{mechanism.lower()}.sasl.jaas.config"] = plain if mechanism == "PLAIN" else scram
    return given
