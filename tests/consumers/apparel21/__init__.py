"""What goes to Apparel21, and what becomes of it."""
