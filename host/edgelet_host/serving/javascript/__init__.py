"""Functions in JavaScript: a process of Deno for each, and the door through which they ask."""
