#!/bin/bash
# What happens in a container before the server runs. Any other command passes straight through.
set -euo pipefail

# PID 1 ignores a signal it has no handler for; a stop that comes this early is to stop.
trap 'exit 143' INT TERM

if [ "$1" = gunicorn ]; then
  cd /app/src # gunicorn finds gunicorn.conf.py here
  export PORT="${PORT:-8000}"
fi

exec "$@"
