"""The version of the store that this program reads and writes."""

#: The newest script in `migrations/versions`; a test holds the two together.
HEAD = "0005"
