#!/bin/bash
# Back up the database and the files of the site's volume, or put them back, with restic: https://restic.readthedocs.io
# `inv backup` and `inv restore` run this in the container of compose/backup.yaml.
set -euo pipefail
shopt -s inherit_errexit

DATA=/app/data
COPY=/backup                 # what is no file of the volume: a dump of PostgreSQL, copies of SQLite
DUMP=$COPY/postgres.dump
NEXT=$DATA/.restored         # on the same disk as the files, so that each is put in place at once
PLAIN=(--no-owner --no-privileges)
KEEP=${BACKUP_KEEP:-30}

# Empties a database, as `inv db restore` does: PostGIS, and sites of several tenants, have schemas besides public; those
# of an extension are its own to drop.
EMPTY=$(
  cat <<'SQL'
DO $$ DECLARE s name; BEGIN FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'
AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_namespace'::regclass AND objid = pg_namespace.oid
AND deptype = 'e') LOOP EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', s); END LOOP; END $$;
CREATE SCHEMA public
SQL
)

say() { echo "$*" >&2; }
refuse() { say "$*"; exit 1; }

quiet=--quiet key=--insecure-no-password
[ -z "${RESTIC_PASSWORD-}" ] || key=
# shellcheck disable=SC2086
restic() { command restic $quiet $key --retry-lock 5m "$@"; } # another may be at it

# Print the address of the site's PostgreSQL as its own programs read it, without what only Django knows; or nothing.
postgres() {
  case ${DATABASE_URL-} in
    postg*://*) url=postgres://${DATABASE_URL#*://} ;;
    sqlite*:* | "") return ;;
    *) refuse "Only PostgreSQL and SQLite are backed up, and DATABASE_URL is neither: use the tool of that database." ;;
  esac
  [[ $url == *sslmode=* ]] || url=${url%%\?*}
  echo "$url"
}

# Print the SQLite databases of a folder, known by how such a file begins, relative to it.
sqlite_files() {
  find "$1" -type f -size +15c -printf '%P\n' | while IFS= read -r file; do
    [ "$(head --bytes 15 "$1/$file" | tr -d '\0')" != 'SQLite format 3' ] || echo "$file"
  done
}

# Find the backups, and make a place for them if told so. restic itself would try for a quarter of an hour.
open() {
  local code=0 error
  # shellcheck disable=SC2086
  error=$(timeout 10 restic $key cat config 2>&1 >/dev/null) || code=$?
  case $code:$error in
    0:*) return ;;
    10:* | 124:*'bucket does not exist'*) ;; # https://restic.readthedocs.io/en/stable/075_scripting.html#exit-codes
    12:*) refuse "RESTIC_PASSWORD in .env is not the one of these backups: set that one again." ;;
    124:*)
      error=${error%%$'\n'*}
      refuse "That place does not answer: ${error#*retrying after *: }."
      ;;
    *) refuse "$error" ;;
  esac
  [ "${1-}" = new ] || refuse "There is no backup yet at that place: \`inv backup\` makes one."
  restic init >&2
}

backup() {
  local url said files tried
  url=$(postgres)
  rm -rf $COPY
  mkdir $COPY
  # The database comes first, so that what its rows name is among the files.
  if [ "$url" ]; then
    # Not compressed, so that restic finds what is the same as yesterday; it compresses itself.
    pg_dump --format custom --compress none "${PLAIN[@]}" --dbname "$url" --file "$DUMP"
  fi
  sqlite_files $DATA >/tmp/sqlite
  [ "$url" ] || [ -s /tmp/sqlite ] ||
    refuse "There is no database to back up: no SQLite file in $DATA, and DATABASE_URL in .env names none."
  : >/tmp/excluded
  while IFS= read -r file; do
    mkdir -p "$COPY/sqlite/$(dirname "$file")"
    sqlite3 "$DATA/$file" '.timeout 10000' ".backup '${COPY}/sqlite/$file'"
    printf '%s\n' "$DATA/$file"{,-wal,-shm,-journal} >>/tmp/excluded
  done </tmp/sqlite
  restic unlock # of one that was killed
  # 3 is for a file that went while it was read, which is the site's business.
  said=$(quiet='' restic backup --exclude $NEXT --exclude-file /tmp/excluded --group-by host $COPY $DATA) || [ $? = 3 ]
  id=$(sed --quiet 's/^snapshot \([0-9a-f]*\) saved$/\1/p' <<<"$said")
  trap 'restic forget "$id"; leave' EXIT
  tried=$(try_out)
  trap leave EXIT
  restic forget --host "$RESTIC_HOST" --group-by host --keep-last "$KEEP" --prune
  restic check
  files=$(sed --quiet 's/^processed \(.* files, .*\) in .*/\1/p' <<<"$said")
  say "Backed up as $id: $tried; ${files/#1 files/1 file}. The last $KEEP are kept."
}

