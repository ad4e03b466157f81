"""Servers for tests, all on the loopback interface and all real.

- `tests.servers.llama_server`: llama.cpp's own server over a tiny random model.
- `tests.servers.scripted_server`: an HTTP/1.1 server that sends exactly the bytes, pauses and
  broken connections that a test writes down, and sees when the client leaves.
- `tests.servers.steps`: what a script is made of.
- `tests.servers.answers`: scripts of the answers that Ollama and OpenAI-compatible servers give.
"""
