"""Where a site serves its users: a version is pushed, deployed, rolled back and looked at."""
