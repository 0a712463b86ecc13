"""Database, pictures and key in one folder, while the application runs."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from images.services.backup import Backup, make_backup
from images.services.backup_manifest import BackupRefused


class Command(BaseCommand):
    help = "Makes a backup in a folder of its own below DIR; the application may run meanwhile."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dir", type=Path, help="the folder that keeps the backups")
        parser.add_argument("--keep", type=int, metavar="N", help="delete all but the newest N")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] is not None and options["keep"] < 1:
            raise CommandError("--keep must be at least 1.")
        os.umask(0o077)  # what comes out is for this user alone
        try:
            backup = make_backup(folder=options["dir"].absolute(), keep=options["keep"])
        except (BackupRefused, OSError) as error:
            raise CommandError(f"There is no new backup. {error}") from error
        self.stdout.write(f"{backup.path}: {describe(backup)}")


def describe(backup: Backup) -> str:
    rows = backup.manifest.rows
    text = f"{rows['accounts_user']} people, {rows['images_image']} pictures"
    if backup.copied is None:
        return f"{text}; the files are in object storage, which needs a backup of its own"
    size = filesizeformat(backup.copied.bytes).replace("\xa0", " ")
    return f"{text}, {backup.copied.files} files ({size}), {backup.copied.new} of them new"
