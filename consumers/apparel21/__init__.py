"""Apparel21: tiers, online customers and vouchers go back to the retailer's own system, over its Retail API (XML)."""
