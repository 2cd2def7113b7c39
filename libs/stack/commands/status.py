"""Show how the platform is."""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from libs.stack import health, probe, state
from libs.stack.home import Home
from libs.stack.platform import Platform

HELP = "every process, its oldest unsent event, its lag, what is parked"
EXAMPLE = "example: ./filiera status --json   (exit code 0 if all is ready, else 1)"
SHOWN = ("outbox_oldest_seconds", "outbox_unsent", "consumer_lag", "parked")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help='an object {"gateway": {"url", "pid", "state", ...}, ...}')


def run(given: argparse.Namespace) -> int:
    home = Home(given.home)
    processes = look(home)
    if given.json:
        print(json.dumps(processes, indent=1))
    elif home.is_locked():
        _show(home, processes)
    else:
        print(f"filiera: nothing is running in {home.path}; `./filiera up{home.option}` starts it")
    return 0 if home.is_locked() and all(each["state"] in ("ready", "given") for each in processes.values()) else 1


def look(home: Home) -> dict[str, dict[str, Any]]:
    """Every process with its url, pid and state; for a service also what it says of itself."""
    found = state.read(home)
    running = home.is_locked()
    if found is None:
        platform = Platform(home)
        return {name: {"url": platform.url(name), "pid": None, "state": "stopped"} for name in platform.names}
    with ThreadPoolExecutor() as threads:
        seen = threads.map(lambda process: _process(process, running=running), found.processes.values())
        return dict(zip(found.processes, seen, strict=True))


def _process(process: state.Process, *, running: bool) -> dict[str, Any]:
    if not running and process.state != "given":
        return {"url": process.url, "pid": None, "state": "stopped"}
    shown = {"url": process.url, "pid": process.pid, "state": process.state, "restarts": process.restarts}
    if process.state not in ("starting", "ready"):
        return shown
    if not process.url.startswith("http://"):
        silent = process.state == "ready" and not probe.answers(process.url)
        return shown | ({"state": "silent"} if silent else {})
    report = health.report(int(process.url.rpartition(":")[2]))
    if process.state == "ready" and not (report and report.get("ready")):
        shown["state"] = "unready" if report else "silent"
    if report:
        shown |= {key: report[key] for key in (*SHOWN, "checks") if key in report}
    return shown


def _show(home: Home, processes: dict[str, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("process", "state", "pid", "restarts", "oldest unsent", "lag", "parked", "address", box=None)
    table.columns[-1].overflow = "fold"
    for name, process in processes.items():
        oldest = process.get("outbox_oldest_seconds")
        table.add_row(
            name,
            f"[{'green' if process['state'] in ('ready', 'given') else 'red'}]{process['state']}[/]",
            str(process["pid"] or "-"),
            str(process.get("restarts", 0)),
            "-" if oldest is None else f"{oldest:.1f} s",
            str(process.get("consumer_lag", "-")),
            str(process.get("parked", "-")),
            process["url"],
        )
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    console.print(table)
    for name, process in processes.items():
        for said in _wrong(home, name, process):
            console.print(f"[red]{name}[/]: {said}")


def _wrong(home: Home, name: str, process: dict[str, Any]) -> list[str]:
    """What to know of a process that is not well, and what to do."""
    if process["state"] == "failed":
        again = f"`./filiera down{home.option}` and `./filiera up{home.option}` start it again"
        return [f"stopped again and again, and stays down. Why: {home.log(name)}; then {again}"]
    return [f"{check}: {reason}" for check, reason in process.get("checks", {}).items() if reason != "ok"]
