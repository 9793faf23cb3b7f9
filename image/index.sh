# Where packages come from: what the build's secrets say, in uv's words. Sourced by the Dockerfile.
# shellcheck shell=sh
if [ -f /run/secrets/ca.crt ]; then
  export SSL_CERT_FILE=/run/secrets/ca.crt
fi
if [ -f /etc/pip.conf ]; then
  indexes=$(python3 /image/pip_conf.py /etc/pip.conf) || exit 1
  eval "$indexes"
fi
# As with pip, any index may have a file; its hash says that it is the one.
export UV_INDEX_STRATEGY=unsafe-best-match
