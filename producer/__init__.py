"""Getting work in, dispatching it, getting results out."""
