config delay=0
----

join g - new=A by=range:t
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+0 delay=0 remaining=60000
  RoundCompleted generation=1 protocol=range leader=A

sync g A gen=1 A:a
----
OK
  Assigned A:a

leave g nobody
----
OK UNKNOWN_MEMBER_ID

leave nowhere A
----
OK UNKNOWN_MEMBER_ID

leave g A A
----
OK OK UNKNOWN_MEMBER_ID
  MembersRemoved A
  RoundBegun deadline=+0 delay=0 remaining=-1
  RoundCompleted generation=2 protocol=none leader=

show g
----
Empty generation=2 type=consumer protocol=none leader=

heartbeat g A gen=1
----
UNKNOWN_MEMBER_ID

sync g A gen=1
----
UNKNOWN_MEMBER_ID

commit g A gen=1 t:0:1
----
UNKNOWN_MEMBER_ID

# During the initial round a leaver does not end it, as Kafka does it; the deadline does.
config delay=3000
----

join h - new=B by=range:t
----
OK wait member=B
  MemberPut B joined=true tender=1
  RoundBegun deadline=+3000 delay=3000 remaining=57000

leave h B
----
OK OK
  MembersRemoved B

wait 3000
----
now 1003000

tick h
----
OK
  RoundCompleted generation=1 protocol=none leader=

show h
----
Empty generation=1 type=consumer protocol=none leader=

# Several at once; a static member by its instance id alone.
config delay=0
----

join i - new=D by=range:t
----
OK wait member=D
  MemberPut D joined=true tender=1
  RoundBegun deadline=+0 delay=0 remaining=60000
  RoundCompleted generation=1 protocol=range leader=D

join i - new=S instance=s by=range:t
----
OK wait member=S
  MemberPut S joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

join i D by=range:t
----
OK wait member=D
  MemberPut D joined=true tender=1
  RoundCompleted generation=2 protocol=range leader=D

leave i D S/other -/s -/s -
----
OK OK UNKNOWN_MEMBER_ID OK UNKNOWN_MEMBER_ID UNKNOWN_MEMBER_ID
  MembersRemoved D S
  RoundBegun deadline=+0 delay=0 remaining=-1
  RoundCompleted generation=3 protocol=none leader=

show i
----
Empty generation=3 type=consumer protocol=none leader=

leave i D
----
OK UNKNOWN_MEMBER_ID

leave
----
INVALID_GROUP_ID
