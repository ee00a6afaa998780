"""The world becomes events here: files, folders, polls, webhooks; no platform that takes them is known here."""
