"""Tests of the server; `server_parts` has what stands for sockets and workers."""
