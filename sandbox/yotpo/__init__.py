"""A simulated Yotpo Loyalty account: API v2, points, tiers, redemptions and webhooks."""
