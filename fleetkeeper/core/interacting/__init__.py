"""What people say by clicking: pure. Start at values.py."""
