#!/usr/bin/env bash
# Property tests that are driven by the OpenAPI document of the service, against the embedded sandbox. Needs Python with venv, and curl.
#
# usage: tests/schemathesis.sh PROGRAM [EXAMPLES]
set -euo pipefail

program=$(realpath "$1")
examples=${2:-50}
version=4.32.5
work=$(mktemp -d)
service=
# shellcheck disable=SC2329 # The trap calls it.
clean() {
  if [ -n "$service" ]; then
    kill "$service" 2> /dev/null || true
    wait "$service" 2> /dev/null || true
  fi
  rm -rf "$work"
}
trap clean EXIT

python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet "schemathesis==$version"

key=ea_admin_0123456789abcdef0123456789abcdef
EASEMOB_FIRST_KEY=$key EASEMOB_DATA_DIR=$work/data EASEMOB_CONFIG_DIR=$work/config \
  "$program" --sandbox serve --listen 127.0.0.1:0 --metrics 127.0.0.1:0 --key-rate 0 > "$work/ready" 2> "$work/log" &
service=$!
for _ in $(seq 100); do
  if [ -s "$work/ready" ]; then break; fi
  sleep 0.1
done
url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/ready")
metrics=$(sed -n 's/.*"metrics":"\([^"]*\)".*/\1/p' "$work/ready")

# Something to find: of names that are made up, most operations know nothing, and never get to their answers.
ask() { curl --silent --show-error --fail-with-body -H "Authorization: Bearer $key" -H 'content-type: application/json' "$@"; }
run_of() { grep -o '[0-9]\{8\}-[0-9]\{6\}-[0-9a-f]\{6\}' | head -n 1; }
app=$url/v1/apps/sandbox
logout='"action":{"kind":"logout","selection":{}},"reason":"test"'
run=$(ask "$app/runs" -d "{$logout,\"users\":[\"user0001\"]}" | run_of)
held=$(ask "$app/runs" -d "{$logout,\"users\":[\"user0002\"],\"hold\":true}" | run_of)
ask "$app/runs" -d '{"action":{"kind":"lock","until":"2099-01-01T00:00:00Z"},"reason":"test","users":["user0003"]}' > /dev/null
ask -X PUT "$app/schedules/night" -d '{"cron":"0 3 * * *","job":"due_unlocks"}' > /dev/null
root=$(ask "$url/v1/apps" | sed -n 's/.*"app_root":"\([^"]*\)".*/\1/p')
name=${root##*/}
org=${root%/*}
cat > "$work/known.toml" << END
[parameters]
"path.app" = "sandbox"
"path.org" = "${org##*/}"
"path.name" = "$name"
"path.user" = "user0003"
"path.run" = "$run"
"path.entry" = "0"
"path.schedule" = "night"
"query.format" = "jsonl"

[[operations]]
include-path-regex = "/(start|pause|stop)$"
parameters = { "path.run" = "$held" }
END
: > "$work/made-up.toml"

# It keeps what it found where it is run.
cd "$work"

# An answer that never ends cannot be read to its end; what the key itself can do to itself is left out, or the rest would be
# refused.
for names in made-up known; do
  "$work/python/bin/schemathesis" --config-file "$work/$names.toml" run "$url/v1/openapi.json" \
    --header "Authorization: Bearer $key" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --exclude-path /v1/apps/{app}/events --exclude-path-regex '^/v1/keys/\{key\}' \
    --phases examples,coverage,fuzzing --max-examples "$examples" --request-timeout 60 --no-color
done
kill -0 "$service"

# Each operation has done what it is for at least once. Those are left out that take a rule or a code that is not here, or a body that
# nobody makes up.
curl --silent --show-error "$metrics" > "$work/metrics"
python3 - "$url/v1/openapi.json" "$work/metrics" << 'END'
import json, re, sys, urllib.request

document = json.load(urllib.request.urlopen(sys.argv[1]))
done = set(re.findall(r'requests_total\{method="(\w+)",route="([^"]+)",status="2\d\d"\}', open(sys.argv[2]).read()))
left_out = re.compile(r"/events$|/approvals/\{run\}|^/v1/keys|/(devices|statuses|logins/kept)$")
missing = [
    f"{method.upper()} {path}"
    for path, item in document["paths"].items()
    for method in item
    if method in ("get", "put", "post", "delete", "patch")
    and (method.upper(), path) not in done
    and not left_out.search(path)
]
if missing:
    sys.exit("no request brought an answer of: " + ", ".join(missing))
END
