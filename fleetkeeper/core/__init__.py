"""Pure values and decisions: values in, values out; no vendor library, clock, disk or network."""
