# The initial delay grows with every newcomer, up to the rebalance timeout.
join g - new=A by=range:t rebalance=7000
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+3000 delay=3000 remaining=4000

wait 3000
----
now 1003000

join g - new=B by=range:t rebalance=7000
----
OK wait member=B
  MemberPut B joined=true tender=1

tick g
----
OK
  RoundExtended delay=3000 remaining=1000

wait 3000
----
now 1006000

join g - new=C by=range:t rebalance=7000
----
OK wait member=C
  MemberPut C joined=true tender=1

tick g
----
OK
  RoundExtended delay=1000 remaining=0

wait 1000
----
now 1007000

due
----
g at +0
tender 1: g

tick g
----
OK
  RoundCompleted generation=1 protocol=range leader=A

# A session that ends may finish even an initial round; a stale tick does nothing.
join h - new=D by=range:t
----
OK wait member=D
  MemberPut D joined=true tender=1
  RoundBegun deadline=+3000 delay=3000 remaining=57000

tick h deadline=5
----
OK

tick nowhere
----
OK

expire h D gen=0
----
OK
  MembersRemoved D
  RoundCompleted generation=1 protocol=none leader=

show h
----
Empty generation=1 type=consumer protocol=none leader=

# A joiner that repeats itself costs no event; one that changes its mind does, and must keep a protocol it had.
join i - new=E by=range:t
----
OK wait member=E
  MemberPut E joined=true tender=1
  RoundBegun deadline=+3000 delay=3000 remaining=57000

join i E by=range:t
----
OK wait member=E

join i E by=range:t,sticky:t
----
OK wait member=E
  MemberPut E joined=true tender=1

join i E by=other:t
----
INCONSISTENT_GROUP_PROTOCOL member=E
