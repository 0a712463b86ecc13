"""Asks a running Clearcut how it is. As a command: exit code 0 when /healthz is content."""

import http.client
import json
import os
import sys


def host_to_ask_for(allowed: list[str]) -> str:
    """A name that the application answers to, whatever ALLOWED_HOSTS says."""
    names = [host.strip().lstrip(".") for host in allowed if host.strip() not in ("", "*")]
    return "localhost" if not names or "localhost" in names else names[0]


def find_problems(path: str, *, port: int, host: str) -> dict[str, str]:
    """What is wrong according to /healthz or /readyz, by the name of the check."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host})
        checks: dict[str, str] = json.load(connection.getresponse())["checks"]
        return {name: problem for name, problem in checks.items() if problem != "ok"}
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return {"web": "It does not answer."}
    finally:
        connection.close()


def main() -> None:
    host = host_to_ask_for(os.environ.get("ALLOWED_HOSTS", "").split(","))
    problems = find_problems("/healthz", port=int(os.environ.get("PORT") or 8000), host=host)
    sys.exit(" ".join(problems.values()) or 0)  # an empty text would count as a failure


if __name__ == "__main__":
    main()
