"""The services of one machine, started and ended with the command that needs them."""
