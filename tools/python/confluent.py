"""confluent-kafka (librdkafka) with its default settings.

Usage: confluent.py CASE BOOTSTRAP NAME, where NAME is a topic and group name that is free. Ends with 0 if all went as
expected; otherwise the traceback tells what did not.
"""

import functools
import sys
import threading
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec, ResourceType

WAIT_MAX_S = 45
CASE, BOOTSTRAP, NAME = sys.argv[1:4]


def check(holds, otherwise):
    if not holds:
        raise AssertionError(otherwise)


def until(what, holds):
    end = time.monotonic() + WAIT_MAX_S
    while not holds():
        check(time.monotonic() < end, f"never came true: {what}")
        time.sleep(0.05)


@functools.cache  # an AdminClient that is collected takes its pending futures with it
def admin():
    return AdminClient({"bootstrap.servers": BOOTSTRAP})


def create(topic, partitions):
    for future in admin().create_topics([NewTopic(topic, partitions)]).values():
        future.result()


def consumer(group, **more):
    conf = {"bootstrap.servers": BOOTSTRAP, "group.id": group, "auto.offset.reset": "earliest"}
    conf.update({k.replace("_", "."): v for k, v in more.items()})
    return Consumer(conf)


def take(c, count):
    got, end = [], time.monotonic() + WAIT_MAX_S
    while len(got) < count:
        check(time.monotonic() < end, f"only {len(got)} of {count} records came")
        for m in c.consume(count - len(got), 0.2):
            check(m.error() is None, f"consuming: {m.error()}")
            got.append(m)
    return got


def produce(topic, count, partition=None, **conf):
    """Produces and returns the offsets by partition, in the order of their acknowledgement."""
    offsets, failed = {}, []

    def on_delivery(err, m):
        if err:
            failed.append(err)
        else:
            offsets.setdefault(m.partition(), []).append(m.offset())

    p = Producer({"bootstrap.servers": BOOTSTRAP, **{k.replace("_", "."): v for k, v in conf.items()}})
    for i in range(count):
        where = {} if partition is None else {"partition": partition}
        p.produce(topic, key=f"k{i}", value=f"value {i} " * 20, on_delivery=on_delivery, **where)
        p.poll(0)
    check(p.flush(WAIT_MAX_S) == 0 and not failed, f"not delivered: {failed[:3]}")
    return offsets


def codecs():
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        for idempotence in (False, True):  # librdkafka's default is without
            topic = f"{NAME}-{codec}-{idempotence}"
            create(topic, 2)
            for partition, offsets in produce(topic, 300, compression_type=codec, enable_idempotence=idempotence).items():
                check(offsets == list(range(len(offsets))), f"{codec}: offsets of partition {partition}: {offsets[:10]}")
            c = consumer(topic)
            c.subscribe([topic])
            got = {m.key().decode(): m.value().decode() for m in take(c, 300)}
            check(got == {f"k{i}": f"value {i} " * 20 for i in range(300)}, f"{codec}: other records came back")
            c.close()


class Member:
    """A group member that polls on its own thread until it is closed."""

    def __init__(self, **more):
        self.count, self.failed, self.stop = 0, None, threading.Event()
        self.thread = threading.Thread(target=self.run, args=(more,))
        self.thread.start()

    def run(self, more):
        try:
            c = consumer(NAME, **more)
            c.subscribe([NAME])
            while not self.stop.is_set():
                m = c.poll(0.1)
                check(m is None or m.error() is None, f"polling: {m and m.error()}")
                self.count = len(c.assignment())
            c.close()
        except BaseException as e:
            self.failed = e

    def has(self, count):
        if self.failed:
            raise self.failed
        return self.count == count

    def close(self):
        self.stop.set()
        self.thread.join()
        self.has(0)


