"""What differs between Linux, macOS and Windows, behind functions that work on all of them.

A function of the operating system is looked for by `hasattr` instead of by the system's name where that is possible: it
can also be missing in a sandbox.
"""
