"""The proof of the order: closed forms, a simulator, replay of a site's own days, and what reports said."""
