# shellcheck shell=bash
# Sourced by the scripts of this folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LOGS=.cache/log
mkdir -p "$LOGS"
export PATH="$PWD/.venv/bin:$PATH"
export DEBIAN_FRONTEND=noninteractive
# Byte code is kept, next to everything else that is written: or each of hundreds of runs would compile Ansible again.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX=$PWD/.cache/pycache

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# step WHAT COMMAND...: one line with the time it took; on failure the end of its log, and where the whole log is.
step() {
    local what=$1 log began=${EPOCHREALTIME/[.,]/} milliseconds code passed
    log="$LOGS/$(tr -cs 'A-Za-z0-9.\n' - <<< "$what").log"
    shift
    printf '%-64s' "$what"
    # Not in a condition, where a function would go on after a command of it that failed.
    set +e
    (set -e; "$@") > "$log" 2>&1 < /dev/null
    code=$?
    set -e
    milliseconds=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
    # What test runners counted is shown too, and added up by tests/run/test.
    passed=$(sed -n 's/.*\b\([0-9][0-9]*\) passed\b.*/\1/p' "$log" | awk '{sum += $1} END {if (NR) print sum}')
    printf '%5d.%d s%s\n' $((milliseconds / 1000)) $((milliseconds % 1000 / 100)) "${passed:+  $passed passed}$([ "$code" = 0 ] || echo '  FAILED')"
    [ -z "$passed" ] || echo "$passed" >> "$LOGS/passed"
    if [ "$code" != 0 ]; then
        tail -n 40 "$log" >&2
        fail "" "$what: code $code. The whole log: $log"
    fi
}

# Ends the process of tests/run/bin/ansible-playbook, and removes its folder.
end_ansible_server() {
    # It may have ended.
    [ ! -e "$ANSIBLE_SERVER.pid" ] || kill "$(cat "$ANSIBLE_SERVER.pid")" 2> /dev/null || true
    rm -rf "$(dirname "$ANSIBLE_SERVER")"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        # A sudo that needs a password asks for it on the terminal, or reports that there is none.
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    else
        fail "Needs root for: $*" "Found neither root nor sudo. Run that command as root yourself, then this again."
    fi
}

# side_by_side "SCRIPT ARGUMENTS"...: scripts of this folder, several at a time, each with a log of its own.
side_by_side() {
    # Two more than there are processors: scenarios wait for their hosts half of the time.
    printf '%s\n' "$@" | xargs -P "${LANES:-$(($(nproc) + 2))}" -L 1 tests/run/lane
}
