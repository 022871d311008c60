"""`python -m fedswitch` is the command `fedswitch`."""

from .cli import main

main()
