"""The models of JavaScript hosts, below Python: files, cache, engines."""
