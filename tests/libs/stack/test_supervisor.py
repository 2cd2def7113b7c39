import os
import re
import shlex
import signal
import socket
import time

import graphql
import pytest

from libs.stack.platform import FIRST_QUERY
from tests.libs.stack.clone import ROOT, Clone, gone, wait_until

NAMES = {"postgres", "valkey", "broker", "hello"}
CRASHING = "raise SystemExit('hello has nothing to say')"


def test_up_detached_returns_when_all_is_ready_and_down_stops_it_all(clone: Clone) -> None:
    up = clone.up()
    assert up.returncode == 0, up.stderr
    assert f"http://127.0.0.1:{clone.port}" in up.stdout
    status = clone.status()
    assert set(status) == NAMES
    assert {process["state"] for process in status.values()} == {"ready"}
    assert status["hello"].items() >= {"outbox_oldest_seconds": 0.0, "consumer_lag": 0, "parked": 0}.items()
    pids = clone.pids().values()
    began = time.monotonic()
    assert clone.run("down").stdout == "filiera: stopped\n"
    assert time.monotonic() - began < 10
    assert all(gone(pid) for pid in pids)
    assert {process["state"] for process in clone.status().values()} == {"stopped"}
    assert clone.run("status", "--json").returncode == 1


def test_a_second_up_in_the_same_home_is_refused_and_harms_nothing(clone: Clone) -> None:
    clone.up()
    before = clone.pids()
    second = clone.up()
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert clone.pids() == before
    streaming = clone.run("up", "--port", str(clone.port))
    assert (streaming.returncode, streaming.stdout) == (1, "")
    assert streaming.stderr == second.stderr


def test_two_instances_live_side_by_side(clone: Clone) -> None:
    clone.up()
    second = ("--home", str(clone.root / "second"))
    try:
        assert clone.run("up", "--detach", "--port", str(clone.port + 10), *second).returncode == 0
        assert clone.run("status", *second).returncode == 0
        assert clone.run("status").returncode == 0
    finally:
        assert clone.run("down", *second).returncode == 0


def test_what_is_printed_to_paste_is_for_this_home_whatever_its_name(clone: Clone) -> None:
    home = clone.root / "a home; with spaces"
    option = f" --home {shlex.quote(str(home))}"
    try:
        up = clone.up("--home", str(home))
        assert up.returncode == 0, up.stderr
        again = clone.up("--home", str(home))
        for command in ("status", "down"):
            assert f"`./filiera {command}{option}`" in again.stderr
    finally:
        clone.run("down", "--home", str(home))
    assert f"`./filiera up{option}` starts it" in clone.run("status", "--home", str(home)).stdout
    assert f"start it with `./filiera up{option}`" in clone.run("psql", "hello", "--home", str(home)).stderr


def test_an_up_that_is_stopped_while_it_starts_says_so_once(clone: Clone) -> None:
    clone.write_service("hello", "import time; time.sleep(60)")
    up = clone.start("up", "--detach", "--port", str(clone.port))
    wait_until(lambda: (clone.home / "run" / "state.json").exists() and clone.pids().get("hello") is not None)
    assert clone.run("down").returncode == 0
    _, err = up.communicate(timeout=30)
    assert up.returncode == 1
    assert err.startswith("filiera: stopped while starting")


def test_a_server_that_is_there_and_does_not_answer_is_silent(clone: Clone) -> None:
    clone.up()
    pids = clone.pids()
    servers = ("postgres", "valkey", "broker")
    for name in servers:
        os.kill(pids[name], signal.SIGSTOP)
    try:
        status = clone.status()
        assert clone.run("status").returncode == 1
    finally:
        for name in servers:
            os.kill(pids[name], signal.SIGCONT)
    assert [status[name]["state"] for name in servers] == ["silent"] * 3
    wait_until(lambda: clone.run("status").returncode == 0)


def test_a_busy_port_gets_a_sentence_and_nothing_is_started(clone: Clone) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", clone.port))
        taken.listen()
        up = clone.up()
    assert up.returncode == 1
    assert f"port {clone.port}, for hello" in up.stderr
    assert "--port" in up.stderr
    assert "Traceback" not in up.stderr
    assert not (clone.home / "postgres").exists()


def test_every_process_killed_comes_back_at_its_old_address(clone: Clone) -> None:
    clone.up()
    before = clone.status()
    for name in NAMES:
        os.kill(before[name]["pid"], signal.SIGKILL)

    def all_back() -> bool:
        now = clone.status()
        return all(now[name]["state"] == "ready" and now[name]["pid"] != before[name]["pid"] for name in NAMES)

    wait_until(all_back)
    assert {name: process["url"] for name, process in clone.status().items()} == {
        name: process["url"] for name, process in before.items()
    }
    assert "postgres stopped with signal SIGKILL" in (clone.home / "logs" / "filiera.log").read_text()


