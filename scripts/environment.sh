# Makes .venv with w2v and everything its tests need. Sourced by quickstart, test and .ci/run.

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "w2v needs Python 3.11 or newer: install it, or name it with PYTHON=/path/to/python" >&2
    return 1
}

make_environment() {
    local python stamp
    stamp=$(cat setup.cfg pyproject.toml | cksum)
    if [ -x .venv/bin/w2v ] && [ "$(cat .venv/w2v-stamp 2>/dev/null)" = "$stamp" ]; then
        return
    fi
    python=$(find_python)
    echo "making .venv with $("$python" --version) ..." >&2
    if ! "$python" -m venv --clear .venv; then
        echo "no virtual environment could be made; on Debian or Ubuntu: apt install python3-venv" >&2
        return 1
    fi
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
    echo "$stamp" >.venv/w2v-stamp
}
