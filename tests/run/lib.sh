# shellcheck shell=bash
# Sourced by the scripts of this folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
LOGS=.cache/log
mkdir -p "$LOGS"
export PATH="$PWD/.venv/bin:$PATH"
export DEBIAN_FRONTEND=noninteractive

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# step WHAT COMMAND...: one line with the time it took; on failure the end of its log, and where the whole log is.
step() {
    local what=$1 log began=${EPOCHREALTIME/[.,]/} milliseconds code=0
    log="$LOGS/$(tr -cs 'A-Za-z0-9.\n' - <<< "$what").log"
    shift
    printf '%-64s' "$what"
    "$@" > "$log" 2>&1 < /dev/null || code=$?
    milliseconds=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
    printf '%5d.%d s%s\n' $((milliseconds / 1000)) $((milliseconds % 1000 / 100)) "$([ $code = 0 ] || echo '  FAILED')"
    if [ $code != 0 ]; then
        tail -n 40 "$log" >&2
        fail "" "$what: code $code. The whole log: $log"
    fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif sudo -n true 2> /dev/null || [ -t 0 ]; then
        sudo -E "$@"
    else
        fail "Needs root for: $*" "Found neither root nor sudo without a password. Run that command yourself, then this again."
    fi
}
