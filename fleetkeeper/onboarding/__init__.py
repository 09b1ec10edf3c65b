"""What an account or cluster owner is asked for, as text to copy: start at account.py and cluster.py."""
