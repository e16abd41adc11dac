create t
----
OK partitions=1
  -> TopicCreated

# In order; a duplicate is answered with its first offset, also after others, and also within one segment.
commit t:0:7/0/0+5 t:0:7/0/5+5 t:0:7/0/0+5
----
OK
  t:0:7/0/0+5 OK base=0 start=0
  t:0:7/0/5+5 OK base=5 start=0
  t:0:7/0/0+5 OK base=0 start=0
  -> SegmentCommitted

commit t:0+100 t:0:7/0/10+5
----
OK
  t:0+100 OK base=10 start=0
  t:0:7/0/10+5 OK base=110 start=0
  -> SegmentCommitted

commit t:0:7/0/5+5
----
OK
  t:0:7/0/5+5 OK base=5 start=0
  -> SegmentCommitted

show t
----
t []
  0: 0 to 115 epoch 1: [0,10) in 1 at 16+200 [10,115) in 2 at 16+200 producer 7/0 next 15

# A gap, a batch that overlaps, one that repeats half.
commit t:0:7/0/20+5
----
OK
  t:0:7/0/20+5 OUT_OF_ORDER_SEQUENCE_NUMBER base=-1 start=0
  -> SegmentCommitted

commit t:0:7/0/12+5
----
OK
  t:0:7/0/12+5 OUT_OF_ORDER_SEQUENCE_NUMBER base=-1 start=0
  -> SegmentCommitted

commit t:0:7/0/10+3
----
OK
  t:0:7/0/10+3 OUT_OF_ORDER_SEQUENCE_NUMBER base=-1 start=0
  -> SegmentCommitted

# Ten batches are remembered, the eleventh-last is not.
commit t:0:7/0/15+1 t:0:7/0/16+1 t:0:7/0/17+1 t:0:7/0/18+1 t:0:7/0/19+1 t:0:7/0/20+1 t:0:7/0/21+1 t:0:7/0/22+1
----
OK
  t:0:7/0/15+1 OK base=115 start=0
  t:0:7/0/16+1 OK base=116 start=0
  t:0:7/0/17+1 OK base=117 start=0
  t:0:7/0/18+1 OK base=118 start=0
  t:0:7/0/19+1 OK base=119 start=0
  t:0:7/0/20+1 OK base=120 start=0
  t:0:7/0/21+1 OK base=121 start=0
  t:0:7/0/22+1 OK base=122 start=0
  -> SegmentCommitted

commit t:0:7/0/5+5
----
OK
  t:0:7/0/5+5 OK base=5 start=0
  -> SegmentCommitted

commit t:0:7/0/0+5
----
OK
  t:0:7/0/0+5 OUT_OF_ORDER_SEQUENCE_NUMBER base=-1 start=0
  -> SegmentCommitted

# A new epoch begins at 0 and fences the old.
commit t:0:7/1/5+1
----
OK
  t:0:7/1/5+1 OUT_OF_ORDER_SEQUENCE_NUMBER base=-1 start=0
  -> SegmentCommitted

commit t:0:7/1/0+2
----
OK
  t:0:7/1/0+2 OK base=123 start=0
  -> SegmentCommitted

commit t:0:7/0/23+1
----
OK
  t:0:7/0/23+1 INVALID_PRODUCER_EPOCH base=-1 start=0
  -> SegmentCommitted

commit t:0:7/1/0+2 t:0:7/1/2+1
----
OK
  t:0:7/1/0+2 OK base=123 start=0
  t:0:7/1/2+1 OK base=125 start=0
  -> SegmentCommitted

# Sequences go from 2147483647 to 0, inside a batch and between two.
commit t:0:9/0/2147483646+2 t:0:9/0/0+1
----
OK
  t:0:9/0/2147483646+2 OK base=126 start=0
  t:0:9/0/0+1 OK base=128 start=0
  -> SegmentCommitted

commit t:0:9/0/2147483646+2 t:0:9/0/0+1
----
OK
  t:0:9/0/2147483646+2 OK base=126 start=0
  t:0:9/0/0+1 OK base=128 start=0
  -> SegmentCommitted

commit t:0:10/0/2147483646+4 t:0:10/0/2+1
----
OK
  t:0:10/0/2147483646+4 OK base=129 start=0
  t:0:10/0/2+1 OK base=133 start=0
  -> SegmentCommitted

commit t:0:10/0/2146483646+1 t:0:10/0/2147483646+4
----
OK
  t:0:10/0/2146483646+1 OUT_OF_ORDER_SEQUENCE_NUMBER base=-1 start=0
  t:0:10/0/2147483646+4 OK base=129 start=0
  -> SegmentCommitted

# An unknown producer may begin anywhere, as in Kafka; never below 0.
commit t:0:11/3/500+1
----
OK
  t:0:11/3/500+1 OK base=134 start=0
  -> SegmentCommitted

commit t:0:12/0/-1+1
----
OK
  t:0:12/0/-1+1 CORRUPT_MESSAGE base=-1 start=0
  -> SegmentCommitted

# A refusal in the middle does not stop what follows of other producers.
commit t:0:7/1/9+1 t:0:20/0/0+1 t:0:7/1/3+1
----
OK
  t:0:7/1/9+1 OUT_OF_ORDER_SEQUENCE_NUMBER base=-1 start=0
  t:0:20/0/0+1 OK base=135 start=0
  t:0:7/1/3+1 OK base=136 start=0
  -> SegmentCommitted

show t
----
t []
  0: 0 to 137 epoch 1: [0,10) in 1 at 16+200 [10,115) in 2 at 16+200 [115,123) in 7 at 16+800 [123,125) in 11 at 16+100 [125,126) in 13 at 116+100 [126,129) in 14 at 16+200 [129,134) in 16 at 16+200 [134,135) in 18 at 16+100 [135,137) in 20 at 116+200 producer 7/1 next 4 producer 9/0 next 1 producer 10/0 next 3 producer 11/3 next 501 producer 20/0 next 1

# Producers go when they were silent for producer.id.expiration.ms, a day, whatever the proposer thinks.
wait 1000
----
now 10001000

commit t:0:20/0/1+1
----
OK
  t:0:20/0/1+1 OK base=137 start=0
  -> SegmentCommitted

expire t:0 after=1
----
OK

wait 86399500
----
now 96400500

expire t:0 after=5
----
OK
  -> ProducersExpired

show t
----
t []
  0: 0 to 138 epoch 1: [0,10) in 1 at 16+200 [10,115) in 2 at 16+200 [115,123) in 7 at 16+800 [123,125) in 11 at 16+100 [125,126) in 13 at 116+100 [126,129) in 14 at 16+200 [129,134) in 16 at 16+200 [134,135) in 18 at 16+100 [135,137) in 20 at 116+200 [137,138) in 21 at 16+100 producer 20/0 next 2

expire t:5 after=1
----
UNKNOWN_TOPIC_OR_PARTITION: topic 01000000000000000000000000000000 has no partition 5

expire t:0 after=9223372036854775807
----
OK

# Ids.
ids 3
----
OK first=1
  -> ProducerIDsAllocated

ids 1000
----
OK first=4
  -> ProducerIDsAllocated

ids 0
----
INVALID_REQUEST: 0 producer ids asked for, 1 to 1000 can be had at once first=0

ids 1001
----
INVALID_REQUEST: 1001 producer ids asked for, 1 to 1000 can be had at once first=0
