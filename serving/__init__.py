"""How a Django project is served, whatever the project."""
