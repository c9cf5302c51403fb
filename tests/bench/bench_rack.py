"""A rack of virtual phones in a process of its own, so that its cost is not the controller's."""

import argparse
import asyncio
import json
import os
import signal

from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.farm import VirtualRack
from droidrack.virtual.spec import spec_with


async def serve(count: int) -> None:
    """Say where everything is, in one line of JSON, and stay until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    specs = [
        spec_with(make_spec(index, api=34), latency_s=(0.02, 0.05), boot_s=0.0)
        for index in range(count)
    ]
    async with VirtualRack(specs, shell="parser") as rack:
        for phone in rack.phones:  # Android's limit is not what is measured here.
            phone.model.settings.put("global", "sms_outgoing_check_max_count", "1000000")
            await phone.model.restart_phone_process()
        where = {
            "port": rack.adb_port,
            "server_pid": rack.server_pid,
            "pid": os.getpid(),
            "serials": [phone.model.spec.serial for phone in rack.phones],
        }
        print(json.dumps(where), flush=True)
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("phones", type=int)
    asyncio.run(serve(parser.parse_args().phones))
