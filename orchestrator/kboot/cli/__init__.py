"""The command line: each command parses, calls one function, prints.

What is slow to load is imported in the function that needs it: the description's model, Docker, HTTP, cryptography.
So every command line is parsed at once, and each command waits for its own part alone.
"""
