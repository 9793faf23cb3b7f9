"""The URLs of the site; `serving/health.py` answers /livez and /readyz before these."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from myproj import views

urlpatterns = [
    path("", views.home, name="home"),
    path("favicon.ico", views.favicon),
    path("admin/", admin.site.urls),
    *(path(f"{app}/", include(f"{app}.urls")) for app in settings.APPS),
]

handler500 = "myproj.views.failed"
