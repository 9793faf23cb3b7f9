"""Settings of myproj. What differs between places is an environment variable, explained in `.env.example`."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from myproj import environment

BASE_DIR = Path(__file__).resolve().parent.parent
PROJECT_DIR = BASE_DIR.parent

environment.load(PROJECT_DIR / ".env")

# Where the Instructions List runs; the Dockerfile and the Compose file set it.
PLACE = environment.choice("PLACE", ("host", "container", "compose", "cluster"))

DEBUG = environment.flag("DEBUG")
SECRET_KEY = environment.secret("SECRET_KEY", "django-insecure-for-debugging-only" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is missing: `inv env --set SECRET_KEY` writes one into .env for `inv serve`, `inv run` and "
        "`inv up`; with docker alone, add --env SECRET_KEY=… with fifty random characters."
    )

ALLOWED_HOSTS = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    *environment.words("ALLOWED_HOST"),
    *environment.words("ALLOWED_HOSTS"),
]
CSRF_TRUSTED_ORIGINS = environment.origins("CSRF_TRUSTED_ORIGINS")

# The site's own apps: each a folder beside this one with a urls.py. Remove the line to remove the app.
APPS: list[str] = [
    "board",
]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_tasks",
    "django_tasks_db",
    "jobs",
    "myproj",
    *APPS,
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "myproj.urls"
WSGI_APPLICATION = "myproj.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# In one folder, which a container keeps in a volume.
DATABASES = {"default": environment.database("DATABASE_URL", PROJECT_DIR / "data" / "db.sqlite3")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Readers do not wait for the writer, and a writer waits for its turn instead of failing:
    # https://docs.djangoproject.com/en/5.2/ref/databases/#sqlite-notes
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # A few connections for all requests of a process. Fail after 3 s if none is free, before the health check's 5, and
    # retry on the next request, without backoff. https://docs.djangoproject.com/en/5.2/ref/databases/#connection-pool
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    pool = {"min_size": 1, "max_size": 8, "timeout": 3, "reconnect_timeout": 1}
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = pool
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Background tasks wait in the database for a worker; without one they run before the answer.
WORKER = environment.flag("WORKER")
TASKS = {
    "default": {
        "BACKEND": "django_tasks_db.DatabaseBackend" if WORKER else "django_tasks.backends.immediate.ImmediateBackend"
    }
}

# What a worker does by the clock, as crontab writes it, in TIME_ZONE.
SCHEDULE = {"jobs.tasks.remove_old_results": "15 3 * * *"}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

MEDIA_ROOT = PROJECT_DIR / "data" / "media"

STATIC_URL = "static/"
STATIC_ROOT = PROJECT_DIR / "staticfiles"
# Only the hashed names are ever asked for.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
if not DEBUG:
    # Hashed names and compressed copies, made by `manage.py collectstatic`.
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

HTTPS = environment.flag("HTTPS")
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    # These two checks ask to commit every other host of the domain to https for good, which is up to its owner.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]


# To standard error, where gunicorn's own log goes and where `docker logs` looks.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"django": {"handlers": [], "level": "INFO", "propagate": True}},
}
