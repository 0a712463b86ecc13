"""The way back from a backup."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from images.services.backup_manifest import BackupRefused
from images.services.backup_restore import restore_backup


class Command(BaseCommand):
    help = "Puts a backup back. DIR is one backup, or a folder of backups: then the newest."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dir", type=Path)
        parser.add_argument(
            "--force",
            action="store_true",
            help="also where there are people or pictures; they are kept aside",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # what comes out is for this user alone
        try:
            restored = restore_backup(folder=options["dir"].absolute(), force=options["force"])
        except (BackupRefused, OSError) as error:
            raise CommandError(f"Nothing was restored. {error}") from error
        manifest = restored.manifest
        self.stdout.write(
            f"Restored the backup of {manifest.made_at}, made by version {manifest.version}:"
            f" {manifest.rows['accounts_user']} people, {manifest.rows['images_image']} pictures."
        )
        for folder in restored.aside:
            self.stdout.write(f"What was there before is in {folder}")
