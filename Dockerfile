# The Instructions List as a box. The last stage stands on `packages` and holds only what serves: what installs and
# compiles is lent to a stage from outside it (bind, cache, secret), and never in a layer.
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim AS scripts

# Scripts as Linux needs them, however they were checked out: its line ends, and the run bit.
COPY entrypoint.sh image /scripts/
RUN sed -i 's/\r$//' /scripts/*.sh && chmod 755 /scripts/*.sh


FROM python:${PYTHON_VERSION}-slim AS tools

# What installs: uv, fetched by the pip that every Python brings along, which itself would take three times as long
# whenever a package is added. https://docs.python.org/3/library/ensurepip.html
COPY requirements-uv.txt /tools/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.crt \
    if [ -f /run/secrets/ca.crt ]; then export PIP_CERT=/run/secrets/ca.crt; fi && \
    python3 -c "import ensurepip, glob, sysconfig, zipfile; \
    folder = sysconfig.get_config_var('WHEEL_PKG_DIR') or ensurepip.__path__[0] + '/_bundled'; \
    zipfile.ZipFile(glob.glob(folder + '/pip-*.whl')[0]).extractall('/tools/pip')" && \
    PYTHONPATH=/tools/pip python3 -m pip install --disable-pip-version-check --root-user-action ignore \
    --no-cache-dir --no-compile --target /tools --require-hashes -r /tools/requirements-uv.txt


FROM python:${PYTHON_VERSION}-slim AS packages

# The one folder that is written to. Group 0, for platforms that choose a user themselves: they keep that group.
# And nobody becomes another user in here: the programs for that go.
RUN install --directory --owner 10001 --group 0 --mode 770 /app/data && \
    find / -xdev -type f -perm /6000 -delete

# Output reaches the log at once. A running container writes no bytecode: all of it, that of the standard library
# too, is in one folder, and bytecode.py decides what. PLACE is what the page says.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPYCACHEPREFIX=/opt/bytecode PLACE=container

# What the helpers of the next steps ask of the standard library: they start faster, and the site asks for it too. Here
# and for the packages without columns, which only tracebacks show; the site's own code keeps them.
RUN --mount=type=bind,from=scripts,source=/scripts,target=/image \
    --mount=type=cache,target=/root/.cache \
    PYTHONNODEBUGRANGES=1 \
    python3 /image/bytecode.py --into /opt/bytecode --cache /root/.cache/bytecode /image && rm -r /opt/bytecode/image

# inv venv: outside /app, where a mounted project would hide it, and without a pip.
RUN python3 -m venv --without-pip /opt/venv

# inv install: before the code, so that an edit of the code does not install again. By way of memory, where files are
# made a lot faster; from there the packages and their bytecode go into the layer side by side. What they need of each
# other is in requirements.txt already, and is not looked up again but checked.
RUN --mount=type=bind,from=tools,source=/tools,target=/tools \
    --mount=type=bind,from=scripts,source=/scripts,target=/image \
    --mount=type=bind,source=requirements.txt,target=/requirements.txt \
    --mount=type=tmpfs,target=/memory \
    --mount=type=cache,target=/root/.cache \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.crt \
    . /image/index.sh && \
    /tools/bin/uv pip install --python /opt/venv --prefix /memory --link-mode copy --no-deps --require-hashes \
    -r /requirements.txt && \
    /image/serving.sh /memory && python3 /image/strip.py /memory && \
    { cp -r /memory/. /opt/venv & } && \
    PYTHONNODEBUGRANGES=1 \
    python3 /image/bytecode.py --into /opt/bytecode --cache /root/.cache/bytecode /memory/lib:/opt/venv/lib && \
    wait $! && \
    if ! /tools/bin/uv pip check --python /opt/venv; then \
    echo 'requirements.txt lacks what its packages need: type inv lock, which writes it anew from requirements.in.' && exit 1; fi


FROM python:${PYTHON_VERSION}-slim AS outline

# What collectstatic needs of the code. It seldom changes, and then the next stage has nothing to do.
COPY src /outline
RUN find /outline -type f -not -path '*/static/*' \
    -not -name manage.py -not -name settings.py -not -name environment.py -not -name apps.py -not -name __init__.py -delete


FROM packages AS static

# The static files, hashed and compressed. The settings ask for a key, which signs nothing here.
COPY --from=outline /outline /app/src
RUN SECRET_KEY=for-this-line-only python /app/src/manage.py collectstatic --no-input


FROM packages

COPY --from=scripts /scripts/entrypoint.sh /app/
WORKDIR /app/src

# The code, readable for the user below under whatever umask it was checked out, and its bytecode, which must follow
# every edit.
COPY src /app/src
RUN --mount=type=bind,from=scripts,source=/scripts,target=/image \
    --mount=type=cache,target=/root/.cache \
    find /app/src ! -perm -a=r -exec chmod a+rX {} + && \
    python3 /image/bytecode.py --into /opt/bytecode --cache /root/.cache/bytecode /app/src
COPY --from=static /app/staticfiles /app/staticfiles

# inv serve: not as root, and by number, which a cluster can check without looking into the image.
USER 10001
ENTRYPOINT ["/app/entrypoint.sh"]
CMD ["gunicorn", "myproj.wsgi:application"]

# Asked by bash itself, so that the image needs no curl, and no Python starts every ten seconds.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
    CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${PORT:-8000} && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
EXPOSE 8000
