# The Instructions List as a box.
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim AS uv

# uv, which installs faster than pip. Both trust Debian's authorities and, where ca.crt is given, a company's.
COPY requirements-uv.txt /
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.crt \
    if [ -f /run/secrets/ca.crt ]; then cat /run/secrets/ca.crt >>$PIP_CERT; fi && \
    python3 -m pip install --no-cache-dir --no-compile --root-user-action ignore --require-hashes -r /requirements-uv.txt

FROM python:${PYTHON_VERSION}-slim

# PYTHONPATH is for serving/, whose overlay.py runs after the settings of the site.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONPATH=/app DJANGO_SETTINGS_MODULE=serving.overlay PLACE=container
# inv venv: outside /app, where a mounted project would hide it.
RUN python3 -m venv --without-pip /opt/venv

# inv install: before the code, so that an edit of the code does not install again; without translations' sources.
RUN --mount=type=bind,from=uv,target=/uv \
    --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=uv.toml,target=/etc/uv/uv.toml \
    --mount=type=bind,source=requirements.txt,target=/requirements.txt \
    SSL_CERT_FILE=/uv/etc/ssl/certs/ca-certificates.crt UV_LINK_MODE=copy \
    /uv/usr/local/bin/uv pip install --python /opt/venv --compile-bytecode --require-hashes -r /requirements.txt && \
    find /opt/venv \( -name '*.po' -o -name .lock \) -delete

# The code, readable for the user below under whatever umask it was checked out.
COPY --chmod=755 . /app
# The one folder to write to, for that user and for any other of group 0, which platforms that choose a user keep.
RUN install --directory --owner 10001 --group 0 --mode 770 /app/data

# The static files, and the bytecode that this user cannot write: as root, Python also writes that of its own library.
# What no Python can read, as a template of a file, stops nothing. The script loses the line ends of Windows.
WORKDIR /app/src
RUN SECRET_KEY=for-this-line-only python manage.py collectstatic --no-input && \
    (python -m compileall -qq /app || true) && sed -i 's/\r$//' /app/entrypoint.sh

# Not as root, and by number, which a cluster can check; what asks for the user's name is told one.
USER 10001
ENV USER=site

# inv serve: the script prepares a container for gunicorn, and passes any other command through.
ENTRYPOINT ["/app/entrypoint.sh"]
CMD ["gunicorn", "myproj.wsgi:application"]
EXPOSE 8000

# By bash, as the image has no curl.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${PORT:-8000} && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
