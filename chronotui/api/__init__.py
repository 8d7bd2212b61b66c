"""HTTP: the only room that knows httpx."""
