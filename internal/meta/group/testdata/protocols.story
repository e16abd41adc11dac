config delay=0
----

join g - new=A
----
INCONSISTENT_GROUP_PROTOCOL

join g - new=A by=range:t type=
----
INCONSISTENT_GROUP_PROTOCOL

join g - new=A by=range:t,sticky:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+0 delay=0 remaining=60000
  RoundCompleted generation=1 protocol=range leader=A

join g - new=B by=sticky:t,range:t
----
OK wait member=B
  MemberPut B joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

join g A by=range:t,sticky:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundCompleted generation=2 protocol=range leader=A

show g
----
CompletingRebalance generation=2 type=consumer protocol=range leader=A
  A instance=none client=c tender=1 new=false joined=false synced=false assignment=""
  B instance=none client=c tender=1 new=false joined=false synced=false assignment=""

# Of equal votes the leader's wins; with one more for sticky that wins.
join g - new=C by=sticky:t,range:t
----
OK wait member=C
  MemberPut C joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

join g A by=range:t,sticky:t
----
OK wait member=A
  MemberPut A joined=true tender=1

join g B by=sticky:t,range:t
----
OK wait member=B
  MemberPut B joined=true tender=1
  RoundCompleted generation=3 protocol=sticky leader=A

joined? g A
----
OK done=true generation=3 protocol=sticky leader=A members: A B C

join g - new=D by=other:t
----
INCONSISTENT_GROUP_PROTOCOL

join g - new=D by=range:t type=connect
----
INCONSISTENT_GROUP_PROTOCOL

sync g A gen=3 protocol=range
----
INCONSISTENT_GROUP_PROTOCOL

sync g A gen=3 type=connect
----
INCONSISTENT_GROUP_PROTOCOL

sync g A gen=3 protocol=sticky type=consumer A:a
----
OK
  Assigned A:a

sync g A gen=2
----
ILLEGAL_GENERATION

sync g X gen=3
----
UNKNOWN_MEMBER_ID

sync nowhere X gen=3
----
UNKNOWN_MEMBER_ID

join g - new=D by=range:t session=5999
----
INVALID_SESSION_TIMEOUT

join g - new=D by=range:t session=1800001
----
INVALID_SESSION_TIMEOUT

join
----
INVALID_GROUP_ID
