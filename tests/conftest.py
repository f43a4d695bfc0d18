"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How long an example takes, or making one up, says something about the machine and what else runs there only.
settings.register_profile("aftersend", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aftersend")
