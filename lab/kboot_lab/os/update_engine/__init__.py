"""The lab OS's update client: Flatcar's update_engine in small, as it was seen to ask, install and report.

It runs on a machine that has Python and nothing of kboot, and so imports the standard library only.
"""
