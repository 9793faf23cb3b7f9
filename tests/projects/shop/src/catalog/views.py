import asyncio
import os
from time import sleep

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from .models import Product


def home(request):
    return render(request, "home.html", {"products": Product.objects.all()})


@csrf_exempt
def add(request):
    """The form of the shop's app, which sends it in chunks."""
    return HttpResponse(Product.objects.create(name=request.POST["name"]).slug)


def count(request):
    return HttpResponse(Product.objects.count())


def error(request):
    raise RuntimeError("the shop is broken")


def nap(request, seconds):
    sleep(seconds)
    return HttpResponse(f"slept {seconds}")


def pay(request):
    return HttpResponse(os.environ["STRIPE_KEY"])


def pid(request):
    return HttpResponse(os.getpid())


async def wait(request, seconds):
    await asyncio.sleep(seconds)
    return HttpResponse(f"waited {seconds}, {await Product.objects.acount()} products")
