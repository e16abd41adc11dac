create t partitions=2
----
OK partitions=2
  -> TopicCreated

create u
----
OK partitions=1
  -> TopicCreated

# Batches of one partition that lie side by side are one extent; each batch is judged by itself.
commit t:0+5 t:0+3 t:1+1 t:0+2 u:0+4
----
OK
  t:0+5 OK base=0 start=0
  t:0+3 OK base=5 start=0
  t:1+1 OK base=0 start=0
  t:0+2 OK base=8 start=0
  u:0+4 OK base=0 start=0
  -> SegmentCommitted

show t
----
t []
  0: 0 to 10 epoch 1: [0,8) in 1 at 16+200 [8,10) in 1 at 316+100
  1: 0 to 1 epoch 1: [0,1) in 1 at 216+100

files
----
1: 100000 bytes, 4 references, released -1

# A deleted topic fails only its own batches, and lets go of its files.
delete u
----
OK
  -> TopicDeleted

commit u:0+1 t:0+1 t:2+1 t:-1+1
----
OK
  u:0+1 UNKNOWN_TOPIC_OR_PARTITION base=-1 start=-1
  t:0+1 OK base=10 start=0
  t:2+1 UNKNOWN_TOPIC_OR_PARTITION base=-1 start=-1
  t:-1+1 UNKNOWN_TOPIC_OR_PARTITION base=-1 start=-1
  -> SegmentCommitted

show t
----
t []
  0: 0 to 11 epoch 1: [0,8) in 1 at 16+200 [8,10) in 1 at 316+100 [10,11) in 2 at 116+100
  1: 0 to 1 epoch 1: [0,1) in 1 at 216+100

files
----
1: 100000 bytes, 3 references, released -1
2: 100000 bytes, 1 references, released -1

# A re-created topic is another one.
create u
----
OK partitions=1
  -> TopicCreated

commit u':0+1 u:0+1
----
OK
  u':0+1 UNKNOWN_TOPIC_OR_PARTITION base=-1 start=-1
  u:0+1 OK base=0 start=0
  -> SegmentCommitted

# A file is committed once, and in time.
commit file=7 t:0+1
----
OK
  t:0+1 OK base=11 start=0
  -> SegmentCommitted

commit file=7 t:0+1
----
INVALID_REQUEST: segment 00000000000005712M29XGJS4K is committed already, or one with a like name is

commit age=1800000 t:0+1
----
OK
  t:0+1 OK base=12 start=0
  -> SegmentCommitted

commit file=100 age=1800001 t:0+1
----
REQUEST_TIMED_OUT: segment 0000000000000CVAWCEPWHGY1M was uploaded 1800 s before its commit, the most is 1800 s

# Batches must lie in their file and have records.
commit size=0 t:0+1
----
INVALID_REQUEST: segment 0000000000000F3EYDSFX57R58 is said to have 0 bytes

commit size=150 t:0+1 t:0+1
----
OK
  t:0+1 OK base=13 start=0
  t:0+1 CORRUPT_MESSAGE base=-1 start=0
  -> SegmentCommitted

commit t:0+0 t:0+-1 t:0+1
----
OK
  t:0+0 CORRUPT_MESSAGE base=-1 start=0
  t:0+-1 CORRUPT_MESSAGE base=-1 start=0
  t:0+1 OK base=14 start=0
  -> SegmentCommitted

commit pos=4294967290 size=9999999999 t:0+1
----
OK
  t:0+1 CORRUPT_MESSAGE base=-1 start=0
  -> SegmentCommitted

# A segment of which nothing was accepted is a file without references.
delete t
----
OK
  -> TopicDeleted

delete u
----
OK
  -> TopicDeleted

commit t:0+1
----
OK
  t:0+1 UNKNOWN_TOPIC_OR_PARTITION base=-1 start=-1
  -> SegmentCommitted

files
----
1: 100000 bytes, 0 references, released 10000000
2: 100000 bytes, 0 references, released 10000000
3: 100000 bytes, 0 references, released 10000000
4: 100000 bytes, 0 references, released 10000000
5: 100000 bytes, 0 references, released 10000000
6: 150 bytes, 0 references, released 10000000
7: 100000 bytes, 0 references, released 10000000
8: 9999999999 bytes, 0 references, released 10000000
9: 100000 bytes, 0 references, released 10000000
