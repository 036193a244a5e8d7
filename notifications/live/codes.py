"""Close codes. The page comes back after 1012 and 1013, and stays away after the others.

Never a bare ``close()``: that is 1000, after which htmx does not come back.
"""

COME_BACK = 1012  # rotation, shutdown, a session that was renewed
COME_BACK_LATER = 1013  # overload, or a page that stopped reading
RUBBISH = 1008
SIGNED_OUT = 4401
NOT_ALLOWED = 4403
TOO_MANY = 4408
