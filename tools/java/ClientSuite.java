import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Apache Kafka's Java client with its default settings. Usage: ClientSuite CASE BOOTSTRAP NAME, where NAME is a topic
 * (and group) name that is free. Ends with 0 if all went as expected; otherwise the stack trace tells what did not.
 */
public final class ClientSuite {
    private static final Duration POLL = Duration.ofMillis(100);
    private static final long WAIT_MAX_MS = 45_000;

    private final String bootstrap;
    private final String name;

    private ClientSuite(String bootstrap, String name) {
        this.bootstrap = bootstrap;
        this.name = name;
    }

    public static void main(String[] args) throws Exception {
        ClientSuite suite = new ClientSuite(args[1], args[2]);
        switch (args[0]) {
            case "codecs" -> suite.codecs();
            case "rebalance" -> suite.rebalance();
            case "commit" -> suite.commit();
            case "resume" -> suite.resume();
            case "admin" -> suite.admin();
            case "positions" -> suite.positions();
            case "transactions" -> suite.transactions();
            default -> throw new IllegalArgumentException(args[0]);
        }
        System.out.println("ok");
        System.exit(0);
    }

    // Produces under every codec, idempotent by default, and reads it back.
    private void codecs() throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            String topic = name + "-" + codec;
            create(topic, 2);
            Map<Integer, Long> last = new HashMap<>();
            try (KafkaProducer<String, String> producer = producer(Map.of(ProducerConfig.COMPRESSION_TYPE_CONFIG, codec))) {
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                for (int i = 0; i < 500; i++) {
                    sent.add(producer.send(new ProducerRecord<>(topic, "k" + i, ("value " + i).repeat(20))));
                }
                for (Future<RecordMetadata> f : sent) {
                    RecordMetadata m = f.get();
                    long before = last.getOrDefault(m.partition(), -1L);
                    check(m.offset() == before + 1, codec + ": offset " + m.offset() + " after " + before);
                    last.put(m.partition(), m.offset());
                }
            }
            try (KafkaConsumer<String, String> consumer = consumer(topic, Map.of())) {
                consumer.subscribe(List.of(topic));
                Set<String> keys = new TreeSet<>();
                for (ConsumerRecord<String, String> r : take(consumer, 500)) {
                    keys.add(r.key());
                    check(r.value().equals(("value " + r.key().substring(1)).repeat(20)), codec + ": wrong value of " + r.key());
                }
                check(keys.size() == 500, codec + ": " + keys.size() + " keys, want 500");
            }
        }
    }

    /** A member that polls on its own thread until it is closed. */
    private final class Member implements AutoCloseable {
        private final AtomicBoolean stop = new AtomicBoolean();
        private final AtomicReference<Set<TopicPartition>> has = new AtomicReference<>(Set.of());
        private final AtomicReference<Throwable> failed = new AtomicReference<>();
        private final Thread thread;

        Member(Map<String, Object> more) {
            thread = new Thread(() -> {
                try (KafkaConsumer<String, String> consumer = consumer(name, more)) {
                    consumer.subscribe(List.of(name));
                    while (!stop.get()) {
                        consumer.poll(POLL);
                        has.set(consumer.assignment());
                    }
                } catch (Throwable t) {
                    failed.set(t);
                }
            });
            thread.start();
        }

        int count() {
            if (failed.get() != null) {
                throw new AssertionError("a member failed", failed.get());
            }
            return has.get().size();
        }

        @Override
        public void close() throws Exception {
            stop.set(true);
            thread.join();
            count();
        }
    }

    // Two members share, one takes over; with the default assignors, and with the cooperative one.
    private void rebalance() throws Exception {
        create(name, 4);
        for (String assignor : List.of("", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor")) {
            Map<String, Object> more = assignor.isEmpty()
                ? Map.of() : Map.of(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, assignor);
            try (Member one = new Member(more)) {
                until("one has all", () -> one.count() == 4);
                try (Member two = new Member(more)) {
                    until("two each", () -> one.count() == 2 && two.count() == 2);
                }
                until("one has all again", () -> one.count() == 4);
            }
        }
    }

    // Reads half and commits; "resume" goes on there, after whatever restarted in between.
    private void commit() throws Exception {
        create(name, 1);
        fill(100);
        try (KafkaConsumer<String, String> consumer = consumer(name, Map.of(
                ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false", ConsumerConfig.MAX_POLL_RECORDS_CONFIG, "50"))) {
            consumer.subscribe(List.of(name));
            take(consumer, 50);
            TopicPartition tp = new TopicPartition(name, 0);
            consumer.commitSync(Map.of(tp, new OffsetAndMetadata(50, "half")));
            check(consumer.committed(Set.of(tp)).get(tp).metadata().equals("half"), "metadata of a commit is lost");
        }
    }

    private void resume() throws Exception {
        try (KafkaConsumer<String, String> consumer = consumer(name, Map.of())) {
            consumer.subscribe(List.of(name));
            List<ConsumerRecord<String, String>> got = take(consumer, 50);
            check(got.get(0).offset() == 50, "resumed at " + got.get(0).offset() + ", want 50");
        }
    }

    private void positions() throws Exception {
        create(name, 1);
        TopicPartition tp = new TopicPartition(name, 0);
        try (KafkaProducer<String, String> producer = producer(Map.of())) {
            for (int i = 0; i < 20; i++) {
                producer.send(new ProducerRecord<>(name, 0, 1_700_000_000_000L + i, "k", "v" + i)).get();
            }
        }
        try (KafkaConsumer<String, String> consumer = consumer(name, Map.of())) {
            check(consumer.beginningOffsets(Set.of(tp)).get(tp) == 0, "beginning offset");
            check(consumer.endOffsets(Set.of(tp)).get(tp) == 20, "end offset");
            OffsetAndTimestamp at = consumer.offsetsForTimes(Map.of(tp, 1_700_000_000_007L)).get(tp);
            check(at.offset() == 7 && at.timestamp() == 1_700_000_000_007L, "offset by time: " + at);
            check(consumer.offsetsForTimes(Map.of(tp, 1_800_000_000_000L)).get(tp) == null, "an offset of the future");
            check(consumer.partitionsFor(name).size() == 1, "partitionsFor");
            check(consumer.listTopics().containsKey(name), "listTopics");
            consumer.assign(Set.of(tp));
            consumer.seek(tp, 13);
            check(take(consumer, 1).get(0).offset() == 13, "seek");
            consumer.seekToEnd(Set.of(tp));
            check(consumer.position(tp) == 20, "position at the end");
            check(consumer.currentLag(tp).orElse(0) == 0, "lag at the end");
        }
    }

    private void admin() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            topics(admin);
            configs(admin);
            offsets(admin);
            groups(admin);
        }
    }

    private void topics(Admin admin) throws Exception {
        check(!admin.describeCluster().nodes().get().isEmpty(), "no nodes");
        check(admin.describeCluster().controller().get() != null, "no controller");
        admin.createTopics(List.of(new NewTopic(name, 2, (short) -1))).all().get();
        expect(TopicExistsException.class, () -> admin.createTopics(List.of(new NewTopic(name, 2, (short) -1))).all().get());
        expect(InvalidTopicException.class, () -> admin.createTopics(List.of(new NewTopic("a/b", 1, (short) -1))).all().get());
        admin.createPartitions(Map.of(name, NewPartitions.increaseTo(3))).all().get();
        until("3 partitions", () -> describe(admin).partitions().size() == 3);
        TopicDescription d = describe(admin);
        check(admin.describeTopics(org.apache.kafka.common.TopicCollection.ofTopicIds(List.of(d.topicId())))
            .allTopicIds().get().get(d.topicId()).name().equals(name), "describe by id");
        expect(UnknownTopicOrPartitionException.class, () -> admin.describeTopics(List.of(name + "-unknown")).allTopicNames().get());
        expect(UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of(name + "-unknown")).all().get());
        admin.createTopics(List.of(new NewTopic(name + "-gone", 1, (short) -1))).all().get();
        admin.deleteTopics(List.of(name + "-gone")).all().get();
        until("it is gone", () -> !admin.listTopics().names().get().contains(name + "-gone"));
    }

    private TopicDescription describe(Admin admin) throws Exception {
        return admin.describeTopics(List.of(name)).allTopicNames().get().get(name);
    }

    private void configs(Admin admin) throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, name);
        admin.incrementalAlterConfigs(Map.of(topic, List.of(
            new AlterConfigOp(new ConfigEntry("retention.ms", "12345678"), AlterConfigOp.OpType.SET)))).all().get();
        until("retention.ms is set", () -> {
            Config c = admin.describeConfigs(Set.of(topic)).all().get().get(topic);
            ConfigEntry e = c.get("retention.ms");
            return e.value().equals("12345678") && e.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG;
        });
        expect(InvalidConfigurationException.class, () -> admin.incrementalAlterConfigs(Map.of(topic, List.of(
            new AlterConfigOp(new ConfigEntry("retention.ms", "soon"), AlterConfigOp.OpType.SET)))).all().get());
        admin.incrementalAlterConfigs(Map.of(topic, List.of(
            new AlterConfigOp(new ConfigEntry("retention.ms", ""), AlterConfigOp.OpType.DELETE)))).all().get();
        until("retention.ms is the default", () ->
            admin.describeConfigs(Set.of(topic)).all().get().get(topic).get("retention.ms").isDefault());
    }

    private void offsets(Admin admin) throws Exception {
        fill(30);
        TopicPartition tp = new TopicPartition(name, 0);
        check(admin.listOffsets(Map.of(tp, OffsetSpec.latest())).partitionResult(tp).get().offset() == 30, "latest");
        check(admin.listOffsets(Map.of(tp, OffsetSpec.earliest())).partitionResult(tp).get().offset() == 0, "earliest");
        check(admin.listOffsets(Map.of(tp, OffsetSpec.maxTimestamp())).partitionResult(tp).get().timestamp() > 0, "max timestamp");
        check(admin.listOffsets(Map.of(tp, OffsetSpec.forTimestamp(1))).partitionResult(tp).get().offset() == 0, "by time");
        long low = admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(10))).lowWatermarks().get(tp).get().lowWatermark();
        check(low == 10, "low watermark " + low + ", want 10");
        check(admin.listOffsets(Map.of(tp, OffsetSpec.earliest())).partitionResult(tp).get().offset() == 10, "earliest after it");
    }

    private void groups(Admin admin) throws Exception {
        TopicPartition tp = new TopicPartition(name, 0);
        try (Member member = new Member(Map.of())) {
            until("a member", () -> member.count() == 3);
            until("stable", () -> group(admin).groupState() == GroupState.STABLE);
            check(group(admin).members().size() == 1, "members " + group(admin).members());
            check(admin.listGroups().all().get().stream().anyMatch(g -> g.groupId().equals(name)), "the group is not listed");
        }
        until("empty", () -> group(admin).groupState() == GroupState.EMPTY);
        admin.alterConsumerGroupOffsets(name, Map.of(tp, new OffsetAndMetadata(15))).all().get();
        check(admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get().get(tp).offset() == 15, "altered offset");
        admin.deleteConsumerGroupOffsets(name, Set.of(tp)).all().get();
        check(!admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get().containsKey(tp), "deleted offset");
        admin.deleteConsumerGroups(List.of(name)).all().get();
        expect(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroups(List.of(name)).all().get());
    }

    private ConsumerGroupDescription group(Admin admin) throws Exception {
        return admin.describeConsumerGroups(List.of(name)).all().get().get(name);
    }

    // Either transactions work, or initTransactions ends with an error; it never retries without end.
    private void transactions() throws Exception {
        create(name, 1);
        try (KafkaProducer<String, String> producer = producer(Map.of(ProducerConfig.TRANSACTIONAL_ID_CONFIG, name,
                ProducerConfig.MAX_BLOCK_MS_CONFIG, "30000"))) {
            long began = System.currentTimeMillis();
            try {
                producer.initTransactions();
            } catch (org.apache.kafka.common.errors.TimeoutException e) {
                throw new AssertionError("initTransactions was retried until it timed out", e);
            } catch (org.apache.kafka.common.KafkaException e) {
                check(System.currentTimeMillis() - began < 15_000, "the refusal came late");
                System.out.println("refused: " + e);
                return;
            }
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(name, "k", "v")).get();
            producer.commitTransaction();
        }
    }

    /** Creates a topic that keeps everything: some records here are years old. */
    private void create(String topic, int partitions) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            NewTopic wanted = new NewTopic(topic, partitions, (short) -1).configs(Map.of("retention.ms", "-1"));
            admin.createTopics(List.of(wanted)).all().get();
        }
    }

    private void fill(int count) throws Exception {
        try (KafkaProducer<String, String> producer = producer(Map.of())) {
            Future<RecordMetadata> last = null;
            for (int i = 0; i < count; i++) {
                last = producer.send(new ProducerRecord<>(name, 0, "k" + i, "v" + i));
            }
            last.get();
        }
    }

    private KafkaProducer<String, String> producer(Map<String, Object> more) {
        Properties p = new Properties();
        p.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        p.putAll(more);
        return new KafkaProducer<>(p, new StringSerializer(), new StringSerializer());
    }

    private KafkaConsumer<String, String> consumer(String group, Map<String, Object> more) {
        Properties p = new Properties();
        p.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        p.put(ConsumerConfig.GROUP_ID_CONFIG, group);
        p.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        p.putAll(more);
        return new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
    }

    private static List<ConsumerRecord<String, String>> take(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> got = new ArrayList<>();
        long end = System.currentTimeMillis() + WAIT_MAX_MS;
        while (got.size() < count) {
            check(System.currentTimeMillis() < end, "only " + got.size() + " of " + count + " records came");
            consumer.poll(POLL).forEach(got::add);
        }
        return got;
    }

    private interface Step {
        void run() throws Exception;
    }

    private interface Condition {
        boolean holds() throws Exception;
    }

    private static void expect(Class<? extends Exception> want, Step step) throws Exception {
        try {
            step.run();
        } catch (ExecutionException e) {
            check(want.isInstance(e.getCause()), "got " + e.getCause() + ", want " + want.getSimpleName());
            return;
        }
        throw new AssertionError("succeeded, want " + want.getSimpleName());
    }

    private static void until(String what, Condition condition) throws Exception {
        long end = System.currentTimeMillis() + WAIT_MAX_MS;
        while (!condition.holds()) {
            check(System.currentTimeMillis() < end, "never came true: " + what);
            Thread.sleep(50);
        }
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }
}
