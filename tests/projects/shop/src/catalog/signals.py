from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.utils.text import slugify

from .models import Product


@receiver(pre_save, sender=Product)
def name_address(sender, instance, **kwargs):
    instance.slug = slugify(instance.name)
