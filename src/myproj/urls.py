"""The addresses of the site; `/livez` and `/readyz` are answered before these, in `health`."""

from django.contrib import admin
from django.urls import path

from myproj import views

urlpatterns = [
    path("", views.home, name="home"),
    path("admin/", admin.site.urls),
]
