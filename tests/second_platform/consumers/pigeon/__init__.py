"""A platform that takes letters: the smallest whole example of docs/add-a-platform.md."""
