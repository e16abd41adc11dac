# Extents of several files become one, in a file of their own. Nothing else of the log changes.
create t partitions=2
----
OK partitions=2
  -> TopicCreated

commit t:0+3 t:1+2
----
OK
  t:0+3 OK base=0 start=0
  t:1+2 OK base=0 start=0
  -> SegmentCommitted

commit t:0+4 t:1+1
----
OK
  t:0+4 OK base=3 start=0
  t:1+1 OK base=2 start=0
  -> SegmentCommitted

commit t:0+1
----
OK
  t:0+1 OK base=7 start=0
  -> SegmentCommitted

read t:0[0]x3 t:1[0]x2
----
t:0[0]x3: [0,8) 300 bytes
t:1[0]x2: [0,3) 200 bytes

merge t:0[0]x3 t:1[0]x2
----
OK
  -> ExtentsMerged

show t
----
t []
  0: 0 to 8 epoch 1: [0,8) in 4 at 16+300
  1: 0 to 3 epoch 1: [0,3) in 4 at 316+200

# The files are released, and may go ten minutes later.
files
----
1: 100000 bytes, 0 references, released 10000000
2: 100000 bytes, 0 references, released 10000000
3: 100000 bytes, 0 references, released 10000000
4: 100000 bytes, 2 references, released -1

remove 1 2 3
----
INVALID_REQUEST: none of 3 files is there and may go

wait 600001
----
now 10600001

remove 1 2 4 9
----
OK
  -> FilesRemoved

files
----
3: 100000 bytes, 0 references, released 10000000
4: 100000 bytes, 2 references, released -1

# A file that is not there is no reason against the others, one that is not in order is.
remove 3 2
----
INVALID_REQUEST: file 2 is to be removed after file 3

remove 2 3
----
OK
  -> FilesRemoved

remove 3
----
INVALID_REQUEST: none of 1 files is there and may go

# New extents lie behind the merged one, and may be merged with it, or among themselves.
commit t:0+1
----
OK
  t:0+1 OK base=8 start=0
  -> SegmentCommitted

commit t:0+2 t:1+2
----
OK
  t:0+2 OK base=9 start=0
  t:1+2 OK base=3 start=0
  -> SegmentCommitted

commit t:0+2 t:1+3
----
OK
  t:0+2 OK base=11 start=0
  t:1+3 OK base=5 start=0
  -> SegmentCommitted

read t:0[8]x3 t:1[3]x2 t:0[0]x2 t:0[9]x2
----
t:0[8]x3: [8,13) 300 bytes
t:1[3]x2: [3,8) 200 bytes
t:0[0]x2: [0,9) 400 bytes
t:0[9]x2: [9,13) 200 bytes

merge t:0[8]x3 t:1[3]x2
----
OK
  -> ExtentsMerged

show t
----
t []
  0: 0 to 13 epoch 1: [0,8) in 4 at 16+300 [8,13) in 8 at 16+300
  1: 0 to 8 epoch 1: [0,3) in 4 at 316+200 [3,8) in 8 at 316+200

# What is no longer as it was when it was read is left out, alone or with all.
merge t:0[8]x3
----
INVALID_REQUEST: none of 1 stretches is as it was

read t:0[0]x2 t:1[0]x2
----
t:0[0]x2: [0,13) 600 bytes
t:1[0]x2: [0,8) 400 bytes

delete-records t:0 to=8
----
OK start=8
  -> Trimmed

merge t:0[0]x2 t:1[0]x2
----
OK
  -> ExtentsMerged

show t
----
t []
  0: 8 to 13 epoch 1: [8,13) in 8 at 16+300
  1: 0 to 8 epoch 1: [0,8) in 9 at 216+400

# A log start within the first extent is no hindrance.
commit t:0+5
----
OK
  t:0+5 OK base=13 start=8
  -> SegmentCommitted

read t:0[8]x2
----
t:0[8]x2: [8,18) 400 bytes

