"""From a description to services that answer, and what that would change."""
