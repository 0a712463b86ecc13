"""The HTTP interface of remove.bg, so that programs written for it work by changing the address."""
