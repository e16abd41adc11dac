# An id that the group did not hand out is unknown; so is one of another group, and one that is too old.
config delay=0
----

join g forged by=range:t
----
UNKNOWN_MEMBER_ID member=forged

join g - new=A v4 by=range:t
----
MEMBER_ID_REQUIRED member=A

join h A by=range:t
----
UNKNOWN_MEMBER_ID member=A

wait 30000
----
now 1030000

join g A by=range:t
----
UNKNOWN_MEMBER_ID member=A

join g - new=A v4 by=range:t session=30000
----
MEMBER_ID_REQUIRED member=A

join g A by=range:t session=30000
----
OK wait member=A
  MemberPut A joined=true tender=1
  RoundBegun deadline=+0 delay=0 remaining=60000
  RoundCompleted generation=1 protocol=range leader=A

# A static member is never told to come back, so the id of a dynamic one gives it no entry.
join g - new=B v4 by=range:t
----
MEMBER_ID_REQUIRED member=B

join g B instance=i by=range:t
----
UNKNOWN_MEMBER_ID member=B

join g B by=range:t
----
OK wait member=B
  MemberPut B joined=true tender=1
  RoundBegun deadline=+60000 delay=0 remaining=-1

# An id from the future, further than clocks may be apart, was not handed out either.
join g - new=C v4 by=range:t
----
MEMBER_ID_REQUIRED member=C

wait -10001
----
now 1019999

join g C by=range:t
----
UNKNOWN_MEMBER_ID member=C

wait 1
----
now 1020000

join g C by=range:t
----
OK wait member=C
  MemberPut C joined=true tender=1
