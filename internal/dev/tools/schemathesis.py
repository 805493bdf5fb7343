#!/usr/bin/env python3
"""Runs schemathesis against a server of its own: every operation of openapi.yaml with a developer's token, generated
data good and bad, all checks, always the same cases.

usage: schemathesis.py SERVER_BINARY SCHEMATHESIS [OPTION...]     options go to "st run"

The server listens on loopback with an empty SQLite database in a temporary folder and limits that are not met. Exits 1
if a check fails, the server does not start, or it does not stop cleanly.
"""
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

# These end, or may end, the session whose token the run uses.
EXCLUDED = ["DeleteDeveloper", "Logout", "RevokeSession"]
LIMITS = [
    "key", "developer", "user", "address", "login", "login-account", "refresh", "refresh-session",
    "exchange", "exchange-user", "exchange-refused", "verify", "verify-refused", "ingest", "public", "pairing", "pairings",
]
EXAMPLES, SEED = 50, 1
EMAIL = "schemathesis@example.com"
READY = re.compile(r"^openwearables is ready on (http://\S+) ", re.MULTILINE)
RUN_TIMEOUT = 15 * 60  # seconds

TOOLS = os.path.dirname(os.path.abspath(__file__))
SPEC = os.path.join(TOOLS, "..", "..", "..", "openapi.yaml")

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main(binary, st, *options):
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENWEARABLES_")}
    password = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="schemathesis-") as folder:
        database = "sqlite:" + os.path.join(folder, "openwearables.db")
        create = [binary, "developer", "create", "--database", database, "--email", EMAIL, "--password-stdin"]
        subprocess.run(create, input=password + "\n", text=True, check=True, env=env, timeout=30)
        with open(os.path.join(folder, "log"), "w+") as log:
            limits = [f"--limit-{name}=100000000" for name in LIMITS]
            serve = [binary, "serve", "--addr", "127.0.0.1:0", "--database", database, *limits]
            server = subprocess.Popen(serve, stdout=log, stderr=subprocess.STDOUT, env=env)
            try:
                base = await_ready(server, log.name)
                failed = run(st, base, login(base, password), folder, env, options)
            except BaseException:
                server.kill()
                server.wait()
                show(log)
                raise
            failed = not stop(server) or failed
            if failed:
                show(log)
    return int(failed)


def await_ready(server, log):
    """Returns the URL that the server prints when it is ready."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        ended = server.poll() is not None
        with open(log, encoding="utf-8") as lines:
            if ready := READY.search(lines.read()):
                return ready[1]
        if ended:
            sys.exit(f"the server ended with status {server.returncode} before it was ready")
        time.sleep(0.05)
    sys.exit("the server was not ready within 30 s")


def login(base, password):
    body = json.dumps({"email": EMAIL, "password": password}).encode()
    request = urllib.request.Request(base + "/api/v1/auth/login", body, {"Content-Type": "application/json"})
    with direct.open(request, timeout=10) as answer:
        return json.load(answer)["access_token"]


def run(st, base, token, folder, env, options):
    command = [
        os.path.abspath(st), "run", SPEC,
        "--url", base + "/api/v1", "--header", "Authorization: Bearer " + token,
        "--checks", "all", "--mode", "all", "--phases", "examples,coverage,fuzzing,stateful",
        "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--generation-database", "none",
        "--workers", "1", "--request-timeout", "10", "--no-color",
        # Refused whatever else is sent: a second credential beside the developer's, and U+0000.
        "--generation-with-security-parameters", "false", "--generation-allow-x00", "false",
    ]
    for operation in EXCLUDED:
        command += ["--exclude-operation-id", operation]
    env = {**env, "NO_PROXY": "127.0.0.1", "SCHEMATHESIS_HOOKS": os.path.join(TOOLS, "schemathesis_hooks.py")}
    # It leaves a cache in the folder where it runs.
    return subprocess.run([*command, *options], cwd=folder, env=env, timeout=RUN_TIMEOUT).returncode != 0


def stop(server):
    server.send_signal(signal.SIGTERM)
    try:
        status = server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
        status = "none: it had to be killed after 10 s"
    if status != 0:
        print(f"the server's exit status was {status}", file=sys.stderr)
    return status == 0


def show(log):
    log.seek(0)
    lines = [line for line in log if '"level":"INFO"' not in line]
    print(f"--- the last of {len(lines)} lines of the server's log past INFO", file=sys.stderr)
    sys.stderr.writelines(lines[-20:])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
