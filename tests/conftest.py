"""What all tests share."""

from hypothesis import settings

pytest_plugins = ["tests.store_fixtures"]

# No deadline: on a busy machine an example may take long without a fault of anybody.
settings.register_profile("quick", deadline=None, max_examples=50)
settings.load_profile("quick")
