"""What a site with several databases has."""


class Router:
    """Leaves all to Django."""
