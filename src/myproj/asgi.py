"""The ASGI callable `application`, for a server that speaks ASGI; this project's own server is WSGI."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproj.settings")

application = get_asgi_application()
