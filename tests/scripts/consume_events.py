"""Reads DKube's events from JetStream with a client that shares no code with DKube, and checks each of them.

usage: consume_events.py URL SOURCE COUNT

Prints "ready" once its consumer is there, then one line for each event: its sequence and its type. Ends well after
COUNT events, each seen once and in order; ends with an error at the first that is wrong.
"""
import asyncio
import json
import re
import sys
import uuid
from datetime import datetime

import nats
import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

REQUIRED = ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "content-type", "ce-dkubeposition"]
ATTRIBUTE = re.compile(r"[a-z0-9]{1,20}")


def check(message, position, source, ids):
    """Fails unless this message is the event at this position, as CloudEvents 1.0 in binary mode."""
    headers = message.headers or {}
    for name in REQUIRED:
        assert headers.get(name), f"{name} is missing at {position}"
    for name in headers:
        if name.startswith("ce-"):
            assert ATTRIBUTE.fullmatch(name[3:]), f"{name} is no attribute's name"
    assert headers["ce-specversion"] == "1.0"
    assert headers["content-type"] == "application/json"
    assert headers["ce-source"] == source, headers["ce-source"]
    assert headers["ce-dkubeposition"] == str(position), headers["ce-dkubeposition"]
    assert headers["Nats-Msg-Id"] == headers["ce-id"]
    uuid.UUID(headers["ce-id"])
    assert headers["ce-id"] not in ids, f"{headers['ce-id']} came twice"
    ids.add(headers["ce-id"])
    assert datetime.fromisoformat(headers["ce-time"].replace("Z", "+00:00")).tzinfo is not None
    prefix, name = headers["ce-type"].rsplit(".", 1)
    assert prefix == "io.dkube", headers["ce-type"]
    tokens = message.subject.split(".")
    assert tokens[:2] == ["dkube", "events"] and tokens[3:] == [name], message.subject
    # What somebody tried is all in one place, whatever it is about.
    assert tokens[2] in (headers["ce-subject"].split("/")[0], "access"), headers["ce-subject"]
    assert isinstance(json.loads(message.data), dict)


async def main(url, source, count):
    async def quiet(_error):
        pass  # Lost connections are what this is for: the client seeks them again.

    connection = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=quiet)
    stream = connection.jetstream()
    config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, deliver_policy=DeliverPolicy.ALL)
    consumer = await stream.pull_subscribe("dkube.events.>", durable="test", stream="DKUBE_EVENTS", config=config)
    print("ready", flush=True)
    ids, last = set(), 0
    while last < count:
        try:
            messages = await consumer.fetch(100, timeout=0.5)
        except (nats.errors.TimeoutError, nats.errors.Error):
            continue
        for message in messages:
            sequence = message.metadata.sequence.stream
            if sequence <= last and message.metadata.num_delivered > 1:
                await message.ack()  # The acknowledgement was lost with the server, not the event doubled.
                continue
            assert sequence == last + 1, f"{sequence} came after {last}"
            check(message, sequence, source, ids)
            last = sequence
            await message.ack()
            print(sequence, message.headers["ce-type"], flush=True)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
