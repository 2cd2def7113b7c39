"""Apache Kafka as the stack runs it: durable, on the loopback, one broker or three."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from libs.stack import apache, probe
from libs.stack.apache import Apache
from libs.stack.brokers import APACHE_3, LONGEST_START, PORTS, new_cluster_id
from libs.stack.child import free_ports, start_and_wait
from libs.stack.errors import StackError
from libs.stack.home import Home
from libs.stack.platform import Platform, Wanted
from libs.stack.servers import Servers
from tests.libs.stack.clone import Clone, wait_until


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home with a space")
    made.make()
    return made


def cluster_ids(brokers: Apache) -> set[str]:
    """As the logs tell."""
    return {apache._meta(log)["cluster.id"] for log in brokers.folder.iterdir()}


def test_a_cluster_keeps_its_id_across_a_kill_and_on_other_ports_and_gets_another_with_a_new_log(home: Home) -> None:
    brokers = Apache(home, free_ports(3))
    try:
        brokers.start()
        (first,) = cluster_ids(brokers)
        brokers.kill()
        brokers = Apache(home, free_ports(3))
        brokers.start()
        assert cluster_ids(brokers) == {first}
        brokers.wipe()
        brokers.start()
        (second,) = cluster_ids(brokers)
        assert second != first
    finally:
        brokers.kill()


def test_three_brokers_are_one_cluster_and_one_that_was_killed_or_lost_its_log_comes_back_to_it(home: Home) -> None:
    brokers = Apache(home, free_ports(PORTS[APACHE_3]))
    assert [child.name for child in brokers.children] == ["broker-1", "broker-2", "broker-3"]
    try:
        brokers.start()
        (first,) = cluster_ids(brokers)
        lost = brokers.children[1]
        lost.kill()
        (brokers.folder / "broker-2").rename(home.path / "lost")
        start_and_wait([lost], home.log, LONGEST_START)
        assert cluster_ids(brokers) == {first}
    finally:
        brokers.kill()


def test_a_half_made_log_is_set_aside_and_made_again(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    half = home.kafka / "1" / "broker"
    half.mkdir(parents=True)
    (half / "bootstrap.checkpoint").write_text("half")
    brokers = Apache(home, free_ports(3))
    try:
        brokers.start()
    finally:
        brokers.kill()
    assert "half-made" in capsys.readouterr().err
    assert len(list((home.kafka / "1").glob("broker.broken-*/bootstrap.checkpoint"))) == 1


def test_no_cluster_id_looks_like_an_option() -> None:
    assert not [one for one in (new_cluster_id() for _ in range(2000)) if one.startswith("-")]


def test_it_listens_on_the_loopback_alone(home: Home) -> None:
    brokers = Apache(home, free_ports(3))
    listeners = str(brokers._properties(0)["listeners"]).split(",")
    assert len(listeners) == 3
    assert all("://127.0.0.1:" in listener for listener in listeners)


def test_too_little_memory_gets_a_sentence_and_nothing_is_started(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    little = home.path / "meminfo"
    little.write_text("MemTotal: 4000000 kB\nMemAvailable: 1000000 kB\n")
    monkeypatch.setattr(apache, "MEMINFO", little)
    Apache(home, free_ports(3)).prepare()
    with pytest.raises(StackError, match="3 brokers may take 2100 MiB of memory and 976 are free"):
        Apache(home, free_ports(9)).prepare()


def test_up_on_apache_kafka_shows_it_and_brings_it_back_with_its_log_when_killed(clone: Clone) -> None:
    up = clone.up("--kafka", "apache")
    assert up.returncode == 0, up.stderr
    before = clone.status()
    assert set(before) == {"postgres", "valkey", "broker", "hello"}
    meta = clone.home / "kafka" / "1" / "broker" / "meta.properties"
    cluster = meta.read_text()
    os.kill(before["broker"]["pid"], signal.SIGKILL)

    def back() -> bool:
        now = clone.status()["broker"]
        return now["state"] == "ready" and now["pid"] != before["broker"]["pid"]

    wait_until(back, 60)
    assert clone.status()["broker"]["url"] == before["broker"]["url"]
    assert meta.read_text() == cluster


def test_a_port_of_the_controller_that_is_busy_gets_a_sentence(clone: Clone) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", clone.port + 11))
        taken.listen()
        up = clone.up("--kafka", "apache")
    assert up.returncode == 1
    assert f"port {clone.port + 11}, for broker, cannot be used" in up.stderr
    assert "N to N+11" in up.stderr


def test_given_servers_are_used_and_not_run(clone: Clone, tmp_path: Path) -> None:
    with Servers(tmp_path / "somebody", durable=False) as others:
        theirs = others.environment()
        dsn = theirs["FILIERA_POSTGRES"].replace("postgres@", "postgres:secret@")
        given = ("--kafka", theirs["FILIERA_KAFKA"], "--postgres", dsn, "--redis", theirs["FILIERA_REDIS"])
        up = clone.up(*given)
        assert up.returncode == 0, up.stderr
        status = clone.status()
        assert {name: process["state"] for name, process in status.items()} == {
            "postgres": "given",
            "valkey": "given",
            "broker": "given",
            "hello": "ready",
        }
        assert clone.run("status").returncode == 0
        assert "secret" not in json.dumps(status) + up.stdout
        supervisor, service = clone.state()["supervisor"], status["hello"]["pid"]
        assert b"secret" not in Path(f"/proc/{supervisor}/cmdline").read_bytes()
        assert b"secret" not in Path(f"/proc/{service}/environ").read_bytes(), "it has a role of its own"
        assert clone.state()["environment"]["FILIERA_POSTGRES"] == dsn
        clone.run("down")
        assert clone.run("status").returncode == 1
        assert probe.kafka(("127.0.0.1", others.brokers.ports[0])), "it is not ours to stop"


def test_settings_of_a_server_reach_the_services_only_where_it_is_given(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FILIERA_POSTGRES_PASSWORD", "FILIERA_KAFKA_CA", "FILIERA_REDIS_PASSWORD"):
        monkeypatch.setenv(name, "theirs")
    own = Platform(home).child("orders").environment
    assert not [name for name, value in own.items() if value == "theirs"]
    given = Platform(home, wanted=Wanted("kafka:9092", "postgresql://admin@db/postgres"))
    orders = {name for name, value in given.child("orders").environment.items() if value == "theirs"}
    assert orders == {"FILIERA_POSTGRES_PASSWORD", "FILIERA_KAFKA_CA"}
    migration = given.migration()
    assert migration
    assert migration.environment["FILIERA_ORDERS_PASSWORD"] == "theirs"


def test_secrets_from_files_reach_the_services_like_those_of_the_environment(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("postgres", "redis"):
        (tmp_path / f"filiera_{name}_password").write_text("theirs\n")
    monkeypatch.setenv("FILIERA_SECRETS", str(tmp_path))
    given = Platform(home, wanted=Wanted("kafka:9092", "postgresql://admin:own@db/postgres"))
    orders, migration = given.child("orders").environment, given.migration()
    assert (orders["FILIERA_POSTGRES_PASSWORD"], orders["FILIERA_POSTGRES"]) == ("theirs", "postgresql://db/postgres")
    assert not {"FILIERA_SECRETS", "FILIERA_REDIS_PASSWORD"} & orders.keys(), "Valkey is ours, and has none"
    assert migration
    assert migration.environment["FILIERA_ORDERS_PASSWORD"] == "theirs"
    assert migration.environment["FILIERA_POSTGRES"] == "postgresql://admin:own@db/postgres"


def test_a_clusters_id_never_looks_like_an_option() -> None:
    assert not [made for made in (new_cluster_id() for _ in range(2000)) if made.startswith("-")]


@pytest.mark.parametrize(
    "arguments",
    [["--kafka", "apache:2"], ["--kafka", "somewhere"], ["--postgres", "db:5432"], ["--redis", "localhost:6379"]],
)
def test_an_address_that_is_none_is_a_wrong_argument(clone: Clone, arguments: list[str]) -> None:
    done = clone.run("up", *arguments)
    assert done.returncode == 2
    assert arguments[0] in done.stderr
    assert "Traceback" not in done.stderr
