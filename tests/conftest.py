"""What holds for all tests."""

from hypothesis import settings

settings.register_profile("aftersend", deadline=None)  # how long an example takes says something about the machine only
settings.load_profile("aftersend")
