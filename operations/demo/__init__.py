"""`tillstream demo`: the whole pipeline on this machine, with a sandbox shop, for a stranger to watch."""
