"""A board of notes: the small reason for a database, a worker and a place for files. README says how to delete it."""
