"""The ASGI callable `application`, which gunicorn serves with SERVER=asgi."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproj.settings")

application = get_asgi_application()
