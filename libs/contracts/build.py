"""Write what is generated from the contracts, or check that the committed files are that.

python -m libs.contracts.build            write schemas/, asyncapi.json and docs/events.md
python -m libs.contracts.build --check    write nothing; exit 1 and name what differs
"""

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from libs.contracts._asyncapi import document
from libs.contracts._page import page
from libs.contracts._schema import event_schemas

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def generated() -> dict[Path, str]:
    """Every generated file with its text."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    schemas = {HERE / "schemas" / f"{name}.json": _json(schema) for name, schema in event_schemas().items()}
    return schemas | {HERE / "asyncapi.json": _json(document(version)), ROOT / "docs" / "events.md": page()}


def drift(wanted: dict[Path, str]) -> list[str]:
    """What the files lack to be `wanted`, a sentence each."""
    absent = [f"{_name(path)} is missing" for path in wanted if not path.exists()]
    stale = [
        f"{_name(path)} is not what libs/contracts says"
        for path, text in wanted.items()
        if path.exists() and path.read_text("utf-8") != text
    ]
    return absent + stale + [f"{_name(path)} belongs to no event" for path in _leftovers(wanted)]


def write(wanted: dict[Path, str]) -> None:
    """Write every file and delete the schemas of events that are no more."""
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for path in _leftovers(wanted):
        path.unlink()


def _leftovers(wanted: dict[Path, str]) -> list[Path]:
    return sorted(set((HERE / "schemas").glob("*.json")) - wanted.keys())


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m libs.contracts.build", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name what differs")
    wanted = generated()
    if not parser.parse_args(arguments).check:
        write(wanted)
        return 0
    found = drift(wanted)
    for sentence in found:
        print(f"{sentence}: run `python -m libs.contracts.build` and commit the result.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
