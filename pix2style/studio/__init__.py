"""The studio: a page in the browser, served by this machine, in which people stylize photos and train filters.

Only `http_app` imports a package of the extra `studio` (Starlette). All others are plain functions and classes, which
know nothing of HTTP.
"""
