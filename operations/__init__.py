"""People watch and steer: the command line, and what each of its commands does."""
