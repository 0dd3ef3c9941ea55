"""The human test: a page on which people compare stylizers blindly, and the analysis of their votes.

Only `http_app` imports a package of the extra `studio` (Starlette). All others are plain functions and classes, which
know nothing of HTTP.
"""
