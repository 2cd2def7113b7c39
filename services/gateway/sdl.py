"""`python -m services.gateway.sdl [--check]`: write the schema beside this file, or say whether it is up to date."""

import sys
from pathlib import Path

from services.gateway.api.schema import schema

PATH = Path(__file__).with_name("schema.graphql")


def generated() -> str:
    """The schema in its definition language."""
    return schema.as_str() + "\n"


def main() -> int:
    """Run from the command line."""
    if "--check" not in sys.argv[1:]:
        PATH.write_text(generated())
    elif PATH.read_text() != generated():
        print("schema.graphql is not what the code says: run `python -m services.gateway.sdl`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
