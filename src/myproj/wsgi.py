"""The WSGI callable `application`, which gunicorn serves: `gunicorn myproj.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproj.settings")

application = get_wsgi_application()
