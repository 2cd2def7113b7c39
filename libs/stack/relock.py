"""`python -m libs.stack.relock`: write jgo.lock.toml again, for the versions named here. See CONTRIBUTING.md."""

import sys
import tempfile
from pathlib import Path

from libs.stack.apache import LOCK

WANTED = (
    ("org.apache.kafka", "kafka_2.13", "4.1.1"),
    ("org.slf4j", "slf4j-simple", "1.7.36"),  # without one of its kind the broker says nothing
)


def main() -> int:
    """Resolve what these need in turn, fetch it and note the SHA-256 of each file."""
    from jgo.env import LockFile
    from jgo.maven import Dependency, MavenContext

    with tempfile.TemporaryDirectory() as folder:
        repository = MavenContext(repo_cache=Path(folder))
        projects = (repository.project(group, name).at_version(version) for group, name, version in WANTED)
        roots, others = repository.resolver.resolve([Dependency(project.artifact()) for project in projects])
        LockFile.from_resolved_dependencies([*roots, *others], environment_name="kafka").save(LOCK)
    print(f"{len(roots) + len(others)} files are in {LOCK.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
