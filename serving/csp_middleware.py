"""What sends the Content-Security-Policy before Django 6."""

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class Middleware(CSPMiddleware):
    """django-csp's, but not for Django's page of a new project while debugging, which has its styles in it."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Return the response, with the policy unless no view of the site made it."""
        if settings.DEBUG and request.resolver_match is None:
            return response
        answer: HttpResponseBase = super().process_response(request, response)
        return answer
