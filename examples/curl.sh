#!/usr/bin/env bash
# Cuts pictures out with curl alone:
#
#   CLEARCUT_URL=http://localhost:8000 CLEARCUT_KEY=... examples/curl.sh cutouts/ *.jpg
#
# Each picture becomes a PNG in the folder. PARAMETERS in the environment asks for something else,
# as in addresses: PARAMETERS='format=jpeg&background=white'.
set -euo pipefail

folder=$1
shift
api="${CLEARCUT_URL%/}/api/v1"
mkdir -p "$folder"

# --retry waits as long as Retry-After says when the server is busy.
ask() {
    curl --silent --show-error --fail-with-body --retry 5 --max-time 120 \
        -H "Authorization: Token $CLEARCUT_KEY" "$@"
}

# The first value of a name in JSON, without a program for JSON.
value() {
    grep -o "\"$1\": *\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4
}

for picture in "$@"; do
    image=$(ask -H "Prefer: wait=20" -H "Idempotency-Key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" \
        -F "file=@$picture" "$api/images/")
    cutout=$(value latest_cutout <<<"$image")
    status=$(ask "$api/cutouts/$cutout/" | value status)
    while [ "$status" = queued ] || [ "$status" = running ]; do
        sleep 1
        status=$(ask "$api/cutouts/$cutout/" | value status)
    done
    if [ "$status" = failed ]; then
        echo "$picture: $(ask "$api/cutouts/$cutout/" | value error_message)" >&2
        continue
    fi
    name=$(basename "$picture")
    target="$folder/${name%.*}.png"
    case "${PARAMETERS:-}" in
        *format=jpeg*) target="$folder/${name%.*}.jpg" ;;
        *format=webp*) target="$folder/${name%.*}.webp" ;;
        *format=avif*) target="$folder/${name%.*}.avif" ;;
    esac
    ask "$api/cutouts/$cutout/rendition/?${PARAMETERS:-}" -o "$target"
    echo "$picture -> $target"
done
