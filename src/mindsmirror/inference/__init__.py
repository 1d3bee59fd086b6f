"""A trained student in use: it answers, thinks, votes, and weights its votes by its own verdicts (mirror)."""
