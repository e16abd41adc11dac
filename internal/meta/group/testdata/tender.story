config delay=0
----

join g - new=A by=range:t tender=1
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+0 delay=0 remaining=60000
  RoundCompleted generation=1 protocol=range leader=A

join g - new=B by=range:t tender=2
----
OK wait member=B
  MemberPut B joined=true tender=2
  RoundBegun deadline=+60000 delay=0 remaining=-1

join g A by=range:t tender=1
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundCompleted generation=2 protocol=range leader=A

sync g A gen=2 A:a B:b tender=1
----
OK
  Assigned A:a B:b

sync g B gen=2 tender=2
----
OK
  MemberSynced B

due
----
tender 1: g
tender 2: g

# Only the tender may say that a session is over, and of this generation.
expire g B gen=2 by=1
----
NOT_COORDINATOR

expire g B gen=1 by=2
----
ILLEGAL_GENERATION

expire g nobody gen=2 by=2
----
UNKNOWN_MEMBER_ID

adopt g * from=2 to=1
----
NOT_COORDINATOR

adopt g B from=2 to=1
----
NOT_COORDINATOR

dies 2
----

adopt g * from=2 to=1
----
OK
  Adopted by 1: B

adopt g * from=2 to=3
----
UNKNOWN_MEMBER_ID

adopt g nobody from=2 to=3
----
UNKNOWN_MEMBER_ID

due
----
tender 1: g

expire g B gen=2 by=2
----
NOT_COORDINATOR

expire g B gen=2 by=1
----
OK
  MembersRemoved B
  RoundBegun deadline=+60000 delay=0 remaining=-1

show g
----
PreparingRebalance generation=2 type=consumer protocol=range leader=A
  A instance=none client=c tender=1 new=false joined=false synced=true assignment="a"

# A waits for nobody in the new round: it is asked to join. Once it has, it is not expired while it waits.
join g - new=C by=range:t tender=3
----
OK wait member=C
  MemberPut C joined=true tender=3

join g A by=range:t tender=3
----
OK wait member=A
  MemberPut A joined=true tender=3
  RoundCompleted generation=3 protocol=range leader=A

expire g A gen=2 by=3
----
ILLEGAL_GENERATION

show g
----
CompletingRebalance generation=3 type=consumer protocol=range leader=A
  A instance=none client=c tender=3 new=false joined=false synced=false assignment="a"
  C instance=none client=c tender=3 new=false joined=false synced=false assignment=""

sync g C gen=3 tender=3
----
OK wait
  MemberSynced C

expire g C gen=3 by=3
----
REBALANCE_IN_PROGRESS

expire g A gen=3 by=3
----
OK
  MembersRemoved A
  RoundBegun deadline=+60000 delay=0 remaining=-1

show g
----
PreparingRebalance generation=3 type=consumer protocol=range leader=C
  C instance=none client=c tender=3 new=false joined=false synced=true assignment=""

# A member that turns to another agent is tended there from then on, with or without a request that writes.
join g C by=range:t tender=3
----
OK wait member=C
  MemberPut C joined=true tender=3
  RoundCompleted generation=4 protocol=range leader=C

sync g C gen=4 C:c tender=1
----
OK
  Adopted by 1: C
  Assigned C:c

adopt g C from=1 to=3 heard
----
OK
  Adopted by 3: C

adopt g C from=1 to=2 heard
----
NOT_COORDINATOR

show g
----
Stable generation=4 type=consumer protocol=range leader=C
  C instance=none client=c tender=3 new=false joined=false synced=true assignment="c"
