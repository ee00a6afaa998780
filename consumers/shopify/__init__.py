"""Shopify: a sign-up at a till becomes a customer of the shop, and the shop's customers and consent come back."""
