# Who does not rejoin before the deadline is out; static members stay.
config delay=0
----

join g - new=A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+0 delay=0 remaining=60000
  RoundCompleted generation=1 protocol=range leader=A

join g - new=S instance=s by=range:t
----
OK wait member=S
  MemberPut S joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

join g A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundCompleted generation=2 protocol=range leader=A

sync g A gen=2 A:a S:s
----
OK
  Assigned A:a S:s

sync g S instance=s gen=2
----
OK
  MemberSynced S

join g - new=B by=range:t
----
OK wait member=B
  MemberPut B joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

show g
----
PreparingRebalance generation=2 type=consumer protocol=range leader=A
  A instance=none client=c tender=1 new=false joined=false synced=true assignment="a"
  S instance=s client=c tender=1 new=false joined=false synced=true assignment="s"
  B instance=none client=c tender=1 new=true joined=true synced=false assignment=""

wait 59999
----
now 1059999

tick g
----
OK

wait 1
----
now 1060000

tick g
----
OK
  MembersRemoved A
  RoundCompleted generation=3 protocol=range leader=B

show g
----
CompletingRebalance generation=3 type=consumer protocol=range leader=B
  S instance=s client=c tender=1 new=false joined=false synced=false assignment="s"
  B instance=none client=c tender=1 new=false joined=false synced=false assignment=""

sync g B gen=3
----
OK
  Assigned

due
----
g at +60000
tender 1: g

# Only the static member is left when B leaves; it does not join, so it is waited for again and again.
leave g B
----
OK OK
  MembersRemoved B
  RoundBegun deadline=+60000 delay=0 remaining=-1

wait 60000
----
now 1120000

tick g
----
OK
  RoundExtended delay=0 remaining=-1

due
----
g at +60000
tender 1: g

wait 60000
----
now 1180000

tick g
----
OK
  RoundExtended delay=0 remaining=-1

expire g S gen=3
----
OK
  MembersRemoved S
  RoundCompleted generation=4 protocol=none leader=

show g
----
Empty generation=4 type=consumer protocol=none leader=
