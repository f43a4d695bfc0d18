"""The merchant's rules for the way back, all pure: what Afterbuy shows, and what is ours to write.

In reading order: ``desired_fields`` (with ``carriers``), ``ownership`` (which field may be written), ``diff`` (what to
write), ``ledger_updates`` (what the ledger says afterwards).
"""
