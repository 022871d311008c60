from hypothesis import settings

# no test depends on the clock: machines differ, and other work slows them
settings.register_profile("fedswitch", deadline=None)
settings.load_profile("fedswitch")
