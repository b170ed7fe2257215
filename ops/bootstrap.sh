# Sourced by ops/demo and ops/test: from a bare machine to an environment with everything in uv.lock.
#
# Needs a POSIX shell, Python 3.11-3.13 and the package index; nothing else. Started by root it installs into
# /opt/spine-triage, readable for the account the product runs as: no folder above the checkout changes its mode.
# A step that is already done is recognised by a stamp and takes no time.

UV_VERSION=0.13.8
STARTED=$(date +%s)
umask 022
# The caller's Python settings must not reach ours (a foreign PYTHONPATH, or byte code never written).
unset PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE VIRTUAL_ENV UV_PROJECT_ENVIRONMENT PIP_TARGET || :
PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
export PATH
# A hospital's proxy signs with the machine's own authorities, so those count.
export UV_SYSTEM_CERTS=1 UV_NO_PROGRESS=1 UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1

step() { # NUMBER TEXT
    printf '[%s/%s] %4ss  %s\n' "$1" "$STEPS" "$(($(date +%s) - STARTED))" "$2"
}

fail() { # EXIT_CODE TEXT...
    code=$1
    shift
    printf '\n%s\n' "$@" >&2
    exit "$code"
}

quietly() { # COMMAND...: output to the log; a sign of life every ten seconds; the log's end when it fails
    "$@" >>"$LOG" 2>&1 &
    running=$!
    waited=0
    while kill -0 "$running" 2>/dev/null; do
        sleep 0.5
        waited=$((waited + 1))
        [ $((waited % 20)) -ne 0 ] || printf '      %4ss  still at it\n' "$(($(date +%s) - STARTED))"
    done
    if ! wait "$running"; then
        tail -n 15 "$LOG" >&2
        fail 1 "That did not work: $*" "The whole log: $LOG"
    fi
}

is_root() { [ "$(id -u)" -eq 0 ]; }

suits() { # PYTHON: the right version, and as root one that other accounts can run
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || return 1
    ! is_root || setpriv --reuid=65534 --regid=65534 --clear-groups "$1" -I -c '' 2>/dev/null
}

find_python() {
    for candidate in python3 /usr/bin/python3 python3.13 python3.12 python3.11 \
        /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11 /usr/local/bin/python3; do
        found=$(command -v "$candidate" 2>/dev/null) || continue
        if suits "$found"; then
            # The interpreter itself: a shim's choice may change with the folder we stand in.
            PYTHON=$("$found" -c 'import os, sys; print(os.path.realpath(sys.executable))')
            PYTHON_VERSION=$("$PYTHON" -c 'import platform; print(platform.python_version())')
            return 0
        fi
    done
    fail 9 "Python 3.11, 3.12 or 3.13 is needed$(! is_root || echo ', where every account can run it')." \
        "Found: $(python3 --version 2>/dev/null || echo 'no python3 at all')." \
        "Debian 12 and Ubuntu 24.04 have one: apt-get install -y python3"
}

# Sets ENVIRONMENT, BOOT and UV_CACHE_DIR. $1 is "demo" or "test".
choose_places() {
    if is_root && [ "$1" = demo ]; then
        BOOT=/opt/spine-triage/boot
        ENVIRONMENT=/opt/spine-triage/venv
    elif [ -w "$CHECKOUT" ]; then
        BOOT=$CHECKOUT/.venv-boot
        ENVIRONMENT=$CHECKOUT/.venv
    else
        BOOT=${XDG_DATA_HOME:-${HOME:-/tmp/spine-triage-$(id -u)}/.local/share}/spine-triage-install/boot
        ENVIRONMENT=$(dirname "$BOOT")/venv
    fi
    mkdir -p "$(dirname "$ENVIRONMENT")"
    if [ -z "${HOME:-}" ] || [ ! -w "${HOME:-/nowhere}" ]; then
        UV_CACHE_DIR=${UV_CACHE_DIR:-$(dirname "$ENVIRONMENT")/.uv-cache}
        export UV_CACHE_DIR
    fi
    LOG=$(mktemp "${TMPDIR:-/tmp}/spine-triage-install.XXXXXX")
}

