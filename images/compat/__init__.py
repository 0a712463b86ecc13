"""Interfaces of other services, so that programs written for those work here."""
