"""What a command says on a running platform."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE

from tests.system.running import ROOT, Running


async def test_tail_says_what_it_waits_for(running: Running) -> None:
    command = [sys.executable, "-m", "libs.stack", "events", "tail", "capacity.hold", "--home", str(running.home)]
    tail = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=DEVNULL, stderr=PIPE)
    assert tail.stderr
    try:
        said = await asyncio.wait_for(tail.stderr.readline(), 30)
    finally:
        tail.kill()
        await tail.communicate()
    assert said == b"waiting for events of capacity.hold; Ctrl-C ends\n"
