"""From tables to pictures; the only package that draws."""
