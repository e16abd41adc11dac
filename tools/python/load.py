"""confluent-kafka (librdkafka) at work until it is told to end; producers are idempotent, all else is by default.

It writes a line of JSON for all that it is told: compat/history says what is in them, compat/load starts it. Usage:
load.py NAME=VALUE... A line "flush" on the input ends the producers, the input's end ends the consumers.
"""

import json
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

COMMITTED = SOMEWHERE = -1
POLL_S = 0.1
BATCH_MAX = 500  # records that are told of in one line
ARGS = dict(pair.split("=", 1) for pair in sys.argv[1:])
TOPIC, GROUP, PARTITIONS, SESSION_MS = ARGS["topic"], ARGS["group"], int(ARGS["partitions"]), int(ARGS["sessionMs"])
flush, end = threading.Event(), threading.Event()
output = threading.Lock()


def tell(client, kind, group="", **more):
    line = json.dumps({"at": time.time_ns() // 1000, "client": client, "group": group, "kind": kind, **more})
    with output:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


# What librdkafka tells of and repeats by itself: brokers that cannot be reached, errors that Kafka calls retriable.
REPEATED = {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE, KafkaError._RESOLVE}


def repeated(err):
    return not err.fatal() and (err.retriable() or err.code() in REPEATED)


def on_error(client):
    # The text alone would differ by address and time; what is noted is counted by its text.
    return lambda err: tell(client, "error", text=err.name() if repeated(err) else str(err), fatal=not repeated(err))


def config(client, **more):
    return {"bootstrap.servers": ARGS["bootstrap"], "error_cb": on_error(client), **more}


def produce(client):
    begun = set()

    def on_delivery(err, m):
        if err:
            return tell(client, "error", text=f"{m.value().decode()}: {err}", fatal=True)
        offset = m.offset()
        if offset == 0 and m.partition() in begun:
            # The answer was lost, and a later batch's acknowledged this one too: librdkafka does not know where it is.
            offset = SOMEWHERE
        begun.add(m.partition())
        tell(client, "ack", records=[{"p": m.partition(), "o": offset, "v": m.value().decode()}])

    def send(partition, value):
        while True:
            try:
                return p.produce(TOPIC, partition=partition, value=value, on_delivery=on_delivery)
            except BufferError:  # too much waits for its acknowledgement
                p.poll(POLL_S)

    p = Producer(config(client, **{"enable.idempotence": True}))
    sent = operation = 0
    beat_s = int(ARGS["beatMs"]) / 1000
    due = time.monotonic()
    while not flush.is_set():
        for _ in range(int(ARGS["batch"])):
            for partition in range(PARTITIONS):
                send(partition, f"{client} {operation} {sent}")
            sent += 1
        operation += 1
        due = max(due + beat_s, time.monotonic())
        while (wait := due - time.monotonic()) > 0:
            p.poll(wait)
    while p.flush(POLL_S) > 0 and not end.is_set():
        pass
    tell(client, "end", sent=sent)


class Batch:
    """Polls one message at a time, so that what a rebalance tells stands between those of before and after it."""

    def __init__(self, consumer, client, group=""):
        self.consumer, self.client, self.group, self.records = consumer, client, group, []

    def poll(self):
        while len(self.records) < BATCH_MAX:
            m = self.consumer.poll(0 if self.records else POLL_S)
            if m is None:
                break
            if m.error():
                on_error(self.client)(m.error())
            else:
                self.records.append({"p": m.partition(), "o": m.offset(), "v": m.value().decode()})
        self.write()

    def write(self):
        if self.records:
            tell(self.client, "poll", self.group, records=self.records)
            self.records = []


def places(partitions, offset=0):
    return [{"p": tp.partition, "o": offset} for tp in partitions]


def read(client):
    c = Consumer(config(client, **{"group.id": client, "enable.auto.commit": False}))
    all_partitions = [TopicPartition(TOPIC, p, 0) for p in range(PARTITIONS)]
    c.assign(all_partitions)
    tell(client, "assign", records=places(all_partitions))
    batch = Batch(c, client)
    while not end.is_set():
        batch.poll()
    c.close()
    tell(client, "end")


def member(client, until=None):
    def on_commit(err, partitions):
        done = [tp for tp in partitions if tp.error is None and tp.offset >= 0]
        if err is None and done:
            tell(client, "commit", GROUP, records=[{"p": tp.partition, "o": tp.offset} for tp in done])

    def rebalance(kind, offset):
        def tell_it(_, partitions):
            batch.write()
            if partitions:
                tell(client, kind, GROUP, records=places(partitions, offset))

        return tell_it

    session = {"session.timeout.ms": SESSION_MS} if SESSION_MS else {}
    c = Consumer(config(client, **session, **{"group.id": GROUP, "auto.offset.reset": "earliest", "on_commit": on_commit}))
    batch = Batch(c, client, GROUP)
    c.subscribe([TOPIC], on_assign=rebalance("assign", COMMITTED), on_revoke=rebalance("revoke", 0), on_lost=rebalance("revoke", 0))
    while not end.is_set() and (until is None or time.monotonic() < until):
        batch.poll()
    c.close()
    tell(client, "end", GROUP)


def come_and_go(client):
    """Each life is a client of its own."""
    life = 0
    while not end.is_set():
        member(f"{client}.{life}", time.monotonic() + int(ARGS["stayMs"]) / 1000)
        end.wait(int(ARGS["awayMs"]) / 1000)
        life += 1


def guarded(role, client):
    try:
        role(client)
    except BaseException as e:  # the thread ends here: whoever reads must learn of it
        tell(client, "error", text=repr(e), fatal=True)


threads = [
    threading.Thread(target=guarded, args=(role, f"python-{name}-{i}"))
    for name, role in (("producers", produce), ("readers", read), ("members", member), ("restless", come_and_go))
    for i in range(int(ARGS[name]))
]
for t in threads:
    t.start()
for _ in sys.stdin:  # "flush" is all there is to say
    flush.set()
flush.set()
end.set()
for t in threads:
    t.join()
