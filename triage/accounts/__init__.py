"""Who may come in, whatever the door: passwords, sign-in, sessions, tokens, those who vouch for people.

Promises the same words and the same work for a wrong name and a wrong password, tries counted for all
processes together, and nothing secret in a log. Knows no web framework.
"""
