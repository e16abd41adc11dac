"""kafka-python, a client of its own line that speaks middling versions of the protocol.

Usage: kafkapython.py CASE BOOTSTRAP NAME, where NAME is a topic and group name that is free.
"""

import sys
import time

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
    end = time.monotonic() + WAIT_MAX_S
    while not (len(one.assignment()) == 1 and len(two.assignment()) == 1):
        check(time.monotonic() < end, f"never shared: {one.assignment()} and {two.assignment()}")
        one.poll(100)
        two.poll(100)
    check(two.committed(list(two.assignment())[0]) == 20, "the commit is lost")
    one.close()
    two.close()


{"codecs": codecs, "group": group}[CASE]()
print("ok")
