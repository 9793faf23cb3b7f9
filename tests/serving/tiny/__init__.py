"""A small site that is not this project's: serving/ is for any."""
