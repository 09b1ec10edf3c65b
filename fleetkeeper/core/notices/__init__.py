"""Who is told what, when, and why: pure. Start at values.py, then turn.py."""
