"""A generator of believable shops: the same seed gives the same shop, of any size, in little memory."""
