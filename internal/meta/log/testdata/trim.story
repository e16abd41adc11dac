create t
----
OK partitions=1
  -> TopicCreated

commit t:0+5
----
OK
  t:0+5 OK base=0 start=0
  -> SegmentCommitted

commit t:0+5
----
OK
  t:0+5 OK base=5 start=0
  -> SegmentCommitted

commit t:0+5
----
OK
  t:0+5 OK base=10 start=0
  -> SegmentCommitted

# The start moves; an extent stays while any of its records does.
delete-records t:0 to=7
----
OK start=7
  -> Trimmed

show t
----
t []
  0: 7 to 15 epoch 1: [5,10) in 2 at 16+100 [10,15) in 3 at 16+100

files
----
1: 100000 bytes, 0 references, released 10000000
2: 100000 bytes, 1 references, released -1
3: 100000 bytes, 1 references, released -1

delete-records t:0 to=3
----
OK start=7

delete-records t:0 to=16
----
OFFSET_OUT_OF_RANGE: offset 16 of t-0 is not between 0 and the high watermark 15 start=0

delete-records t:0 to=-2
----
OFFSET_OUT_OF_RANGE: offset -2 of t-0 is not between 0 and the high watermark 15 start=0

delete-records t:1 to=0
----
UNKNOWN_TOPIC_OR_PARTITION: topic 01000000000000000000000000000000 has no partition 1 start=0

delete-records nowhere:0 to=0
----
UNKNOWN_TOPIC_OR_PARTITION: topic ff000000000000000000000000000000 has no partition 0 start=0

# -1 is the high watermark; the log goes on from there.
delete-records t:0 to=-1
----
OK start=15
  -> Trimmed

show t
----
t []
  0: 15 to 15 epoch 1:

files
----
1: 100000 bytes, 0 references, released 10000000
2: 100000 bytes, 0 references, released 10000000
3: 100000 bytes, 0 references, released 10000000

commit t:0+2
----
OK
  t:0+2 OK base=15 start=15
  -> SegmentCommitted

show t
----
t []
  0: 15 to 17 epoch 1: [15,17) in 4 at 16+100

# A compacted topic's records are not deleted.
create c cleanup.policy:compact
----
OK partitions=1
  -> TopicCreated

commit c:0+5
----
OK
  c:0+5 OK base=0 start=0
  -> SegmentCommitted

delete-records c:0 to=1
----
POLICY_VIOLATION: Records of partition c-0 can not be deleted due to the configured policy start=0

retain c:0 to=5
----
OK start=0

# Retention checks config and clock again, whatever is asked.
create r retention.ms:1000 retention.bytes:250
----
OK partitions=1
  -> TopicCreated

commit r:0+5
----
OK
  r:0+5 OK base=0 start=0
  -> SegmentCommitted

wait 500
----
now 10000500

commit r:0+5
----
OK
  r:0+5 OK base=5 start=0
  -> SegmentCommitted

wait 600
----
now 10001100

commit r:0+5
----
OK
  r:0+5 OK base=10 start=0
  -> SegmentCommitted

retain r:0 to=15
----
OK start=5
  -> Trimmed

wait 900
----
now 10002000

retain r:0 to=7
----
OK start=7
  -> Trimmed

show r
----
r [{retention.bytes 250} {retention.ms 1000}]
  0: 7 to 15 epoch 1: [5,10) in 7 at 16+100 [10,15) in 8 at 16+100

commit r:0+1
----
OK
  r:0+1 OK base=15 start=7
  -> SegmentCommitted

commit r:0+1
----
OK
  r:0+1 OK base=16 start=7
  -> SegmentCommitted

commit r:0+1
----
OK
  r:0+1 OK base=17 start=7
  -> SegmentCommitted

retain r:0 to=100
----
OK start=15
  -> Trimmed

show r
----
r [{retention.bytes 250} {retention.ms 1000}]
  0: 15 to 18 epoch 1: [15,16) in 9 at 16+100 [16,17) in 10 at 16+100 [17,18) in 11 at 16+100

retain r:5 to=1
----
UNKNOWN_TOPIC_OR_PARTITION: topic 03000000000000000000000000000000 has no partition 5 start=0

# Far timestamps do not overflow into the past; records without one are as old as the next that has one.
create far retention.ms:1000
----
OK partitions=1
  -> TopicCreated

commit ts=9223372036854775807 far:0+1
----
OK
  far:0+1 OK base=0 start=0
  -> SegmentCommitted

retain far:0 to=1
----
OK start=0

create none retention.ms:1000
----
OK partitions=1
  -> TopicCreated

commit ts=-1 none:0+1
----
OK
  none:0+1 OK base=0 start=0
  -> SegmentCommitted

wait 5000
----
now 10007000

retain none:0 to=1
----
OK start=0

commit none:0+1
----
OK
  none:0+1 OK base=1 start=0
  -> SegmentCommitted

retain none:0 to=1
----
OK start=0

wait 5000
----
now 10012000

retain none:0 to=2
----
OK start=2
  -> Trimmed
