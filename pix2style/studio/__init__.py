"""The studio: a page in the browser, served by this machine, in which people stylize photos and train filters.

Only `http_app` and `run_server` import packages of the extra `studio` (Starlette and uvicorn). All others are plain
functions and classes, which know nothing of HTTP.
"""
