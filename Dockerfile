# The Instructions List as a box. The stages before the last one install, compile and collect; the last one
# holds only what serves. What changes least comes first.
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim AS packages

# inv venv: outside /app, where a mounted project would hide it. pip has an environment of its own and stays behind.
RUN python3 -m venv --without-pip /opt/venv && python3 -m venv /opt/pip

# inv install: before the code, so that an edit of the code does not install again.
COPY requirements.txt bytecode.py /build/
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.crt \
    if [ -f /run/secrets/ca.crt ]; then export PIP_CERT=/run/secrets/ca.crt; fi && \
    /opt/pip/bin/pip --python /opt/venv/bin/python install --no-compile --require-hashes -r /build/requirements.txt

# What nothing reads at run time: sources of translations and of C code, lists for uninstalling, tests of packages,
# and what gevent does only on other systems or when told to.
RUN find /opt/venv -type f \( -name '*.po' -o -name '*.py[xi]' -o -name '*.px[di]' -o -name '*.[ch]' -o -name '*.[ch]pp' \
    -o -name RECORD -o -path '*/gevent/test*' -o -path '*/greenlet/tests/*' -o -path '*/zope/*/tests/*' \
    -o -path '*/gevent/libuv/*' -o -path '*/gevent/resolver/*ares*' \) -delete && \
    python3 /build/bytecode.py --into /opt/bytecode /opt/venv/lib


FROM packages AS site

# The code and its bytecode, which must follow every edit.
COPY src /app/src
RUN python3 /build/bytecode.py --into /app/bytecode --besides /opt/bytecode /app/src && \
    # And its outline: what collectstatic needs. It seldom changes, and then the next stage has nothing to do.
    cp -r /app/src /outline && \
    find /outline -type f -not -path '*/static/*' \
    -not -name manage.py -not -name settings.py -not -name environment.py -not -name apps.py -not -name __init__.py -delete


FROM packages AS static

# The static files, hashed and compressed. The settings ask for a key, which signs nothing here.
COPY --from=site /outline /app/src
WORKDIR /app/src
RUN SECRET_KEY=for-this-line-only /opt/venv/bin/python manage.py collectstatic --no-input


FROM python:${PYTHON_VERSION}-slim

# Output reaches the log at once; a running container writes no bytecode; and the page says where it is.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPYCACHEPREFIX=/opt/bytecode PLACE=container

# The one folder that is written to. Group 0, for platforms that choose a user themselves: they keep that group.
# And nobody becomes another user in here.
RUN install --directory --owner 10001 --group 0 --mode 770 /app/data && \
    find / -xdev -type f -perm /6000 -exec chmod a-s {} +

COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /opt/bytecode /opt/bytecode
COPY --from=static /app/staticfiles /app/staticfiles
COPY entrypoint.sh /app/
COPY --from=site /app/src /app/src
COPY --from=site /app/bytecode /opt/bytecode

# inv serve: not as root, and by number, which a cluster can check without looking into the image.
WORKDIR /app/src
USER 10001
ENTRYPOINT ["/app/entrypoint.sh"]
CMD ["gunicorn", "myproj.wsgi:application"]

# Asked by bash itself, so that the image needs no curl, and no Python starts every ten seconds.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
    CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${PORT:-8000} && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
EXPOSE 8000
