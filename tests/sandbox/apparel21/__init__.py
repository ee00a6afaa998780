"""What the simulated Retail API does."""
