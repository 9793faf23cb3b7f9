# The Instructions List as a box, in two stages: the first installs, the second holds only what serves.
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim AS build

# inv venv: outside /app, where a mounted project would hide it.
RUN python3 -m venv /opt/venv

# inv install: before the code, so that an edit of the code does not install again. pip then removes itself.
COPY requirements.txt /build/
RUN --mount=type=cache,target=/root/.cache/pip /opt/venv/bin/python -m pip install --require-hashes -r /build/requirements.txt && \
    /opt/venv/bin/python -m pip uninstall --yes pip

# The static files, hashed and compressed. The settings ask for a key, which signs nothing here.
COPY src /app/src
WORKDIR /app/src
RUN SECRET_KEY=for-this-line-only /opt/venv/bin/python manage.py collectstatic --no-input


FROM python:${PYTHON_VERSION}-slim

# Output reaches the log at once; a running container writes no bytecode; and the page says where it is.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PLACE=container

# The one folder that is written to. Group 0, for platforms that choose a user themselves: they keep that group.
RUN install --directory --owner 10001 --group 0 --mode 770 /app/data

COPY --from=build /opt/venv /opt/venv
COPY --from=build /app/staticfiles /app/staticfiles
COPY entrypoint.sh /app/
COPY src /app/src

# inv serve: not as root, and by number, which a cluster can check without looking into the image.
WORKDIR /app/src
USER 10001
ENTRYPOINT ["/app/entrypoint.sh"]
CMD ["gunicorn", "myproj.wsgi:application"]

# Asked by bash itself, so that the image needs no curl, and no Python starts every ten seconds.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
    CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${PORT:-8000} && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
EXPOSE 8000
