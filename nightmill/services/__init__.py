"""What launchd or systemd runs for a machine, at its start and for as long as it is on."""
