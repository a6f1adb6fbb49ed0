"""What a job is: its model, states, settings, errors, store and wire format."""
