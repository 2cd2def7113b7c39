"""Starts the platform, keeps it running, and stops it in order."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import FrameType

from libs.stack import state
from libs.stack.brokers import LONGEST_START
from libs.stack.child import Child, last_line, stop_all
from libs.stack.errors import StackError
from libs.stack.logs import Logs
from libs.stack.platform import Platform

PAUSES = (0.1, 0.5, 1.0, 2.0)
"""Seconds before the first, second … restart within CRASH_WINDOW; one crash more and the process counts as failed."""
CRASH_WINDOW = 60.0


class Stopping(Exception):  # noqa: N818 - not an error: somebody asked
    """We were asked to stop while starting."""


@dataclass
class Watched:
    """A child, its state, and its latest crashes."""

    child: Child
    process: state.Process
    crashes: list[float] = field(default_factory=list)
    again_at: float = 0.0


class Supervisor:
    """Runs in the main thread alone: a child's end is tied to the thread that started it."""

    def __init__(self, platform: Platform, logs: Logs, announce: Callable[[Platform], None]) -> None:
        self._platform = platform
        self._logs = logs
        self._announce = announce
        self._asked_to_stop = 0
        self._changed = True
        self._watched = {
            name: Watched(platform.child(name), state.Process(platform.url(name))) for name in platform.names
        }
        self._state = state.State(os.getpid(), platform.port, platform.environment())
        given = {name: state.Process(url, state="given") for name, url in platform.given.items()}
        self._state.processes = given | {name: each.process for name, each in self._watched.items()}

    def run(self) -> None:
        """Start all, watch until asked to stop, stop all. Raises StackError when it cannot start."""
        home = self._platform.home
        with home.locked():
            state.end_leftovers(home)
            self._platform.check_ports()
            self._logs.say(f"starting {', '.join(self._platform.names)} (logs: {home.logs})")
            home.make_sockets()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, self._on_signal)
            try:
                self._start_all()
                self._watch()
            except Stopping:
                pass
            finally:
                self._stop_all()

    def _start_all(self) -> None:
        began = time.monotonic()
        servers = [self._watched[name] for name in self._platform.servers]
        self._start(*servers)
        self._until(lambda: _all_ready(servers), "the servers", LONGEST_START, servers)
        self._logs.say(f"the servers are ready after {time.monotonic() - began:.1f} s")
        self._carry_out(self._platform.migration(), "the databases")
        self._carry_out(self._platform.topics(), "the topics")
        services = [self._watched[name] for name in self._platform.services]
        self._start(*services)
        self._until(lambda: all(each.process.state in ("ready", "failed") for each in services), "the services", 120)
        self._logs.say(f"the services are ready after {time.monotonic() - began:.1f} s in all")
        self._state.ready = self._changed = True
        self._save()
        self._announce(self._platform)

    def _watch(self) -> None:
        while not self._asked_to_stop:
            self._look_at_all()
            time.sleep(0.1)

    def _until(
        self, condition: Callable[[], bool], what: str, seconds: float, fatal: list[Watched] | None = None
    ) -> None:
        """Look after all until the condition holds. The end of a `fatal` one is ours: nothing works without it."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self._asked_to_stop:
                raise Stopping
            if time.monotonic() > deadline:
                raise StackError(f"{what} were not ready after {seconds:.0f} s: look at {self._platform.home.logs}")
            self._look_at_all()
            for each in fatal or ():
                if each.crashes:
                    self._give_up(each.child)
            time.sleep(0.05)

    def _carry_out(self, task: Child | None, what: str) -> None:
        """Run a program to its end, which must be a good one."""
        if task is None:
            return
        self._launch(task)
        self._until(lambda: task.pid is None, what, 300)
        if task.process and task.process.returncode:
            self._give_up(task)

    def _give_up(self, child: Child) -> None:
        self._logs.wait_for(child.name)
        log = self._platform.home.log(child.name)
        raise StackError(f"{child.name} stopped {child.ending()}: {last_line(log)} (log: {log})")

    def _launch(self, child: Child) -> None:
        child.start(subprocess.PIPE)
        if child.process and child.process.stdout:
            self._logs.follow(child.name, child.process.stdout)

    def _start(self, *watched: Watched) -> None:
        for each in watched:
            self._launch(each.child)
            each.process.pid = each.child.pid
            each.process.birth = state.birth(each.process.pid or 0)
            self._turn(each, "starting")
        self._save()

    def _turn(self, watched: Watched, to: str) -> None:
        watched.process.state = to
        self._changed = True

    def _look_at_all(self) -> None:
        for each in self._watched.values():
            self._look_at(each)
        self._save()

    def _look_at(self, watched: Watched) -> None:
        current = watched.process.state
        if current in ("starting", "ready") and watched.child.pid is None:
            self._note_a_crash(watched)
        elif current == "starting" and watched.child.ready:
            self._turn(watched, "ready")
            if watched.process.restarts:
                self._is_back(watched.child.name)
        elif current == "restarting" and time.monotonic() >= watched.again_at:
            watched.process.restarts += 1
            try:
                self._start(watched)
            except StackError as error:  # one that cannot start now is no reason to stop the others
                self._logs.say(str(error))
                self._note_a_crash(watched)

    def _is_back(self, name: str) -> None:
        self._logs.say(f"{name} is back")
        # It may have lost its log, and then nobody else creates the topics. Where they exist nothing happens.
        if self._platform.is_broker(name) and (topics := self._platform.topics()):
            self._launch(topics)

    def _note_a_crash(self, watched: Watched) -> None:
        name, now = watched.child.name, time.monotonic()
        watched.process.pid = watched.process.birth = None
        watched.crashes = [at for at in watched.crashes if now - at < CRASH_WINDOW] + [now]
        if len(watched.crashes) > len(PAUSES):
            self._turn(watched, "failed")
            self._logs.say(
                f"{name} stopped {len(watched.crashes)} times within a minute and stays down."
                f" Look at {self._platform.home.log(name)}, then `./filiera down{self._platform.home.option}` and `up`"
            )
            return
        watched.again_at = now + PAUSES[len(watched.crashes) - 1]
        self._turn(watched, "restarting")
        self._logs.say(f"{name} stopped {watched.child.ending()}: starting it again")

    def _save(self) -> None:
        if self._changed:
            state.write(self._platform.home, self._state)
            self._changed = False

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop += 1
        if self._asked_to_stop > 1:
            for each in self._watched.values():
                each.child.send(signal.SIGKILL)

    def _stop_all(self) -> None:
        self._logs.say("stopping")
        children = {name: each.child for name, each in self._watched.items()}
        stop_all([children[name] for name in self._platform.services], seconds=6)
        stop_all([children[name] for name in self._platform.servers], seconds=8)
        for name, each in self._watched.items():
            self._logs.wait_for(name)
            each.process.pid = each.process.birth = None
            self._turn(each, "stopped")
        self._state.ready = False
        self._save()
        self._platform.home.tidy()
        self._logs.say("stopped")


def _all_ready(watched: Iterable[Watched]) -> bool:
    return all(each.process.state == "ready" for each in watched)
