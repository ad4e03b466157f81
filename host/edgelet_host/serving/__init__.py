"""Serving functions over HTTP, as Supabase's gateway does.

gateway.py          one request: who may ask, which function answers, what a failure looks like
functions.py        the functions as they are on disk at this moment; what changed is served next
python/             functions in the sandbox, or in the server itself for a debugger
javascript/         functions in Deno, a process each, and the door through which they ask
server.py           all of it, from start to stop
"""
