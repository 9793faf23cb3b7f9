#!/bin/sh
# Leave in a folder of packages what serves. What nothing reads at run time goes: sources of translations and of C
# code, lists for uninstalling, tests of packages, and what gevent does only on other systems or when told to.
#
#   serving.sh FOLDER
set -eu

find "$1" -type f \( \
  -name '*.po' -o -name '*.py[xi]' -o -name '*.px[di]' -o -name '*.[ch]' -o -name '*.[ch]pp' -o -name RECORD \
  -o -path '*/gevent/test*' -o -path '*/greenlet/tests/*' -o -path '*/zope/*/tests/*' \
  -o -path '*/gevent/libuv/*' -o -path '*/gevent/resolver/*ares*' \) -delete
