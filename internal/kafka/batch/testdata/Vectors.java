import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.Arrays;
import org.apache.kafka.common.compress.*;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.*;
import org.apache.kafka.common.record.internal.*;

/**
 * Writes the batches java-*.batch beside this file with Apache Kafka's own client classes (4.4.0):
 * 300 records each, at timestamps 1000 + i, keys "key-i" (null for every seventh), values "value i " repeated 1 + i % 9
 * times, one header on every fifth; of producer 9, epoch 3, base sequence 17. Then reads go-*.batch, if there are any,
 * and prints what Kafka makes of them.
 *
 *   java -cp 'kafka-clients-4.4.0.jar:snappy-java.jar:lz4-java.jar:zstd-jni.jar:slf4j-api.jar' Vectors.java DIRECTORY
 */
public class Vectors {
    public static void main(String[] args) throws Exception {
        Path dir = Paths.get(args[0]);
        write(dir, "none", Compression.NONE);
        write(dir, "gzip", Compression.gzip().build());
        write(dir, "snappy", Compression.snappy().build());
        write(dir, "lz4", Compression.lz4().build());
        write(dir, "zstd", Compression.zstd().build());
        write(dir, "zstd-22", Compression.zstd().level(22).build());
        try (DirectoryStream<Path> found = Files.newDirectoryStream(dir, "go-*.batch")) {
            for (Path p : found)
                read(p);
        }
    }

    static void write(Path dir, String name, Compression compression) throws Exception {
        MemoryRecordsBuilder b = MemoryRecords.builder(ByteBuffer.allocate(1 << 20), (byte) 2, compression,
            TimestampType.CREATE_TIME, 0L, -1L, 9L, (short) 3, 17, false, -1);
        for (int i = 0; i < 300; i++) {
            byte[] key = i % 7 == 0 ? null : ("key-" + i).getBytes(StandardCharsets.UTF_8);
            byte[] value = ("value " + i + " ").repeat(1 + i % 9).getBytes(StandardCharsets.UTF_8);
            Header[] headers = i % 5 == 0 ? new Header[] {new RecordHeader("h", "v".getBytes())} : new Header[0];
            b.append(1000L + i, key, value, headers);
        }
        ByteBuffer out = b.build().buffer();
        byte[] bytes = new byte[out.remaining()];
        out.get(bytes);
        Files.write(dir.resolve("java-" + name + ".batch"), bytes);
    }

    static void read(Path p) throws Exception {
        MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(Files.readAllBytes(p)));
        for (MutableRecordBatch batch : records.batches()) {
            batch.ensureValid();
            int n = 0;
            long bytes = 0;
            for (org.apache.kafka.common.record.internal.Record r : batch) {
                n++;
                bytes += r.keySize() + r.valueSize();
            }
            System.out.println(p.getFileName() + ": " + batch + ", records " + n + ", bytes " + bytes);
        }
    }
}
