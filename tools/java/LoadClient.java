import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Apache Kafka's Java client with its default settings, at work until it is told to end. It writes a line of JSON for all
 * that it is told: compat/history says what is in them, compat/load starts it. Usage: LoadClient NAME=VALUE..., by the
 * names of the fields below. A line "flush" on the input ends the producers, the input's end ends the consumers.
 */
public final class LoadClient {
    private static final Duration POLL = Duration.ofMillis(100);
    private static final long COMMITTED = -1;
    private static final String CLIENT = "load.client"; // settings of an interceptor
    private static final String GROUP = "load.group";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Map<String, String> args = new HashMap<>();
    private final String topic;
    private final String group;
    private final int partitions;
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean writing = true;
    private volatile boolean reading = true;

    private LoadClient(String[] pairs) {
        for (String pair : pairs) {
            String[] parts = pair.split("=", 2);
            args.put(parts[0], parts[1]);
        }
        topic = args.get("topic");
        group = args.get("group");
        partitions = number("partitions");
    }

    public static void main(String[] pairs) throws Exception {
        LoadClient load = new LoadClient(pairs);
        load.start("producers", load::produce);
        load.start("readers", load::read);
        load.start("members", load::stay);
        load.start("restless", load::comeAndGo);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        while (input.readLine() != null) { // "flush" is all there is to say
            load.writing = false;
        }
        load.writing = false;
        load.reading = false;
        for (Thread thread : load.threads) {
            thread.join();
        }
    }

    private int number(String name) {
        return Integer.parseInt(args.get(name));
    }

    private interface Role {
        void run(String client) throws Exception;
    }

    /** Starts as many clients of a role as the arguments say. */
    private void start(String role, Role run) {
        for (int i = 0; i < number(role); i++) {
            String client = "java-" + role + "-" + i;
            Thread thread = new Thread(() -> {
                try {
                    run.run(client);
                } catch (Throwable t) {
                    error(client, t);
                }
            });
            threads.add(thread);
            thread.start();
        }
    }

    private void produce(String client) throws Exception {
        long sent = 0;
        long beatMs = number("beatMs");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(config(), new StringSerializer(), new StringSerializer())) {
            long next = System.currentTimeMillis();
            for (long operation = 0; writing; operation++) {
                for (int i = 0; i < number("batch"); i++, sent++) {
                    for (int p = 0; p < partitions; p++) {
                        send(producer, client, p, client + " " + operation + " " + sent);
                    }
                }
                next = Math.max(next + beatMs, System.currentTimeMillis());
                Thread.sleep(Math.max(0, next - System.currentTimeMillis()));
            }
            producer.flush();
        }
        Map<String, Object> end = event(client, "", "end");
        end.put("sent", sent);
        write(end);
    }

    private void send(KafkaProducer<String, String> producer, String client, int partition, String value) {
        producer.send(new ProducerRecord<>(topic, partition, null, value), (metadata, exception) -> {
            if (exception != null) {
                error(client, exception);
                return;
            }
            tell(client, "", "ack", List.of(record(partition, metadata.offset(), value)));
        });
    }

    private void read(String client) throws Exception {
        List<TopicPartition> all = new ArrayList<>();
        for (int p = 0; p < partitions; p++) {
            all.add(new TopicPartition(topic, p));
        }
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config(), new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(all);
            consumer.seekToBeginning(all);
            tell(client, "", "assign", places(all, 0));
            while (reading) {
                poll(consumer, client, "");
            }
        }
        write(event(client, "", "end"));
    }

    private void stay(String client) throws Exception {
        member(client, Long.MAX_VALUE);
    }

    // Each life is a client of its own.
    private void comeAndGo(String client) throws Exception {
        for (int life = 0; reading; life++) {
            member(client + "." + life, System.currentTimeMillis() + number("stayMs"));
            for (long end = System.currentTimeMillis() + number("awayMs"); reading && System.currentTimeMillis() < end; ) {
                Thread.sleep(POLL.toMillis());
            }
        }
    }

    private void member(String client, long until) throws Exception {
        Map<String, Object> config = config();
        config.put("group.id", group);
        config.put("auto.offset.reset", "earliest");
        if (number("sessionMs") > 0) {
            config.put("session.timeout.ms", number("sessionMs"));
        }
        config.put("interceptor.classes", Commits.class.getName());
        config.put(CLIENT, client);
        config.put(GROUP, group);
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic), new Rebalances(client));
            while (reading && System.currentTimeMillis() < until) {
                poll(consumer, client, group);
            }
        }
        write(event(client, group, "end"));
    }

    private void poll(KafkaConsumer<String, String> consumer, String client, String group) {
        ConsumerRecords<String, String> got = consumer.poll(POLL);
        if (got.isEmpty()) {
            return;
        }
        List<Map<String, Object>> records = new ArrayList<>();
        for (ConsumerRecord<String, String> r : got) {
            records.add(record(r.partition(), r.offset(), r.value()));
        }
        tell(client, group, "poll", records);
    }

    private Map<String, Object> config() {
        return new HashMap<>(Map.of("bootstrap.servers", args.get("bootstrap")));
    }

    private final class Rebalances implements ConsumerRebalanceListener {
        private final String client;

        Rebalances(String client) {
            this.client = client;
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> given) {
            tell(client, group, "assign", places(given, COMMITTED));
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> taken) {
            tell(client, group, "revoke", places(taken, 0));
        }
    }

    /** Tells of commits that were acknowledged. */
    public static final class Commits implements ConsumerInterceptor<String, String> {
        private String client;
        private String group;

        @Override
        public void configure(Map<String, ?> config) {
            client = (String) config.get(CLIENT);
            group = (String) config.get(GROUP);
        }

        @Override
        public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
            List<Map<String, Object>> places = new ArrayList<>();
            offsets.forEach((tp, at) -> places.add(record(tp.partition(), at.offset(), null)));
            tell(client, group, "commit", places);
        }

        @Override
        public ConsumerRecords<String, String> onConsume(ConsumerRecords<String, String> records) {
            return records;
        }

        @Override
        public void close() {
        }
    }

    private static List<Map<String, Object>> places(Collection<TopicPartition> of, long offset) {
        List<Map<String, Object>> places = new ArrayList<>();
        of.forEach(tp -> places.add(record(tp.partition(), offset, null)));
        return places;
    }

    private static Map<String, Object> record(int partition, long offset, String value) {
        Map<String, Object> r = new LinkedHashMap<>();
        r.put("p", partition);
        r.put("o", offset);
        if (value != null) {
            r.put("v", value);
        }
        return r;
    }

    // The client repeats by itself what may be repeated; what reaches its user it has given up.
    private static void error(String client, Throwable t) {
        Map<String, Object> e = event(client, "", "error");
        e.put("text", t.toString());
        e.put("fatal", true);
        write(e);
    }

    private static void tell(String client, String group, String kind, List<Map<String, Object>> records) {
        if (records.isEmpty()) {
            return;
        }
        Map<String, Object> e = event(client, group, kind);
        e.put("records", records);
        write(e);
    }

    private static Map<String, Object> event(String client, String group, String kind) {
        Map<String, Object> e = new LinkedHashMap<>();
        e.put("at", ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now()));
        e.put("client", client);
        e.put("group", group);
        e.put("kind", kind);
        return e;
    }

    private static void write(Map<String, Object> event) {
        try {
            String line = JSON.writeValueAsString(event) + "\n";
            synchronized (System.out) {
                System.out.print(line);
                System.out.flush();
            }
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
