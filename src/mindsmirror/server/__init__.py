"""A trained student behind an address: OpenAI's API over HTTP, decoded in batches, and a page to ask it."""
