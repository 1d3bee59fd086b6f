"""One thin file a verb; `main` finds them."""
