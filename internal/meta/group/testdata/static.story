config delay=0
----

join g - new=S1 instance=s by=range:t,sticky:t
----
OK wait member=S1
  MemberPut S1 joined=true tender=1
  RoundBegun deadline=+0 delay=0 remaining=60000
  RoundCompleted generation=1 protocol=range leader=S1

join g - new=A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

join g S1 instance=s by=range:t,sticky:t
----
OK wait member=S1
  MemberPut S1 joined=true tender=1
  RoundCompleted generation=2 protocol=range leader=S1

sync g S1 instance=s gen=2 S1:one A:two
----
OK
  Assigned S1:one A:two

sync g A gen=2
----
OK
  MemberSynced A

show g
----
Stable generation=2 type=consumer protocol=range leader=S1
  S1 instance=s client=c tender=1 new=false joined=false synced=true assignment="one"
  A instance=none client=c tender=1 new=false joined=false synced=true assignment="two"

# The same member starts anew: it gets its place and assignment, without a rebalance.
join g - new=S2 instance=s by=range:t,sticky:t tender=2
----
OK member=S2 unchanged leader-before=S1
  MemberReplaced S1 by S2
  MemberPut S2 joined=false tender=2

show g
----
Stable generation=2 type=consumer protocol=range leader=S2
  A instance=none client=c tender=1 new=false joined=false synced=true assignment="two"
  S2 instance=s client=c tender=2 new=false joined=false synced=true assignment="one"

joined? g S2 instance=s
----
OK done=true generation=2 protocol=range leader=S2 members: A S2

sync g S2 instance=s gen=2 tender=2
----
OK

synced? g S2 instance=s gen=2
----
OK done=true assignment="one"

# The old self is fenced wherever it shows its instance id, and unknown where it does not.
heartbeat g S1 instance=s gen=2
----
FENCED_INSTANCE_ID

heartbeat g S1 gen=2
----
UNKNOWN_MEMBER_ID

heartbeat g S2 gen=2
----
OK

join g S1 instance=s by=range:t
----
FENCED_INSTANCE_ID member=S1

sync g S1 instance=s gen=2
----
FENCED_INSTANCE_ID

commit g S1 gen=2 instance=s t:0:1
----
FENCED_INSTANCE_ID

leave g S1/s
----
OK FENCED_INSTANCE_ID

synced? g S1 instance=s gen=2
----
FENCED_INSTANCE_ID done=true

heartbeat g S2 instance=other gen=2
----
UNKNOWN_MEMBER_ID

join g S9 instance=other by=range:t
----
UNKNOWN_MEMBER_ID member=S9

# Without a protocol that the group uses it may not come; a change that leaves the protocol is taken in quietly.
join g - new=S3 instance=s by=sticky:t
----
INCONSISTENT_GROUP_PROTOCOL

join g - new=S3 instance=s by=range:u
----
OK member=S3 unchanged leader-before=S2
  MemberReplaced S2 by S3
  MemberPut S3 joined=false tender=1

show g
----
Stable generation=2 type=consumer protocol=range leader=S3
  A instance=none client=c tender=1 new=false joined=false synced=true assignment="two"
  S3 instance=s client=c tender=1 new=false joined=false synced=true assignment="one"

# While the leader's assignments are awaited, the new self must be in them: all join anew.
join g - new=S4 instance=z by=range:t
----
OK wait member=S4
  MemberPut S4 joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

join g A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1

join g S3 instance=s by=range:u
----
OK wait member=S3
  MemberPut S3 joined=true tender=1
  RoundCompleted generation=3 protocol=range leader=S3

show g
----
CompletingRebalance generation=3 type=consumer protocol=range leader=S3
  A instance=none client=c tender=1 new=false joined=false synced=false assignment="two"
  S3 instance=s client=c tender=1 new=false joined=false synced=false assignment="one"
  S4 instance=z client=c tender=1 new=false joined=false synced=false assignment=""

join g - new=S5 instance=s by=range:u
----
OK wait member=S5
  MemberReplaced S3 by S5
  MemberPut S5 joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

show g
----
PreparingRebalance generation=3 type=consumer protocol=range leader=S5
  A instance=none client=c tender=1 new=false joined=false synced=false assignment=""
  S4 instance=z client=c tender=1 new=false joined=false synced=false assignment=""
  S5 instance=s client=c tender=1 new=false joined=true synced=false assignment=""
