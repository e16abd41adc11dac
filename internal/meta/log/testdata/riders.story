# A segment that rides lies in the entry that commits it.
slot 5
----
slot 5

create t partitions=2
----
OK partitions=2
  -> TopicCreated

commit t:0+3 t:1+2 size=300 ride=300
----
OK
  t:0+3 OK base=0 start=0
  t:1+2 OK base=0 start=0
  -> SegmentRode

slot 6
----
slot 6

commit t:0+4 size=200 ride=200
----
OK
  t:0+4 OK base=3 start=0
  -> SegmentRode

show t
----
t []
  0: 0 to 7 epoch 1: [0,3) in 1 at 16+100 (slot 5) [3,7) in 2 at 16+100 (slot 6)
  1: 0 to 2 epoch 1: [0,2) in 1 at 116+100 (slot 5)

riders
----
500 bytes from slot 5 on: 1 in slot 5 2 in slot 6

files
----
1: 300 bytes, 2 references, released -1
2: 200 bytes, 1 references, released -1

# Its body is all of it, and not too long. How long ago it was laid out does not matter.
commit t:0+1 size=300 ride=299
----
INVALID_REQUEST: segment 0000000000000DN9KD5HYXYX1Z is said to have 300 bytes and is to ride with 299

commit t:0+1 size=140000 ride=140000
----
INVALID_REQUEST: segment 00000000000007HQF6WQYJKW2M is said to have 140000 bytes and is to ride with 140000

commit t:0+1 size=300 ride=300 age=1900000
----
OK
  t:0+1 OK base=7 start=0
  -> SegmentRode

# One of which nothing is accepted leaves nothing behind.
commit t:9+1 size=300 ride=300
----
OK
  t:9+1 UNKNOWN_TOPIC_OR_PARTITION base=-1 start=-1

commit t:0:7/0/0+2 size=300 ride=300
----
OK
  t:0:7/0/0+2 OK base=8 start=0
  -> SegmentRode

commit t:0:7/0/0+2 size=300 ride=300
----
OK
  t:0:7/0/0+2 OK base=8 start=0

riders
----
1100 bytes from slot 5 on: 1 in slot 5 2 in slot 6 3 in slot 6 4 in slot 6

# Riders land: their extents stay as they are, and are looked for elsewhere.
slot 7
----
slot 7

land 1@0 2@300
----
OK
  -> FilesLanded

show t
----
t []
  0: 0 to 10 epoch 1: [0,3) in 1 at 16+100 (file 5 at 16) [3,7) in 2 at 16+100 (file 5 at 316) [7,8) in 3 at 16+100 (slot 6) [8,10) in 4 at 16+100 (slot 6) producer 7/0 next 2
  1: 0 to 2 epoch 1: [0,2) in 1 at 116+100 (file 5 at 116)

riders
----
600 bytes from slot 6 on: 3 in slot 6 4 in slot 6

files
----
1: 300 bytes, 2 references, released -1
2: 200 bytes, 1 references, released -1
3: 300 bytes, 1 references, released -1
4: 300 bytes, 1 references, released -1
5: 1000000 bytes, 2 references, released -1

# Those that ride no more are left out; with none left the file is not wanted.
land 1@0 2@300
----
INVALID_REQUEST: none of 2 files rides any more

land 1@0 4@300
----
OK
  -> FilesLanded

riders
----
300 bytes from slot 6 on: 3 in slot 6

# What is said has to make sense.
commit t:1+1 size=300 ride=300
----
OK
  t:1+1 OK base=2 start=0
  -> SegmentRode

land 7@800 size=1000
----
INVALID_REQUEST: file 7 of 300 bytes does not fit at 800 of 1000 bytes

land 7@0 7@0
----
INVALID_REQUEST: file 7 is to land after file 7

land 7@0 age=1900000
----
REQUEST_TIMED_OUT: segment 00000000000004AG11VSTNTH9V was uploaded 1900 s before its commit, the most is 1800 s

land 7@0 size=0
----
INVALID_REQUEST: segment 0000000000000E6XWVJZTAFGAG is said to have 0 bytes

land
----
INVALID_REQUEST: none of 0 files rides any more

land 7@0 file=1
----
INVALID_REQUEST: segment 00000000000009WDVSQ5ZMMZ0N is committed already, or one with a like name is

riders
----
600 bytes from slot 6 on: 3 in slot 6 7 in slot 7

# A landed file goes with its last extent, and releases its share of the one it landed in; so does a rider.
delete-records t:0 to=3
----
OK start=3
  -> Trimmed

files
----
1: 300 bytes, 1 references, released -1
2: 200 bytes, 1 references, released -1
3: 300 bytes, 1 references, released -1
4: 300 bytes, 1 references, released -1
5: 1000000 bytes, 2 references, released -1
6: 1000000 bytes, 1 references, released -1
7: 300 bytes, 1 references, released -1

delete-records t:1 to=2
----
OK start=2
  -> Trimmed

files
----
2: 200 bytes, 1 references, released -1
3: 300 bytes, 1 references, released -1
4: 300 bytes, 1 references, released -1
5: 1000000 bytes, 1 references, released -1
6: 1000000 bytes, 1 references, released -1
7: 300 bytes, 1 references, released -1

delete-records t:1 to=3
----
OK start=3
  -> Trimmed

riders
----
300 bytes from slot 6 on: 3 in slot 6

delete-records t:0 to=-1
----
OK start=10
  -> Trimmed

files
----
5: 1000000 bytes, 0 references, released 10000000
6: 1000000 bytes, 0 references, released 10000000

delete t
----
OK
  -> TopicDeleted

files
----
5: 1000000 bytes, 0 references, released 10000000
6: 1000000 bytes, 0 references, released 10000000
