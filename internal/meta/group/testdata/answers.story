# Two members of a generation, whose answers were lost.
config delay=0
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

# Asked again unchanged, leader and follower get the generation there is; with a change all join anew.
join g A by=range:t
----
OK member=A

join g B by=range:t
----
OK member=B

joined? g B
----
OK done=true generation=2 protocol=range leader=A members:

sync g B gen=2
----
OK wait
  MemberSynced B

join g B by=range:u
----
OK wait member=B
  MemberPut B joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

# B waits in the next round. A may still be answered with the generation it is in, in which nobody is to assign any more;
# its old sync is told to join.
join g - new=C by=range:t
----
OK wait member=C
  MemberPut C joined=true tender=1

joined? g A
----
OK done=true generation=2 protocol=range leader= members:

joined? g B
----
OK done=false

synced? g B gen=2
----
REBALANCE_IN_PROGRESS done=true

join g A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundCompleted generation=3 protocol=range leader=A

# Who still waits for assignments of a generation that is over must join again, also when the next one is there.
synced? g B gen=2
----
REBALANCE_IN_PROGRESS done=true

sync g A gen=3 A:a B:b C:c
----
OK
  Assigned A:a B:b C:c

synced? g B gen=2
----
REBALANCE_IN_PROGRESS done=true

# A leader that joins again wants a rebalance, a follower only its answer.
join g B by=range:u
----
OK member=B

join g A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

# The leader leaves before C was answered: nobody is told that it leads in its stead, as the others were told of A.
leave g A
----
OK OK
  MembersRemoved A

joined? g C
----
OK done=true generation=3 protocol=range leader= members:
