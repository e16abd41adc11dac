"""kafka-python, a client of its own line that speaks middling versions of the protocol.

Usage: kafkapython.py CASE BOOTSTRAP NAME, where NAME is a topic and group name that is free.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

WAIT_MAX_S = 45
CASE, BOOTSTRAP, NAME = sys.argv[1], sys.argv[2].split(","), sys.argv[3]


def check(holds, otherwise):
    if not holds:
        raise AssertionError(otherwise)


def create(topic, partitions):
    a = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    a.create_topics([NewTopic(name=topic, num_partitions=partitions, replication_factor=-1)])
    a.close()


def take(c, count):
    got, end = [], time.monotonic() + WAIT_MAX_S
    while len(got) < count:
        check(time.monotonic() < end, f"only {len(got)} of {count} records came")
        for records in c.poll(200).values():
            got += records
    return got


def codecs():
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        topic = f"{NAME}-{codec}"
        create(topic, 1)
        p = KafkaProducer(bootstrap_servers=BOOTSTRAP, compression_type=codec)
        sent = [p.send(topic, key=b"k%d" % i, value=b"value %d " % i * 20) for i in range(300)]
        check([f.get(WAIT_MAX_S).offset for f in sent] == list(range(300)), f"{codec}: offsets out of order")
        p.close()
        c = KafkaConsumer(topic, bootstrap_servers=BOOTSTRAP, group_id=topic, auto_offset_reset="earliest")
        for i, r in enumerate(take(c, 300)):
            check(r.key == b"k%d" % i and r.value == b"value %d " % i * 20, f"{codec}: record {i} is {r}")
        c.close()


def share(one, two):
    """Polls both until each has one of the two partitions.

    Each in a thread of its own: where a join ends between two polls, kafka-python 3.0 takes its answer for none and joins
    again. Polled in turns by one thread, two members so could keep each other from ever sharing, with any broker.
    """
    counts, end = {}, time.monotonic() + WAIT_MAX_S

    def shared():
        return counts == {one: 1, two: 1}

    def poll(c):
        while not shared() and time.monotonic() < end:
            c.poll(1000)
            counts[c] = len(c.assignment())

    with ThreadPoolExecutor() as pool:
        list(pool.map(poll, (one, two)))  # raises what one of them raised
    a, b = one.assignment(), two.assignment()
    check(len(a) == len(b) == 1 and a != b, f"never shared: {a} and {b}")


def group():
    create(NAME, 2)
    p = KafkaProducer(bootstrap_servers=BOOTSTRAP)
    for i in range(40):
        p.send(NAME, value=b"%d" % i, partition=i % 2)
    p.flush()
    conf = dict(bootstrap_servers=BOOTSTRAP, group_id=NAME, auto_offset_reset="earliest", enable_auto_commit=False)
    one = KafkaConsumer(NAME, **conf)
    take(one, 40)
    one.commit()
    two = KafkaConsumer(NAME, **conf)
    share(one, two)
    check(two.committed(list(two.assignment())[0]) == 20, "the commit is lost")
    one.close()
    two.close()


{"codecs": codecs, "group": group}[CASE]()
print("ok")
