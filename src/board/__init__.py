"""A board of notes: a small reason for a database, a worker and files. README says how to delete it."""