delete-records t:0 to=9
----
OK start=9
  -> Trimmed

merge t:0[8]x2
----
OK
  -> ExtentsMerged

show t
----
t []
  0: 9 to 18 epoch 1: [8,18) in 11 at 16+400
  1: 0 to 8 epoch 1: [0,8) in 9 at 216+400

files
----
4: 100000 bytes, 0 references, released 10600001
5: 100000 bytes, 0 references, released 10600001
6: 100000 bytes, 0 references, released 10600001
7: 100000 bytes, 0 references, released 10600001
8: 100000 bytes, 0 references, released 10600001
9: 100000 bytes, 1 references, released -1
10: 100000 bytes, 0 references, released 10600001
11: 100000 bytes, 1 references, released -1

# There is no stretch that begins within an extent, or ends behind the last; one extent is none.
read t:0[9]x2 t:0[8]x2 t:0[8]x1
----
t:0[9]x2: no such stretch
t:0[8]x2: no such stretch
t:0[8]x1: no such stretch

# What cannot be is refused as a whole.
commit t:0+5 t:1+1
----
OK
  t:0+5 OK base=18 start=9
  t:1+1 OK base=8 start=0
  -> SegmentCommitted

read t:0[8]x2 t:1[0]x2
----
t:0[8]x2: [8,23) 500 bytes
t:1[0]x2: [0,9) 500 bytes

merge t:1[0]x2 t:0[8]x2
----
INVALID_REQUEST: a stretch of partition 0 of topic 01000000000000000000000000000000 comes out of order

merge t:0[8]x2 size=100
----
INVALID_REQUEST: 500 bytes at 16 do not fit a file of 100

merge t:0[8]x2 file=5
----
INVALID_REQUEST: segment 00000000000001E5B0KXY78V39 is committed already, or one with a like name is

merge t:0[8]x2 age=1800001
----
REQUEST_TIMED_OUT: segment 000000000000083BRNA5SZ4FB5 was uploaded 1800 s before its commit, the most is 1800 s

delete t
----
OK
  -> TopicDeleted

merge t:0[8]x2 t:1[0]x2
----
INVALID_REQUEST: none of 2 stretches is as it was

files
----
4: 100000 bytes, 0 references, released 10600001
5: 100000 bytes, 0 references, released 10600001
6: 100000 bytes, 0 references, released 10600001
7: 100000 bytes, 0 references, released 10600001
8: 100000 bytes, 0 references, released 10600001
9: 100000 bytes, 0 references, released 10600001
10: 100000 bytes, 0 references, released 10600001
11: 100000 bytes, 0 references, released 10600001
12: 100000 bytes, 0 references, released 10600001

# What has landed in another file leaves it.
slot 7
----
slot 7

create r
----
OK partitions=1
  -> TopicCreated

commit r:0+1 size=300 ride=300
----
OK
  r:0+1 OK base=0 start=0
  -> SegmentRode

commit r:0+1 size=300 ride=300
----
OK
  r:0+1 OK base=1 start=0
  -> SegmentRode

land 14@0 15@300
----
OK
  -> FilesLanded

read r:0[0]x2
----
r:0[0]x2: [0,2) 200 bytes

merge r:0[0]x2
----
OK
  -> ExtentsMerged

show r
----
r []
  0: 0 to 2 epoch 1: [0,2) in 16 at 16+200

files
----
4: 100000 bytes, 0 references, released 10600001
5: 100000 bytes, 0 references, released 10600001
6: 100000 bytes, 0 references, released 10600001
7: 100000 bytes, 0 references, released 10600001
8: 100000 bytes, 0 references, released 10600001
9: 100000 bytes, 0 references, released 10600001
10: 100000 bytes, 0 references, released 10600001
11: 100000 bytes, 0 references, released 10600001
12: 100000 bytes, 0 references, released 10600001
15: 1000000 bytes, 0 references, released 10600001
16: 100000 bytes, 1 references, released -1

riders
----
0 bytes from slot 0 on:
