"""The merchant's rules of the write-back, all pure: what Afterbuy should show, and which fields may be written.

In reading order: ``desired_fields`` (with ``carriers``), ``ownership`` (whose content a field holds), ``diff`` (what to
write), ``ledger_updates`` (the entry afterwards), ``unshown`` (rounds without effect).
"""
