#!/usr/bin/env bash
# Carries out the commands of first-run.md as they stand there, and says when the function was answered.
set -euo pipefail

help() {
    cat <<'HELP'
Usage: docs/guide/first-run.sh [--here]

Clones this repository into a directory of its own, carries out the commands of docs/guide/first-run.md, types what stands
there into the playground, waits for the answers, and removes everything. Each command is shown with the seconds since
the beginning. Commands that begin with sudo are shown, but not run.

  --here   works with this repository as it is, changes that are not committed included, in place of a clone
HELP
}

guide=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=$(cd "$guide/../.." && pwd)
here=
case ${1-} in
    '') ;;
    --here) here=yes ;;
    *) help && exit ;;
esac

begun=$(date +%s)
exec 4>&2
say() { printf '[%4d s] %s\n' "$(($(date +%s) - begun))" "$*" >&4; }

work=$(mktemp -d)
first= second=
finish() {
    for terminal in $first $second; do
        kill -TERM -- "-$terminal" 2>/dev/null || continue
        wait "$terminal" 2>/dev/null || true
        while kill -0 -- "-$terminal" 2>/dev/null; do sleep 0.1; done
    done
    rm -rf "$work"
}
trap finish EXIT

# The blocks of this kind in these chapters, each in a file: $work/console-1, …
blocks() {
    local kind=$1
    shift
    awk -v kind="$kind" -v work="$work" '
        $0 == "```" kind { out = work "/" kind "-" ++number; next }
        /^```/ { if (out) close(out); out = ""; next }
        out { print > out }' "$@"
}

# Types a block's commands where its user sits; a command in a terminal of its own, as the guide says.
terminal() {
    local command
    while IFS= read -r command <&9; do
        command=${command#\$ }
        [[ -z $here ]] || command=${command//?(..\/)processor\/Cargo.toml/$REPOSITORY/Cargo.toml}
        say "\$ $command"
        case $command in
            sudo\ *) say '  (not run: it needs root)' ;;
            'git clone '*) [[ -n $here ]] || eval "$command" ;;
            *) eval "$command" ;;
        esac
    done 9<"$1"
}

# Waits until the first terminal shows a text.
shows() {
    until grep -qF -- "$1" "$work/first"; do
        for terminal in $first $second; do
            kill -0 "$terminal" 2>/dev/null && continue
            say "it ended before it showed: $1"
            tail -n 40 "$work/first" "$work/second" >&2
            exit 1
        done
        sleep 0.1
    done
}

# Types what is a command, waits for what is not.
types() {
    local line
    while IFS= read -r line; do
        case $line in
            function\ * | action\ * | inbound\ * | field\ * | incident | help)
                say "> $line"
                printf '%s\n' "$line" >&3
                ;;
            *) shows "$line" ;;
        esac
    done <"$1"
}

shopt -s extglob
set -m
blocks console "$guide/first-run.md"
blocks playground "$guide/first-run.md" "$guide/testing.md"
cd "$work"
mkfifo typed
touch first second
(terminal console-1 <typed >first) &
first=$!
exec 3>typed
shows 'help` shows what else'
# Not holding the first one's input open.
(exec 3>&- </dev/null >second 2>&1; terminal console-2) &
second=$!
types playground-1
say 'The function is answered.'
cat first
types playground-2
types playground-3
exec 3>&-
wait "$first" || { tail -n 40 first >&2 && exit 1; }
first=
say 'The playground has ended.'
