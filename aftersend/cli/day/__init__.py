"""The day of ``aftersend demo``: a merchant's day in less than a minute, everything simulated, judged at the end.

``stage`` starts what a day needs (embedded Valkey, sandbox, the three services as processes of their own), ``story``
lets the day happen, ``control`` is the remote control of the simulated systems, ``screen`` shows it.
"""
