#!/bin/bash
# What happens in a container before the server runs. Any other command passes straight through.
set -euo pipefail

# In a Swarm the settings come as a secret, with a zero byte after each. What is given by name wins.
if [ -f /run/secrets/settings ]; then
  while IFS= read -r -d '' setting; do
    [ -v "${setting%%=*}" ] || export "${setting?}"
  done </run/secrets/settings
fi

if [ "$1" = gunicorn ]; then
  # The group of the volume may write to what the site creates there: another user of group 0 may come next.
  umask 002
  # gunicorn reads this one before any code of ours, and ends in a traceback where it is no number.
  if [[ ! ${WEB_CONCURRENCY-1} =~ ^[0-9]+$ ]]; then
    echo "WEB_CONCURRENCY is '$WEB_CONCURRENCY': write a number of workers, or leave it out." >&2
    exit 1
  fi
  # Until gunicorn listens for signals, a stop waits instead of being lost on PID 1.
  set -- env --block-signal=INT,TERM gunicorn --config /app/serving/gunicorn.conf.py "${@:2}"
fi

exec "$@"
