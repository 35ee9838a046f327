#!/bin/bash
# Copyright (c) 2026, the xitrum.host maintainers
# SPDX-License-Identifier: GPL-3.0-or-later
#
# package.sh OUT_DIR [RELEASE_NAME] [--fault page|start|hang] [--padding-mb N]
#
# Builds the demo application and lays OUT_DIR out like Xitrum's target/xitrum. Needs mvn, a JDK and python3.
# Compiles once: another release name or fault only writes another application jar.
set -euo pipefail
APP_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
TARGET="$APP_DIR/target"

fail() { echo "package.sh: $1" >&2; exit 2; }
usage() { fail "$1; usage: package.sh OUT_DIR [RELEASE_NAME] [--fault page|start|hang] [--padding-mb N]"; }

out="" name="" fault="" padding=0
while [ $# -gt 0 ]; do
  case "$1" in
    --fault) [[ "${2-}" =~ ^(page|start|hang)$ ]] || usage "--fault is '${2-}'"; fault="$2"; shift 2 ;;
    --padding-mb) [[ "${2-}" =~ ^[0-9]{1,4}$ ]] || usage "--padding-mb is '${2-}', expected a number of MB"; padding="$2"; shift 2 ;;
    -*) usage "unknown option $1" ;;
    *)
      if [ -z "$out" ]; then out="$1"; elif [ -z "$name" ]; then name="$1"; else usage "one argument too many: $1"; fi
      shift ;;
  esac
done
name="${name:-demo}"
[ -n "$out" ] || usage "OUT_DIR is missing"
[[ "$name" =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || usage "the release name '$name' has other characters than letters, digits, '.', '_' and '-'"
if [ -d "$out" ] && [ -n "$(ls -A "$out")" ] && [ ! -f "$out/script/runner" ]; then
  fail "$out exists and is not a package: name a new folder, or one that package.sh made"
fi
for tool in mvn javac python3 flock; do
  command -v "$tool" > /dev/null || fail "$tool is not found in PATH; on Debian: apt-get install maven openjdk-17-jdk-headless python3 util-linux"
done

mkdir -p "$TARGET"
# Two runs at once would compile into the same folder.
exec 9> "$TARGET/lock"
flock 9

sources="$(cd "$APP_DIR" && find pom.xml src -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)"
if [ "$(cat "$TARGET/compiled" 2> /dev/null)" != "$sources" ]; then
  rm -rf "$APP_DIR"/target/{classes,lib,compiled}
  mvn -B -q -f "$APP_DIR/pom.xml" compile > "$TARGET/build.log" 2>&1 || { tail -n 30 "$TARGET/build.log" >&2; fail "the build failed; the whole log is $TARGET/build.log"; }
  echo "$sources" > "$TARGET/compiled"
fi

parent="$(dirname "$out")"
mkdir -p "$parent"
new="$(mktemp -d "$parent/.package.XXXXXX")"
trap 'rm -rf "$new"' EXIT
cp -r "$APP_DIR/skeleton/." "$new/"
cp -rp "$TARGET/lib" "$new/lib"
python3 "$APP_DIR/make_jars.py" "$TARGET/classes" "$new" "$name" "$fault" "$padding"
find "$new" -type d -exec chmod 0755 {} +
find "$new" -type f -exec chmod 0644 {} +
chmod 0755 "$new"/script/{runner,runner.bat,scalive,scalive.bat}
rm -rf "$out"
mv "$new" "$out"
