config delay=0 size=2
----

join g - new=A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+0 delay=0 remaining=60000
  RoundCompleted generation=1 protocol=range leader=A

join g - new=B by=range:t
----
OK wait member=B
  MemberPut B joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

join g A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundCompleted generation=2 protocol=range leader=A

sync g A gen=2 A:a B:b
----
OK
  Assigned A:a B:b

sync g B gen=2
----
OK
  MemberSynced B

join g - new=C v4 by=range:t
----
GROUP_MAX_SIZE_REACHED

# The limit shrinks: the last one to rejoin is turned away.
config size=1
----

join g B by=range:t2
----
OK wait member=B
  MemberPut B joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

join g A by=range:t
----
GROUP_MAX_SIZE_REACHED
  MembersRemoved A
  RoundCompleted generation=3 protocol=range leader=B

show g
----
CompletingRebalance generation=3 type=consumer protocol=range leader=B
  B instance=none client=c tender=1 new=false joined=false synced=false assignment="b"