def test_a_supervisor_killed_leaves_no_process_behind_and_the_next_one_starts(clone: Clone) -> None:
    clone.up()
    pids = clone.pids().values()
    os.kill(clone.state()["supervisor"], signal.SIGKILL)
    wait_until(lambda: all(gone(pid) for pid in pids))
    assert {process["state"] for process in clone.status().values()} == {"stopped"}
    assert clone.run("down").returncode == 0
    assert clone.up().returncode == 0


def test_a_service_that_always_crashes_is_given_up_while_the_rest_runs_on(clone: Clone) -> None:
    clone.write_service("broken", CRASHING)
    up = clone.start("up", "--port", str(clone.port))
    try:
        wait_until(lambda: clone.status()["broken"]["state"] == "failed", 40)
        assert clone.status()["hello"]["state"] == "ready"
        told = clone.run("status").stdout
        assert "broken: stopped again and again, and stays down." in told
        assert "`./filiera down" in told
    finally:
        up.send_signal(signal.SIGINT)
    out, err = up.communicate(timeout=10)
    assert "stopped 5 times within a minute" in out
    assert "broken.log" in out
    assert up.returncode == 0, err


def test_up_detached_with_a_service_that_cannot_start_fails_with_its_last_words(clone: Clone) -> None:
    clone.write_service("hello", CRASHING)
    up = clone.up()
    assert up.returncode == 1
    assert "hello has nothing to say" in up.stderr
    assert str(clone.home / "logs" / "hello.log") in up.stderr
    assert {process["state"] for process in clone.status().values()} == {"stopped"}


def test_ctrl_c_stops_in_order_within_10_s(clone: Clone) -> None:
    up = clone.start("up", "--port", str(clone.port))
    wait_until(lambda: clone.status()["hello"]["state"] == "ready")
    pids = clone.pids().values()
    up.send_signal(signal.SIGINT)
    out, err = up.communicate(timeout=10)
    assert (up.returncode, err) == (0, "")
    assert "Filiera is ready" in out
    assert " postgres | " in out
    assert all(gone(pid) for pid in pids)
    assert "database system is shut down" in (clone.home / "logs" / "postgres.log").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["up", "--port", "70000"], "--port must be between"),
        (["psql", "hello"], "nothing is running"),
        (["views", "rebuild"], "nothing is running"),
        (["events", "parked", "--home", "nowhere"], "nothing is running"),
        (["events", "--home", "nowhere", "parked"], "nowhere"),
        (["token", "--party", "anna", "--role", "brand", "--hours", "0"], "--hours must be more than 0"),
        (["token", "--party", "", "--role", "brand"], "--party is empty"),
        (["token", "--party", " ", "--role", "brand"], "--party is empty"),
        (["up", "--home", "/proc/nowhere"], "--home"),
    ],
)
def test_a_mistake_gets_one_sentence_and_exit_code_1(clone: Clone, arguments: list[str], sentence: str) -> None:
    done = clone.run(*arguments)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["fly"], ["up", "--fast"], ["token", "--party", "anna", "--role", "king"]])
def test_a_wrong_argument_is_exit_code_2(clone: Clone, arguments: list[str]) -> None:
    done = clone.run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_token_command_prints_the_token_alone(clone: Clone) -> None:
    done = clone.run("token", "--party", "sartoria-brera", "--role", "workshop")
    assert done.returncode == 0
    assert done.stdout.count(".") == 2
    assert len(done.stdout.split()) == 1
    assert "1342a038-c519-5763-b822-edd1d3037d06" in done.stderr
    assert re.search(r"good until \d{4}-\d\d-\d\d \d\d:\d\d [A-Z+-]\S+$", done.stderr)


def test_the_first_query_to_paste_is_one_that_the_gateway_answers() -> None:
    schema = graphql.build_schema((ROOT / "services" / "gateway" / "schema.graphql").read_text())
    assert graphql.validate(schema, graphql.parse(FIRST_QUERY)) == []


def test_help_teaches_the_first_commands(clone: Clone) -> None:
    done = clone.run("--help")
    assert all(f"./filiera {command}" in done.stdout for command in ("up", "demo", "status", "token", "psql"))


def test_psql_names_all_that_it_opens(clone: Clone) -> None:
    assert "hello, postgres (the server's own)" in clone.run("psql", "--help").stdout