def rebalance():
    create(NAME, 4)
    for strategy in ("range,roundrobin", "cooperative-sticky"):
        one = Member(partition_assignment_strategy=strategy)
        until("one has all", lambda: one.has(4))
        two = Member(partition_assignment_strategy=strategy)
        until("two each", lambda: one.has(2) and two.has(2))
        two.close()
        until("one has all again", lambda: one.has(4))
        one.close()


def commit():
    create(NAME, 1)
    produce(NAME, 100)
    c = consumer(NAME, enable_auto_commit=False)
    c.subscribe([NAME])
    take(c, 50)
    c.commit(offsets=[TopicPartition(NAME, 0, 50, metadata="half")], asynchronous=False)
    done = c.committed([TopicPartition(NAME, 0)], timeout=10)[0]
    check(done.offset == 50 and done.metadata == "half", f"committed {done}")
    c.close()


def resume():
    c = consumer(NAME)
    c.subscribe([NAME])
    first = take(c, 50)[0].offset()
    check(first == 50, f"resumed at {first}, want 50")
    c.close()


def administer():
    a = admin()
    create(NAME, 2)
    try:
        create(NAME, 2)
        raise AssertionError("created twice")
    except KafkaException as e:
        check(e.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS, f"created twice: {e}")
    a.create_partitions([NewPartitions(NAME, 3)])[NAME].result()
    until("3 partitions", lambda: len(a.list_topics(NAME, timeout=10).topics[NAME].partitions) == 3)

    resource = ConfigResource(ResourceType.TOPIC, NAME)
    resource.add_incremental_config(ConfigEntry("retention.ms", "12345678", incremental_operation=AlterConfigOpType.SET))
    for future in a.incremental_alter_configs([resource]).values():
        future.result()
    describe = lambda: list(a.describe_configs([ConfigResource(ResourceType.TOPIC, NAME)]).values())[0].result()
    until("retention.ms is set", lambda: describe()["retention.ms"].value == "12345678")

    produce(NAME, 30, partition=0)
    tp = TopicPartition(NAME, 0)
    offset = lambda spec: list(a.list_offsets({tp: spec}).values())[0].result().offset
    check(offset(OffsetSpec.latest()) == 30, "latest")
    low = list(a.delete_records([TopicPartition(NAME, 0, 10)]).values())[0].result().low_watermark
    check(low == 10 and offset(OffsetSpec.earliest()) == 10, f"low watermark {low}, want 10")

    member = Member()
    until("a member", lambda: member.has(3))
    check(NAME in [g.group_id for g in a.list_consumer_groups().result().valid], "the group is not listed")
    described = a.describe_consumer_groups([NAME])[NAME].result()
    check(len(described.members) == 1, f"members {described.members}")
    member.close()
    until("empty", lambda: a.describe_consumer_groups([NAME])[NAME].result().state.name == "EMPTY")
    a.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(NAME, [TopicPartition(NAME, 0, 15)])])[NAME].result()
    listed = a.list_consumer_group_offsets([ConsumerGroupTopicPartitions(NAME, [tp])])[NAME].result()
    check(listed.topic_partitions[0].offset == 15, f"altered offsets {listed.topic_partitions}")
    a.delete_consumer_groups([NAME])[NAME].result()
    a.delete_topics([NAME])[NAME].result()
    until("it is gone", lambda: NAME not in a.list_topics(timeout=10).topics)


def transactions():
    """Either transactions work, or init_transactions ends with an error; it never retries without end."""
    create(NAME, 1)
    p = Producer({"bootstrap.servers": BOOTSTRAP, "transactional.id": NAME})
    try:
        p.init_transactions(20)
    except KafkaException as e:
        err = e.args[0]
        check(err.code() != KafkaError._TIMED_OUT and not err.retriable(), f"retried until it timed out: {err}")
        print("refused:", err)
        return
    p.begin_transaction()
    p.produce(NAME, value="v")
    p.commit_transaction(20)


CASES = {f.__name__: f for f in (codecs, rebalance, commit, resume, administer, transactions)}
CASES[CASE]()
print("ok")
