#!/bin/bash
# What happens in a container before the server runs. Any other command passes straight through.
set -euo pipefail

if [ "$1" = gunicorn ]; then
  cd /app/src # gunicorn finds gunicorn.conf.py here
  export PORT="${PORT:-8000}"
  # What is made in the volume is for its group too, which whoever this runs as has (compose/dev.yaml, a cluster). SQLite
  # would make its file for the owner alone; an empty file is an empty database.
  umask 002
  if [ -z "${DATABASE_URL:-}" ]; then
    { : >>/app/data/db.sqlite3 && chmod g+w /app/data/db.sqlite3*; } 2>/dev/null || true
  fi
  # gunicorn reads this one before any code of ours, and ends in a traceback where it is no number.
  if [[ ! ${WEB_CONCURRENCY-1} =~ ^[0-9]+$ ]]; then
    echo "WEB_CONCURRENCY is '$WEB_CONCURRENCY': write a number of workers, or leave it out." >&2
    exit 1
  fi
  # A stop that comes before gunicorn.conf.py can act on it waits for that, instead of being lost on PID 1.
  set -- env --block-signal=INT,TERM "$@"
fi

exec "$@"
