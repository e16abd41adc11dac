# Before a protocol is chosen, and where a member's metadata cannot be read, every topic may be subscribed to.
join g - new=A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+3000 delay=3000 remaining=57000

delete-offsets g u:0
----
OK GROUP_SUBSCRIBED_TO_TOPIC

wait 3000
----
now 1003000

tick g
----
OK
  RoundCompleted generation=1 protocol=range leader=A

delete-offsets g u:0 t:0
----
OK OK GROUP_SUBSCRIBED_TO_TOPIC

sync g A gen=1
----
OK
  Assigned

join g - new=B by=range:t raw=xyz
----
OK wait member=B
  MemberPut B joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

join g A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundCompleted generation=2 protocol=range leader=A

sync g A gen=2
----
OK
  Assigned

sync g B gen=2
----
OK
  MemberSynced B

delete-offsets g u:0 t:0
----
OK GROUP_SUBSCRIBED_TO_TOPIC GROUP_SUBSCRIBED_TO_TOPIC

config retention=0
----

commit g A gen=2 u:0:1
----
OK
  OffsetsCommitted u:0:1

expire-offsets g u
----
OK

# Offsets stay while the group rebalances, whatever their age.
leave g B
----
OK OK
  MembersRemoved B
  RoundBegun deadline=+60000 delay=0 remaining=-1

show g
----
PreparingRebalance generation=2 type=consumer protocol=range leader=A
  A instance=none client=c tender=1 new=false joined=false synced=true assignment=""
  u:0 at 1 epoch 1 ""

expire-offsets g u
----
OK
