# Two members join during the initial delay. Each is first told its id.
join g - new=A v4 by=range:t
----
MEMBER_ID_REQUIRED member=A

join g A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+3000 delay=3000 remaining=57000

joined? g A
----
OK done=false

join g - new=B v4 by=range:t
----
MEMBER_ID_REQUIRED member=B

join g B by=range:t
----
OK wait member=B
  MemberPut B joined=true tender=1

due
----
g at +3000
tender 1: g

# The delay was prolonged, as B came while it ran.
tick g
----
OK

wait 3000
----
now 1003000

tick g
----
OK
  RoundExtended delay=3000 remaining=54000

wait 2999
----
now 1005999

tick g
----
OK

wait 1
----
now 1006000

tick g
----
OK
  RoundCompleted generation=1 protocol=range leader=A

joined? g A
----
OK done=true generation=1 protocol=range leader=A members: A B

joined? g B
----
OK done=true generation=1 protocol=range leader=A members:

show g
----
CompletingRebalance generation=1 type=consumer protocol=range leader=A
  A instance=none client=c tender=1 new=false joined=false synced=false assignment=""
  B instance=none client=c tender=1 new=false joined=false synced=false assignment=""

due
----
g at +60000
tender 1: g

# A follower that syncs first waits for the leader.
sync g B gen=1 type=consumer protocol=range
----
OK wait
  MemberSynced B

synced? g B gen=1
----
OK done=false

heartbeat g B gen=1
----
OK

commit g B gen=1 t:0:5
----
REBALANCE_IN_PROGRESS

sync g A gen=1 A:a B:b nobody:x
----
OK
  Assigned A:a B:b

synced? g B gen=1
----
OK done=true assignment="b"

synced? g A gen=1
----
OK done=true assignment="a"

show g
----
Stable generation=1 type=consumer protocol=range leader=A
  A instance=none client=c tender=1 new=false joined=false synced=true assignment="a"
  B instance=none client=c tender=1 new=false joined=false synced=true assignment="b"

due
----
tender 1: g

# A lost answer: the same sync again, and a follower's unchanged join, cost no event.
sync g B gen=1
----
OK

join g B by=range:t
----
OK member=B

# A third one makes all join anew.
join g - new=C by=range:t
----
OK wait member=C
  MemberPut C joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

joined? g C
----
OK done=false

heartbeat g A gen=1
----
REBALANCE_IN_PROGRESS

sync g A gen=1
----
REBALANCE_IN_PROGRESS

commit g A gen=1 t:0:6
----
OK
  OffsetsCommitted t:0:6

join g A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1

join g B by=range:t
----
OK wait member=B
  MemberPut B joined=true tender=1
  RoundCompleted generation=2 protocol=range leader=A

joined? g C
----
OK done=true generation=2 protocol=range leader=A members:

joined? g A
----
OK done=true generation=2 protocol=range leader=A members: A B C

# The leader's assignments have come, C does not sync in time.
sync g A gen=2 A:x B:y C:z
----
OK
  Assigned A:x B:y C:z

sync g B gen=2
----
OK
  MemberSynced B

heartbeat g C gen=2
----
OK

due
----
g at +60000
tender 1: g

wait 60000
----
now 1066000

tick g
----
OK
  MembersRemoved C
  RoundBegun deadline=+60000 delay=0 remaining=-1

show g
----
PreparingRebalance generation=2 type=consumer protocol=range leader=A
  A instance=none client=c tender=1 new=false joined=false synced=true assignment="x"
  B instance=none client=c tender=1 new=false joined=false synced=true assignment="y"
  t:0 at 6 epoch 1 ""
