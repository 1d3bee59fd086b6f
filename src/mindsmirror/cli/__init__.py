"""The command line: one thin file a verb; `main` finds them."""
