# The new self of a static member shifts the vote: the group rebalances. It keeps the client id it first came with.
config delay=0
----

join g - new=S1 instance=s client=first by=range:t,sticky:t
----
OK wait member=S1
  MemberPut S1 joined=true tender=1
  RoundBegun deadline=+0 delay=0 remaining=60000
  RoundCompleted generation=1 protocol=range leader=S1

join g - new=A by=sticky:t,range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

join g S1 instance=s by=range:t,sticky:t
----
OK wait member=S1
  MemberPut S1 joined=true tender=1
  RoundCompleted generation=2 protocol=range leader=S1

sync g S1 instance=s gen=2
----
OK
  Assigned

sync g A gen=2
----
OK
  MemberSynced A

join g - new=S2 instance=s client=second by=sticky:t,range:t
----
OK wait member=S2
  MemberReplaced S1 by S2
  MemberPut S2 joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

# Known by its id, it need not name its instance; it stays static.
join g S2 by=sticky:t
----
OK wait member=S2
  MemberPut S2 joined=true tender=1

join g A by=sticky:t,range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundCompleted generation=3 protocol=sticky leader=S2

show g
----
CompletingRebalance generation=3 type=consumer protocol=sticky leader=S2
  A instance=none client=c tender=1 new=false joined=false synced=false assignment=""
  S2 instance=s client=first tender=1 new=false joined=false synced=false assignment=""
