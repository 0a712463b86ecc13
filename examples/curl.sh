#!/usr/bin/env bash
# Cuts pictures out with curl alone:
#
#   CLEARCUT_URL=http://localhost:8000 CLEARCUT_KEY=... examples/curl.sh cutouts/ *.jpg
#
# Each picture becomes a file in the folder, whose ending is that of what the server answered.
# PARAMETERS in the environment asks for something else than PNG, as in addresses:
# PARAMETERS='format=jpeg&background=white'. A picture that is refused is told of, and the others go
# on; the exit status is 1 then.
set -euo pipefail

if [ $# -lt 2 ] || [ -z "${CLEARCUT_URL:-}" ] || [ -z "${CLEARCUT_KEY:-}" ]; then
    echo "usage: CLEARCUT_URL=http://localhost:8000 CLEARCUT_KEY=... $0 FOLDER PICTURE..." >&2
    exit 2
fi

folder=$1
shift
api="${CLEARCUT_URL%/}/api/v1"
mkdir -p "$folder"
drafts=$(mktemp -d "$folder/.curl.XXXXXX")
trap 'rm -rf "$drafts"' EXIT
body="$drafts/body"

# Leaves the answer in the file $body and its type in $type; if it fails, a sentence in $problem.
# --retry waits as long as Retry-After says when the server is busy.
ask() {
    local answer
    : >"$body"
    if ! answer=$(curl --silent --show-error --stderr "$drafts/problem" --globoff --retry 5 \
        --max-time 120 --output "$body" --write-out '%{http_code} %{content_type}' \
        -H "Authorization: Token $CLEARCUT_KEY" "$@"); then
        problem=$(tail -n 1 "$drafts/problem")
        return 1
    fi
    type=${answer#* }
    case $answer in 2*) return 0 ;; esac
    problem=$(value detail)
    problem=${problem:-The server answered ${answer%% *}.}
    return 1
}

# The first value of a name in the JSON of $body, without a program for JSON.
value() {
    grep -Eo "\"$1\": *\"([^\"\\\\]|\\\\.)*\"" "$body" | head -n 1 |
        sed -e 's/^"[^"]*": *"//' -e 's/"$//' -e 's/\\\(["\\/]\)/\1/g'
}

# Leaves the name of what was written in $target; if it fails, a sentence in $problem.
cut_out() {
    local picture=$1 quoted cutout name ending
    quoted=${picture//\\/\\\\}
    quoted=${quoted//\"/\\\"}
    ask -H "Prefer: wait=20" -H "Idempotency-Key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" \
        -F "file=@\"$quoted\"" "$api/images/" || return 1
    cutout=$(value latest_cutout)
    while :; do
        ask "$api/cutouts/$cutout/" || return 1
        case $(value status) in
            queued | running) sleep 1 ;;
            failed)
                problem=$(value error_message)
                return 1
                ;;
            *) break ;;
        esac
    done
    ask "$api/cutouts/$cutout/rendition/?${PARAMETERS:-}" || return 1
    ending=${type%%;*}
    ending=${ending#*/}
    name=$(basename "$picture")
    target="$folder/${name%.*}.${ending/jpeg/jpg}"
    mv -f "$body" "$target"
}

status=0
for picture in "$@"; do
    if cut_out "$picture"; then
        echo "$picture -> $target"
    else
        echo "$picture: $problem" >&2
        status=1
    fi
done
exit "$status"
