"""A simulated Apparel21 Retail API: persons, rewards, orders and vouchers, and a till that changes them meanwhile."""
