"""From run folders to tables: small frozen values that the figures draw."""
