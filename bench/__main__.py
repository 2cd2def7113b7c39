"""`./filiera bench [NAME...]`: ratios measured side by side in one run; absolute numbers are this machine's today."""

import asyncio
import importlib
import os
import platform
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def main(given: list[str]) -> int:
    """Run the benchmarks named, or all, one after another."""
    if unknown := [name for name in given if name not in NAMES]:
        print(f"filiera: there is no benchmark {unknown[0]!r}: choose from {', '.join(NAMES)}", file=sys.stderr)
        return 2
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} at the start.")
    if load > 1:
        print("Something else is running: ratios will be noisy.")
    os.environ["FILIERA_POINTS_ANONYMOUS"] = "1000000000000"  # all that is measured comes from one address
    for name in given or NAMES:
        print(f"\n== {name}", flush=True)
        asyncio.run(importlib.import_module(f"bench.{name}").main())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
