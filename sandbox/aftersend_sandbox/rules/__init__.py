"""Did the bridge keep the merchant's rules? Judged from the two simulated systems alone.

The verdict looks at what stands in Afterbuy, what stands in Sendcloud, and what both APIs were asked to do. It knows
nothing of the bridge and shares no code with it: each rule is stated a second time here, in the plainest way, so that
a mistake in the bridge cannot excuse itself. The tenant is assumed to run with the defaults of its document.

In reading order: ``judge``, ``export_rules``, ``write_back_rules``, ``expected`` (what should have arrived), ``rule``.
"""
