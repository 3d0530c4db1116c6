"""Starts the program with its sandbox and a folder of its own, and lets schemathesis compare its answers with the OpenAPI document that it
serves. Prints the counts as Rust's tests do."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

PROGRAM, SCHEMATHESIS, SEED = sys.argv[1:]

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
]
# Nobody is limited, and a place is free again soon: an answer other than 429 is of more interest.
SETTINGS = {
    "LEMON_HTTP__LISTEN": "127.0.0.1:0",
    "LEMON_OPS__LISTEN": "127.0.0.1:0",
    "LEMON_SANDBOX__LISTEN": "127.0.0.1:0",
    "LEMON_SANDBOX__TRAINING_SECONDS": "1",
    "LEMON_HTTP__DRAIN_SECONDS": "0",
    "LEMON_LIMITS__REQUEST_TOKENS_PER_MINUTE": "0",
    "LEMON_LIMITS__SIGN_INS_PER_MINUTE": "0",
    "LEMON_LIMITS__PROFILE_READS_PER_MINUTE": "0",
    "LEMON_SERVICES__LEARN_ME__COOLDOWN_SECONDS": "1",
    "LEMON_SERVICES__LEARN_ME__DAILY_LIMIT": "10000000",
}
# After these calls a token is void, so that each has a token, and a turn, of its own.
ENDING = ["/api/logout", "/api/logout-everywhere", "/api/account"]
OPERATIONS = "/health|/metrics"
# If there are fewer, the document was not understood.
FEWEST = 500


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *given):
        return None


http = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def call(url, form=None, document=None):
    """The headers and the body of an answer, a redirection included."""
    headers = {"Content-Type": "application/json"} if document else {}
    body = json.dumps(document) if document else urllib.parse.urlencode(form) if form else None
    request = urllib.request.Request(url, body and body.encode(), headers)
    try:
        answer = http.open(request, timeout=30)
    except urllib.error.HTTPError as error:
        if not 300 <= error.code < 400:
            raise
        answer = error
    return answer.headers, answer.read()


def sign_in(api, sandbox, person):
    """The token of a made-up person."""
    token = json.loads(call(f"{api}/api/oauth/twitter/request-token")[1])["token"]
    agreed = {"oauth_token": token, "person": person, "decision": "authorize"}
    back = call(f"{sandbox}/oauth/authorize", form=agreed)[0]["Location"]
    verifier = urllib.parse.parse_qs(urllib.parse.urlparse(back).query)["oauth_verifier"][0]
    pair = {"oauth_token": token, "oauth_verifier": verifier}
    return json.loads(call(f"{api}/api/oauth/twitter/twitter-login", document=pair)[1])["access_token"]


def show_errors(log):
    for line in log:
        if '"level":"ERROR"' in line:
            print(line, end="", flush=True)


def start(folder):
    """The running program, and its addresses."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEMON_")}
    program = subprocess.Popen(
        [PROGRAM, "serve"],
        cwd=folder,
        env=environment | SETTINGS | {"LEMON_DATA_DIR": f"{folder}/data", "LEMON_LOG__FORMAT": "json"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    told = []
    for line in program.stderr:
        told.append(line)
        if '"ready to serve"' in line:
            ready = json.loads(line)
            addresses = [f"http://{ready[f'{name}.address']}" for name in ("http", "ops", "sandbox")]
            # Whoever does not read the log stops the program in the end.
            threading.Thread(target=show_errors, args=[program.stderr], daemon=True).start()
            return program, addresses
    sys.exit(f"the program does not start:\n{''.join(told)}")


def compare(folder, document, url, examples, *arguments, token=None):
    """Lets schemathesis run; it prints a curl command for each failure. Answers its report."""
    report = Path(folder) / "report.json"
    report.unlink(missing_ok=True)
    command = [
        SCHEMATHESIS,
        "run",
        document,
        f"--url={url}",
        f"--checks={','.join(CHECKS)}",
        "--phases=examples,coverage,fuzzing",
        f"--max-examples={examples}",
        f"--seed={SEED}",
        "--generation-database=none",
        "--continue-on-failure",
        "--output-sanitize=false",
        "--request-timeout=30",
        "--warnings=off",
        "--suppress-health-check=all",
        "--no-color",
        f"--report-json-path={report}",
        *arguments,
    ]
    if token:
        command.append(f"--header=Authorization: Bearer {token}")
    print(flush=True)
    code = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL).returncode
    if not report.exists():
        sys.exit(f"schemathesis ended with {code}")
    return json.loads(report.read_text())


def all_reports(folder, addresses):
    """A report of each run."""
    api, operations, sandbox = addresses
    document = f"{folder}/openapi.json"
    Path(document).write_bytes(call(f"{api}/v3/api-docs")[1])
    token = sign_in(api, sandbox, 1)
    others = f"--exclude-path-regex=^({OPERATIONS}|{'|'.join(ENDING)})"
    yield compare(folder, document, api, 100, others, token=token)
    yield compare(folder, document, api, 10, f"--exclude-path-regex=^({OPERATIONS})")
    for person, path in enumerate(ENDING, start=2):
        token = sign_in(api, sandbox, person)
        yield compare(folder, document, api, 10, f"--include-path={path}", token=token)
    yield compare(folder, document, operations, 10, f"--include-path-regex=^({OPERATIONS})")


def main():
    with tempfile.TemporaryDirectory(prefix="lemon-answers-") as folder:
        program, addresses = start(folder)
        try:
            reports = list(all_reports(folder, addresses))
        finally:
            program.terminate()
            ended = program.wait(60)
    failures = [(failure["title"], where) for it in reports for failure in it["failures"] for where in failure["operations"]]
    errors = [(error["title"], "schemathesis") for it in reports for error in it["errors"]]
    for title, where in failures + errors:
        print(f"test {where}: {title} ... FAILED")
    cases = sum(it["test_cases"]["generated"] for it in reports)
    failed = sum(it["test_cases"]["with_failures"] for it in reports)
    whole = not failures and not errors and not failed and all(it["exit_code"] == 0 for it in reports)
    result = "ok" if whole else "FAILED"
    print(f"\n{cases} answers compared with the document, seed {SEED}")
    print(f"test result: {result}. {cases - failed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out")
    if cases < FEWEST:
        sys.exit(f"only {cases} cases, which is no comparison")
    if ended:
        sys.exit(f"the program ended with {ended}")
    sys.exit(0 if whole else 1)


main()
