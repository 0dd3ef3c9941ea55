"""What all pages in the browser share: who may use them, headers, the token, style sheets, and the server's run.

Only `gate` and `run_server` import packages of the extra `studio` (Starlette and uvicorn).
"""
