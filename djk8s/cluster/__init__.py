"""More than one machine, or one that is not this: a version of the site is pushed, deployed, rolled back and looked at."""
