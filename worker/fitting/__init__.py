"""Holding answers to their schemas, in a process that can be killed: patterns may run for ever."""
