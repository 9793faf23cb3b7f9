"""Look at a Django project, ask Django itself about it, and find out what it needs to be served."""
