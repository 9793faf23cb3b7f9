#!/bin/bash
# What happens in a container before the server runs. Any other command passes straight through.
set -euo pipefail

if [ "$1" = gunicorn ]; then
  cd /app/src # gunicorn finds gunicorn.conf.py here
  export PORT="${PORT:-8000}"
  # A stop that comes before gunicorn.conf.py can act on it waits for that, instead of being lost on PID 1.
  set -- env --block-signal=INT,TERM "$@"
fi

exec "$@"
