"""How Hypothesis runs in every test: by its examples, never by the clock."""

from hypothesis import HealthCheck, settings

# A busy machine stops for longer than Hypothesis's 200 ms; no test of ours asserts a time.
settings.register_profile("droidrack", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("droidrack")
