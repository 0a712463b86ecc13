"""Settings, each in a process of its own, as they are read for real."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "x1" * 40 + "abcdefghijklm",
    "ALLOWED_HOSTS": "cutouts.example.com",
}
MAIL = {"EMAIL_URL": "smtp+tls://u:p@mail.example.com:587"}
SHOW = "from django.conf import settings; print(settings.{})"


def manage(tmp_path: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    base = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATA_DIR": str(tmp_path / "data")}
    return subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=ROOT,
        env=base | {"MEDIA_ROOT": str(tmp_path / "media")} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def setting(tmp_path: Path, name: str, **environment: str) -> str:
    result = manage(tmp_path, "shell", "--no-imports", "-c", SHOW.format(name), **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_production_refuses_to_start_without_a_key(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", **PRODUCTION | {"SECRET_KEY": ""})
    assert result.returncode != 0
    assert "SECRET_KEY is not set" in result.stderr


def test_production_refuses_to_start_without_hosts(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", **PRODUCTION | {"ALLOWED_HOSTS": ""})
    assert result.returncode != 0
    assert "ALLOWED_HOSTS is not set" in result.stderr


def test_production_passes_the_deployment_checks(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", "--deploy", "--tag", "security", **PRODUCTION)
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


def test_the_local_key_is_made_once(tmp_path: Path) -> None:
    first = setting(tmp_path, "SECRET_KEY")
    assert len(first) >= 50
    assert setting(tmp_path, "SECRET_KEY") == first
    path = tmp_path / "data" / "secret_key"
    assert path.read_text() == first
    assert path.stat().st_mode & 0o077 == 0


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    """They wait for a signal, since starting takes each of them its own time."""
    path, signal = tmp_path / "new" / "secret_key", tmp_path / "go"
    code = (
        "import sys, time; from pathlib import Path\n"
        "from config.environment import local_secret_key\n"
        "key, signal = map(Path, sys.argv[1:]); print('ready', flush=True)\n"
        "while not signal.exists(): time.sleep(0.001)\n"
        "print(local_secret_key(key))"
    )
    command = [sys.executable, "-c", code, str(path), str(signal)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    signal.touch()
    keys = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert keys == {path.read_text()}
    assert list(path.parent.iterdir()) == [path], "no draft is left"


def test_addresses_are_verified_only_where_mail_is_sent(tmp_path: Path) -> None:
    name = "ACCOUNT_EMAIL_VERIFICATION"
    assert setting(tmp_path, name) == "none"
    assert setting(tmp_path, name, **MAIL | {"ALLOWED_HOSTS": "clearcut.lan"}) == "mandatory"


def test_links_in_mails_need_known_hosts(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", **MAIL)
    assert result.returncode != 0
    assert "ALLOWED_HOSTS must name the hosts" in result.stderr


def test_a_database_server_by_address(tmp_path: Path) -> None:
    address = "postgres://u:p@db.example.com:5433/cut"
    assert "postgresql" in setting(tmp_path, "DATABASES", DATABASE_URL=address)


def test_debug_is_off(tmp_path: Path) -> None:
    assert setting(tmp_path, "DEBUG") == "False"


def test_a_provider_needs_its_name_for_us(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", OIDC_SERVER_URL="https://id.example.com")
    assert result.returncode != 0
    assert "OIDC_CLIENT_ID must be set" in result.stderr


def test_a_provider_in_production_needs_https(tmp_path: Path) -> None:
    provider = {"OIDC_SERVER_URL": "http://id.example.com", "OIDC_CLIENT_ID": "x"}
    result = manage(tmp_path, "check", **PRODUCTION | provider)
    assert result.returncode != 0
    assert "must begin with https" in result.stderr


def test_passkeys_on_plain_http_only_on_ones_own_machine(tmp_path: Path) -> None:
    assert setting(tmp_path, "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN") == "True"
    assert setting(tmp_path, "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN", **PRODUCTION) == "False"


@pytest.mark.parametrize(("status", "is_written"), [(500, True), (503, False)])
def test_being_busy_is_no_fault_for_the_log(status: int, is_written: bool) -> None:
    """As Django writes it: the record of an answer carries its status."""
    record = logging.makeLogRecord({"name": "django.request", "status_code": status})
    (name,) = settings.LOGGING["loggers"]["django.request"]["filters"]
    callback = settings.LOGGING["filters"][name]["callback"]
    assert callback(record) is is_written
