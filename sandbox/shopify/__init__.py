"""A simulated Shopify store: the part of its Admin GraphQL API that customers, webhooks and bulk loads need."""