# Restore backup $id into a database that is thrown away, and print what there is in it.
try_out() {
  local at=/tmp/try
  rm -rf $at
  restic restore "$id" --include $COPY --target $at >/dev/null
  chmod a+x $at
  if [ -e $at$DUMP ]; then
    install --directory --owner postgres $at/server
    server initdb --username site --auth trust --no-sync >/dev/null
    server pg_ctl start --silent --wait --log $at/server/log \
      --options "-c listen_addresses= -c unix_socket_directories=$at/server -c fsync=off" >&2
    createdb --host $at/server --username site site
    pg_restore --exit-on-error "${PLAIN[@]}" --host $at/server --username site --dbname site $at$DUMP
    psql --host $at/server --username site --dbname site --tuples-only --no-align --command \
      "SELECT count(*) || ' tables of PostgreSQL' FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'"
    server pg_ctl stop --silent --mode immediate >&2
  else
    whole $at$COPY/sqlite
  fi
  rm -rf $at
}

# Run a program of the server in /tmp/try, which does not run as root.
server() {
  PGDATA=/tmp/try/server/data setpriv --reuid postgres --regid postgres --clear-groups "$@"
}

# Print the number of tables in the SQLite databases of a folder; fails unless each is whole.
whole() {
  local tables=0 file
  while IFS= read -r file; do
    [ "$(sqlite3 "$1/$file" 'PRAGMA integrity_check')" = ok ] || refuse "$file in the backup is not whole."
    ((tables += $(sqlite3 "$1/$file" "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"))) || true
  done < <(sqlite_files "$1")
  echo "$tables tables of SQLite"
}

# Put a backup back. Until all of it is read and tried, nothing changes; then the database changes at once.
restore() {
  local at=/tmp/restore url file
  url=$(postgres)
  trap 'rm -rf $NEXT; leave' EXIT
  rm -rf $at $NEXT
  restic restore "$1" --host "$RESTIC_HOST" --target $at >/dev/null
  if [ "$url" ]; then
    [ -e $at$DUMP ] || refuse "That backup has no PostgreSQL, and this site has: bring it up without --with db first."
    pg_restore "${PLAIN[@]}" --file $at/sql $at$DUMP
  else
    [ ! -e $at$DUMP ] || refuse "That backup is one of PostgreSQL, and this site has none: bring it up with --with db first."
    whole $at$COPY/sqlite >/dev/null
  fi
  cp --archive $at$DATA $NEXT
  if [ "$url" ]; then
    # It changes completely or not at all, and fails if somebody holds a table for longer than this (in ms).
    psql --dbname "$url" --quiet --output /dev/null --single-transaction --set ON_ERROR_STOP=1 \
      --command "SET lock_timeout = 10000; SET client_min_messages = error" \
      --command "$EMPTY" --file $at/sql
  fi
  if [ -d $at$COPY/sqlite ]; then
    sqlite_files $at$COPY/sqlite | while IFS= read -r file; do
      restore_sqlite "$at$COPY/sqlite/$file" "$file"
    done
  fi
  place_files
  say "Restored: the database and the files."
}

# Put a copy into the database that is there, page by page and all at once, as the site has it open; else among the files.
restore_sqlite() {
  if [[ $2 != */* && -e $DATA/$2 ]]; then
    sqlite3 "$DATA/$2" '.timeout 10000' ".restore '$1'"
  else
    install --mode 660 "$1" "$NEXT/$2"
    chown --reference $DATA "$NEXT/$2"
  fi
}

# Replace the files of the volume by those in $NEXT, but for the databases, which somebody has open.
place_files() {
  sqlite_files $DATA | sed -E "s,.*,$DATA/&\n$DATA/&-wal\n$DATA/&-shm\n$DATA/&-journal," >/tmp/open
  find $DATA -mindepth 1 -maxdepth 1 -not -path $NEXT >/tmp/all
  { grep --line-regexp --invert-match --fixed-strings --file /tmp/open /tmp/all || true; } |
    xargs --no-run-if-empty --delimiter '\n' rm -rf
  find $NEXT -mindepth 1 -maxdepth 1 -exec mv --target-directory $DATA {} +
}

every_day() {
  trap 'trap "" TERM; kill 0; wait; exit 0' TERM # a backup that is being made ends, and leaves nothing
  BACKUP_AT=${BACKUP_AT:-03:00}
  date --date "$BACKUP_AT" >/dev/null || refuse "BACKUP_AT is '$BACKUP_AT': write a time of the day in UTC, for example 03:00."
  open new
  touch /tmp/waiting
  while true; do
    sleep $((($(date --date "$BACKUP_AT" +%s) - $(date +%s) + 86399) % 86400 + 1)) &
    wait $!
    bash "$0" backup &
    if wait $!; then rm -f /tmp/failed; else touch /tmp/failed; fi
  done
}

# What was written into a person's folder is that person's.
leave() { [ "$RESTIC_REPOSITORY" != /backups ] || chown --recursive --reference /backups /backups; }
trap leave EXIT

case $1 in
  backup)
    open new
    backup
    ;;
  restore)
    open
    restore "${2:-latest}"
    ;;
  list)
    open
    quiet=
    restic snapshots --host "$RESTIC_HOST" --compact
    ;;
  every-day) every_day ;;
esac
