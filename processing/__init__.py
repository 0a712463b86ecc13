"""The machine room: pixels in, pixels out. No rows, no request, no settings."""
