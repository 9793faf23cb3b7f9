"""What a page may load and run (Content-Security-Policy), unless the site has a policy of its own.

Django 6 sends it by itself, and before that django-csp does: https://docs.djangoproject.com/en/6.0/ref/csp/
"""

import os
import re
from importlib.util import find_spec
from typing import Any

import django
from django.core.exceptions import ImproperlyConfigured

# What the site serves itself, and pictures that are written in its styles.
POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'"
USUAL = {"CSP": POLICY, "CSP_REPORT_ONLY": "0"}
BY_DJANGO = {"CSP": "SECURE_CSP", "CSP_REPORT_ONLY": "SECURE_CSP_REPORT_ONLY"}
BY_PACKAGE = {"CSP": "CONTENT_SECURITY_POLICY", "CSP_REPORT_ONLY": "CONTENT_SECURITY_POLICY_REPORT_ONLY"}
DIRECTIVE = re.compile("[a-z]+-[a-z-]+|sandbox")  # https://www.w3.org/TR/CSP3/#csp-directives


def follow(site: dict[str, Any]) -> None:
    """Change a site's settings, by name; raises `ImproperlyConfigured` for a policy that means nothing."""
    texts = {name: os.environ.get(name) or usual for name, usual in USUAL.items()}
    policies = {name: read(name, text) for name, text in texts.items() if text != "0"}
    middleware = site.get("MIDDLEWARE", ())
    if not policies or any("csp" in name.lower() or "contentsecurity" in name.lower() for name in middleware):
        return
    if django.VERSION >= (6,):
        site |= {BY_DJANGO[name]: policy for name, policy in policies.items()}
        first = "django.middleware.csp.ContentSecurityPolicyMiddleware"
    elif find_spec("csp") and find_spec("csp.constants"):  # django-csp from 4 on, and no app of the site of that name
        alone = {"default-src": None}  # which it would add
        site |= {BY_PACKAGE[name]: {"DIRECTIVES": alone | policy} for name, policy in policies.items()}
        first = "serving.csp_middleware.Middleware"
    elif asked := [name for name in policies if os.environ.get(name)]:
        raise ImproperlyConfigured(f"{asked[0]} needs Django 6, or django-csp among the packages of the site.")
    else:
        return
    site["MIDDLEWARE"] = [first, *middleware]


def read(name: str, text: str) -> dict[str, Any]:
    """Return the values of each directive of a policy; True for one without."""
    directives = [part.split() for part in text.split(";") if part.strip()]
    if not directives or not all(DIRECTIVE.fullmatch(words[0]) for words in directives):
        raise ImproperlyConfigured(f"{name} is {text!r}: write directives, as \"default-src 'self'\", or 0 for none.")
    return {directive: values or True for directive, *values in directives}
