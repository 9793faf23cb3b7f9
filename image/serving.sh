#!/bin/sh
# Copy from one environment to another what serves. What nothing reads at run time stays behind: sources of
# translations and of C code, lists for uninstalling, tests of packages, and what gevent does only on other systems
# or when told to. The first is removed on the way, so lend a copy in memory: files are made there a lot faster.
#
#   serving.sh FROM TO
set -eu

find "$1" -type f \( \
  -name '*.po' -o -name '*.py[xi]' -o -name '*.px[di]' -o -name '*.[ch]' -o -name '*.[ch]pp' -o -name RECORD \
  -o -path '*/gevent/test*' -o -path '*/greenlet/tests/*' -o -path '*/zope/*/tests/*' \
  -o -path '*/gevent/libuv/*' -o -path '*/gevent/resolver/*ares*' \) -delete
cp -r "$1/." "$2"
