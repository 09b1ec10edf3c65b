"""What was found, as machines take it: flat rows, SARIF, JUnit, Markdown, baselines; values in, values and text out."""
