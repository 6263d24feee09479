"""The command line: each command parses, calls one function, prints.

What is slow to load (templates, image builds, the converter) is imported in the function of the command that needs it,
so that all others start at once.
"""
