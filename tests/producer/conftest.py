import hypothesis

# On a busy machine an example may take long; what is shown is that it holds, not how fast.
hypothesis.settings.register_profile("producer", deadline=None)
hypothesis.settings.load_profile("producer")
