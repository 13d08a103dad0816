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

# Another Python with schemathesis may be named, so that a second run installs nothing.
python=${SCHEMATHESIS_PYTHON:-$work/python}
if [ ! -d "$python" ]; then
  python3 -m venv "$python"
  "$python/bin/pip" install --quiet "schemathesis==$version"
fi

echo secret > "$work/secret"
chmod 600 "$work/secret"
key=ea_admin_0123456789abcdef0123456789abcdef
EASEMOB_FIRST_KEY=$key EASEMOB_DATA_DIR=$work/data EASEMOB_CONFIG_DIR=$work/config \
  "$program" --sandbox serve --notices http://127.0.0.1:9/ --notices-secret-file "$work/secret" --listen 127.0.0.1:0 --metrics 127.0.0.1:0 --key-rate 0 --log json > "$work/ready" 2> "$work/log" &
service=$!
for _ in $(seq 300); do
  if [ -s "$work/ready" ]; then break; fi
  sleep 0.1
done
url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/ready")
metrics=$(sed -n 's/.*"metrics":"\([^"]*\)".*/\1/p' "$work/ready")

# Something to find: of names that are made up, most operations know nothing, and never get to their answers.
ask() { curl --silent --show-error --fail-with-body -H "Authorization: Bearer $key" -H 'content-type: application/json' "$@"; }
run_of() { grep -o '[0-9]\{8\}-[0-9]\{6\}-[0-9a-f]\{6\}' | head -n 1; }
id_of() { sed -n 's/.*"id":"\([^"]*\)".*/\1/p'; }
app=$url/v1/apps/sandbox
logout='"action":{"kind":"logout","selection":{}},"reason":"test"'
run=$(ask "$app/runs" -d "{$logout,\"users\":[\"user0001\"]}" | run_of)
held=$(ask "$app/runs" -d "{$logout,\"users\":[\"user0002\"],\"hold\":true}" | run_of)
ask "$app/runs" -d '{"action":{"kind":"lock","until":"2099-01-01T00:00:00Z"},"reason":"test","users":["user0003"]}' > /dev/null
ask -X PUT "$app/schedules/night" -d '{"cron":"0 3 * * *","job":"due_unlocks"}' > /dev/null
ask -X PUT "$app/watches/phones" -d '{"policy":"default = 4","max_logouts_per_hour":1}' > /dev/null
ask -X PUT "$app/watches/old" -d '{"policy":"default = 4","max_logouts_per_hour":1}' > /dev/null
scan=$(ask "$app/logins/scans" -d '{}' | run_of)
# Bans of more than 100 users need others to agree, and one waits for each decision.
ask -X PUT "$app/approval-rules" -d '{"rules":[{"verbs":["ban"],"over_users":100,"needs":[{"group":"leads","count":1}]}],"mass_deletions_a_day":1}' > /dev/null
asker=$(ask "$url/v1/keys" -d '{"owner":"asker","scopes":["users:write"],"apps":["sandbox"]}' | sed -n 's/.*"secret":"\([^"]*\)".*/\1/p')
draft=$(ask "$app/drafts" -d '{"content":{"users":["ann"]}}' | id_of)
ask "$app/limits/policies" -d '{"policy":"default = 4","reason":"test"}' > /dev/null
many=$(seq -s, -f '"banned%g"' 1 101)
wanted() {
  curl --silent --show-error --fail-with-body -H "Authorization: Bearer $asker" -H 'content-type: application/json' \
    "$app/runs" -d "{\"action\":{\"kind\":\"ban\"},\"reason\":\"$1\",\"users\":[$many]}" | run_of
}
approved=$(wanted "to be approved")
refused=$(wanted "to be refused")
spare() { ask "$url/v1/keys" -d "{\"owner\":\"$1\",\"scopes\":[\"devices:read\"],\"apps\":[\"sandbox\"]}" | id_of; }
rotated=$(spare rotated)
revoked=$(spare revoked)
root=$(ask "$url/v1/apps" | sed -n 's/.*"app_root":"\([^"]*\)".*/\1/p')
name=${root##*/}
org=${root%/*}
# Calls of the vendor, whose bodies the document leaves open; the first is allowed once a day.
vendor() { ask -X "$1" "$url/${org##*/}/$name/$2" -H 'X-Reason: test' ${3:+-d "$3"} > /dev/null; }
vendor DELETE 'users?limit=1'
vendor POST users '[{"username":"newcomer","password":"pw"}]'
vendor DELETE users/newcomer
vendor PUT users/user0003/password '{"newpassword":"pw"}'
vendor POST users/batch/status '{"usernames":["user0003"]}'
vendor POST mutes '{"username":"user0003","chat":60}'
vendor POST users/user0003/blocks/users '{"usernames":["user0004"]}'
vendor DELETE users/user0003/blocks/users/user0004
vendor POST users/user0003/presence/ios_1/1 '{"ext":"away"}'
vendor POST users/user0003/presence/60 '{"usernames":["user0004"]}'
vendor POST users/user0003/presence '{"usernames":["user0004"]}'
vendor DELETE users/user0003/presence '{"users":["user0004"]}'
vendor PUT users/user0003/push/binding '{"device_id":"d","device_token":"t","notifier_name":"n"}'
ask "$app/users/user0003/lock" > /dev/null
cat > "$work/known.toml" << END
[parameters]
"path.app" = "sandbox"
"path.org" = "${org##*/}"
"path.name" = "$name"
"path.user" = "user0003"
"path.run" = "$run"
"path.entry" = "0"
"path.schedule" = "night"
"path.watch" = "phones"
"path.scan" = "$scan"
"path.draft" = "$draft"
"path.version" = "1"
"path.device" = "ios_1"
"path.other" = "user0004"
"header.X-Reason" = "test"
"query.format" = "jsonl"

[[operations]]
include-path-regex = "/runs/\\\\{run\\\\}/(start|pause|stop)$"
parameters = { "path.run" = "$held" }

[[operations]]
include-path-regex = "/approvals/\\\\{run\\\\}(/approve)?$"
parameters = { "path.run" = "$approved" }

[[operations]]
include-path-regex = "/approvals/\\\\{run\\\\}/refuse$"
parameters = { "path.run" = "$refused" }

[[operations]]
include-path-regex = "/watches/\\\\{watch\\\\}/stop$"
parameters = { "path.watch" = "old" }

[[operations]]
include-path-regex = "/keys/\\\\{key\\\\}/rotate$"
parameters = { "path.key" = "$rotated" }

[[operations]]
include-path-regex = "/keys/\\\\{key\\\\}$"
parameters = { "path.key" = "$revoked" }
END
# Nothing is known but this: names come from answers, too, and the key of these tests must not be revoked.
cat > "$work/made-up.toml" << 'END'
[[operations]]
include-path-regex = "/keys/\\{key\\}"
parameters = { "path.key" = "none" }
END

# Bodies and answers of lines: each line is a value of the schema.
cat > "$work/lines.py" << 'END'
import json

import schemathesis

LINES = "application/x-ndjson"


@schemathesis.serializer(LINES)
def lines(ctx, value):
    values = value if isinstance(value, list) else [value]
    return "\n".join(json.dumps(one) for one in values).encode()


@schemathesis.deserializer(LINES)
def first_line(ctx, response):
    whole = [json.loads(line) for line in response.content.splitlines() if line.strip()]
    return whole[0] if whole else {}
END

# It keeps what it found where it is run.
cd "$work"

# An answer that never ends cannot be read to its end: `events` of the service's own tests follow it.
for names in made-up known; do
  SCHEMATHESIS_HOOKS=lines PYTHONPATH=$work "$python/bin/schemathesis" --config-file "$work/$names.toml" run "$url/v1/openapi.json" \
    --header "Authorization: Bearer $key" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --exclude-path '/v1/apps/{app}/events' \
    --phases examples,coverage,fuzzing --max-examples "$examples" --request-timeout 60 --no-color
done
kill -0 "$service"

# What is logged has the id of its request, and no secret.
! grep -F -e "$key" -e "$asker" "$work/log"
grep -c '"request' "$work/log" > /dev/null

# Each operation has done what it is for at least once.
curl --silent --show-error "$metrics" > "$work/metrics"
python3 - "$url/v1/openapi.json" "$work/metrics" << 'END'
import json, re, sys, urllib.request

# Why no request of these tests is answered with a success.
LEFT_OUT = {
    "GET /v1/apps/{app}/events": "an answer that never ends",
    "POST /v1/keys/first": "it takes the code that is shown once where there is no key",
    "POST /{org}/{name}/token": "it takes the whole key as a secret, which is in no document",
    "POST /callbacks/{profile}": "it takes the signature of the vendor",
    "GET /v1/apps/{app}/operations/{operation}": "its id is a header of an answer of the vendor's calls",
}
document = json.load(urllib.request.urlopen(sys.argv[1]))
done = set(re.findall(r'requests_total\{method="(\w+)",route="([^"]+)",status="2\d\d"\}', open(sys.argv[2]).read()))
operations = {
    (method.upper(), path)
    for path, item in document["paths"].items()
    for method in item
    if method in ("get", "put", "post", "delete", "patch")
}
missing = [f"{method} {path}" for method, path in sorted(operations - done)]
unknown = set(LEFT_OUT) - {f"{method} {path}" for method, path in operations}
missing = [operation for operation in missing if operation not in LEFT_OUT]
if missing or unknown:
    sys.exit(f"no request brought an answer of: {', '.join(missing)}; there is no: {', '.join(unknown)}")
END
