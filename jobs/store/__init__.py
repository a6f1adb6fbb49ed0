"""The store: the database in which every batch and job is kept, SQLite or Postgres."""
