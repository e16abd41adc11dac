# A simple consumer commits; the group needs no members.
config delay=0 metadata=4 retention=1000
----

commit s - t:0:10:ok t:1:11:large t:-1:5 u:0:7
----
OK OK OFFSET_METADATA_TOO_LARGE UNKNOWN_TOPIC_OR_PARTITION OK
  OffsetsCommitted t:0:10 u:0:7

commit s - gen=3 t:0:10
----
UNKNOWN_MEMBER_ID

commit nowhere X gen=3 v=8 t:0:1
----
ILLEGAL_GENERATION

commit nowhere X gen=3 v=9 t:0:1
----
GROUP_ID_NOT_FOUND

show s
----
Empty generation=0 type=none protocol=none leader=
  t:0 at 10 epoch 1 "ok"
  u:0 at 7 epoch 1 ""

delete-offsets s t:0 t:5
----
OK OK OK
  OffsetsRemoved t:0

delete-offsets nowhere t:0
----
GROUP_ID_NOT_FOUND

delete nowhere
----
GROUP_ID_NOT_FOUND

# Members commit in their generation; others may not while there are members.
join g - new=A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+0 delay=0 remaining=60000
  RoundCompleted generation=1 protocol=range leader=A

commit g A gen=1 t:0:1
----
REBALANCE_IN_PROGRESS

sync g A gen=1
----
OK
  Assigned

commit g A gen=1 t:0:1 u:0:2
----
OK
  OffsetsCommitted t:0:1 u:0:2

commit g A gen=0 t:0:1
----
ILLEGAL_GENERATION

commit g X gen=1 t:0:1
----
UNKNOWN_MEMBER_ID

commit g - t:0:1
----
UNKNOWN_MEMBER_ID

commit g A gen=-1 t:0:1
----
ILLEGAL_GENERATION

commit g A gen=1 instance=i t:0:1
----
UNKNOWN_MEMBER_ID

delete g
----
NON_EMPTY_GROUP

delete-offsets g t:0 u:0
----
OK GROUP_SUBSCRIBED_TO_TOPIC OK
  OffsetsRemoved u:0

commit g A gen=1 u:0:2
----
OK
  OffsetsCommitted u:0:2

# Past their retention: what nobody subscribes to goes while the group is stable.
wait 999
----
now 1000999

expire-offsets g t u
----
OK

wait 1
----
now 1001000

expire-offsets g t
----
OK

expire-offsets g t u
----
OK
  OffsetsRemoved u:0

show g
----
Stable generation=1 type=consumer protocol=range leader=A
  A instance=none client=c tender=1 new=false joined=false synced=true assignment=""
  t:0 at 1 epoch 1 ""

# The group becomes empty. The retention counts from then on, and the group goes with its last offset.
leave g A
----
OK OK
  MembersRemoved A
  RoundBegun deadline=+0 delay=0 remaining=-1
  RoundCompleted generation=2 protocol=none leader=

wait 999
----
now 1001999

expire-offsets g
----
OK

wait 1
----
now 1002000

expire-offsets g
----
OK
  GroupDeleted

show g
----
Dead

expire-offsets s
----
OK
  GroupDeleted

show s
----
Dead

expire-offsets nowhere
----
OK

# An explicit retention, by old clients, does not ask whether the group lives.
commit s - retention=10 t:0:1
----
OK
  OffsetsCommitted t:0:1

commit s - retention=9223372036854775807 t:2:1
----
OK
  OffsetsCommitted t:2:1

commit s - t:1:1
----
OK
  OffsetsCommitted t:1:1

wait 10
----
now 1002010

expire-offsets s
----
OK
  OffsetsRemoved t:0

show s
----
Empty generation=0 type=none protocol=none leader=
  t:1 at 1 epoch 1 ""
  t:2 at 1 epoch 1 ""

commit s - u:0:1
----
OK
  OffsetsCommitted u:0:1

forget t
----
OK
  TopicForgotten t

forget t
----
OK

show s
----
Empty generation=0 type=none protocol=none leader=
  u:0 at 1 epoch 1 ""

delete s
----
OK
  GroupDeleted

show s
----
Dead

# A group of another protocol type gives no topics away; one whose subscription cannot be read may want all.
join k - new=K by=p:x type=connect
----
OK wait member=K
  MemberPut K joined=true tender=1
  RoundBegun deadline=+0 delay=0 remaining=60000
  RoundCompleted generation=1 protocol=p leader=K

delete-offsets k t:0
----
NON_EMPTY_GROUP

# Metadata is measured as Java does, in UTF-16 units.
commit s - t:0:1:😀😀 t:1:1:😀😀a t:2:1:éééé
----
OK OK OFFSET_METADATA_TOO_LARGE OK
  OffsetsCommitted t:0:1 t:2:1
