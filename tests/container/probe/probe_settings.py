"""The site's settings, with the addresses of `probe_urls` beside its own."""

from myproj.settings import *  # noqa: F403

ROOT_URLCONF = "probe_urls"
