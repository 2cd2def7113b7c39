"""What a command says on a running platform."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE

from libs.demo.client import Platform
from libs.kit.testing import eventually
from tests.system import trade
from tests.system.flow import settled
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


async def test_read_models_that_were_emptied_are_built_anew(running: Running, client: Platform) -> None:
    shop = await trade.register(client, "retailer", "Seen again")
    seen = "SELECT version FROM party WHERE id = $1"
    await eventually(lambda: running.ask("gateway", seen, shop.party), 30)
    await running.ask("gateway", "TRUNCATE party, site, resource")
    done = await asyncio.to_thread(running.run, "views", "rebuild")
    assert "read models of gateway are built anew, from" in done.stdout
    assert await running.ask("gateway", seen, shop.party)
    assert await settled(running) == []
