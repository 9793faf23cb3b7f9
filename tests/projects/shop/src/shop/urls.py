from catalog import views
from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("", views.home),
    path("admin/", admin.site.urls),
    path("add", views.add),
    path("count", views.count),
    path("error", views.error),
    path("nap/<int:seconds>", views.nap),
    path("pay", views.pay),
    path("pid", views.pid),
    path("wait/<int:seconds>", views.wait),
]
