"""Yotpo Loyalty: customers, sales and returns of the till, points given back, and what its webhooks say."""
