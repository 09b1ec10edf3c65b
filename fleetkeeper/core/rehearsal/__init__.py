"""What a rehearsal rests on and what it says, as values: seen placements, observed times, the report, the picture."""