install_venv_module() {
    minor=$("$PYTHON" -c 'import sys; print(f"{sys.version_info[0]}.{sys.version_info[1]}")')
    line="apt-get update && apt-get install -y python$minor-venv"
    if ! is_root; then
        fail 9 "Python's venv module is missing. An administrator can add it:" "    sudo sh -c '$line'"
    fi
    command -v apt-get >/dev/null || fail 9 "Python's venv module is missing; install python$minor-venv."
    step 2 "installing python$minor-venv (apt)"
    quietly env DEBIAN_FRONTEND=noninteractive sh -c "$line --no-install-recommends"
}

# Sets UV: the pinned version, in a small environment of its own.
get_uv() {
    UV=$BOOT/bin/uv
    if [ "$("$UV" --version 2>/dev/null | cut -d ' ' -f 2)" = "$UV_VERSION" ]; then
        return 0
    fi
    if [ "$(/usr/bin/env uv --version 2>/dev/null | cut -d ' ' -f 2)" = "$UV_VERSION" ]; then
        UV=$(command -v uv)
        return 0
    fi
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || install_venv_module
    rm -rf "$BOOT"
    quietly "$PYTHON" -m venv "$BOOT"
    quietly "$BOOT/bin/python" -m pip install --quiet "uv==$UV_VERSION"
}

fingerprint() { # WORDS...: what the environment was made from; with a copy of the code, the code as well
    "$PYTHON" - "$CHECKOUT" "$@" <<'PYTHON_END'
import hashlib, os, sys

checkout, *words = sys.argv[1:]
names = ["uv.lock", "pyproject.toml"]
if "--no-editable" in words:
    for top in ("triage", "workers", "migrations"):
        for folder, folders, files in os.walk(os.path.join(checkout, top)):
            folders[:] = sorted(f for f in folders if f != "__pycache__")
            names += [os.path.relpath(os.path.join(folder, name), checkout) for name in sorted(files)]
whole = hashlib.sha256(repr((sys.version, words)).encode())
for name in names:
    with open(os.path.join(checkout, name), "rb") as stream:
        whole.update(name.encode() + b"\0" + hashlib.sha256(stream.read()).digest())
print(whole.hexdigest())
PYTHON_END
}

install_packages() { # uv sync's options
    mark=$(fingerprint "$@")
    # The stamp goes first: an installation cut short must not look finished.
    rm -f "$ENVIRONMENT/.made-from"
    quietly env UV_PROJECT_ENVIRONMENT="$ENVIRONMENT" "$UV" sync --project "$CHECKOUT" --frozen \
        --python "$PYTHON" --reinstall-package spine-triage "$@"
    printf '%s\n' "$mark" >"$ENVIRONMENT/.made-from"
}

is_installed() { # uv sync's options
    [ -x "$ENVIRONMENT/bin/python" ] && [ "$(cat "$ENVIRONMENT/.made-from" 2>/dev/null)" = "$(fingerprint "$@")" ]
}

# bootstrap KIND OPTIONS...: after it, $ENVIRONMENT/bin/python has everything. Two at once wait for each other.
bootstrap() {
    kind=$1
    shift
    find_python
    step 1 "Python $PYTHON_VERSION ($PYTHON)"
    choose_places "$kind"
    exec 9>"$ENVIRONMENT.lock"
    flock 9
    if is_installed "$@"; then
        step 2 "uv: not needed"
        step 3 "packages: already in $ENVIRONMENT"
    else
        step 2 "getting uv $UV_VERSION"
        get_uv
        step 3 "installing the locked packages into $ENVIRONMENT (TensorFlow is the big one)"
        install_packages "$@"
    fi
    exec 9>&-
    rm -f "$LOG"
}
