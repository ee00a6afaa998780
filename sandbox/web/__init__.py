"""What every simulated platform is made of: a server, faults on demand, a request log, and a way to read it out."""
