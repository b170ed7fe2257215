"""The JSON API, /api/v1: all that the page does, with the same store functions, roles, versions and audit.

Promises typed answers (pydantic), problems as RFC 9457 by the error's class, no caching, and no form token for a
bearer; a browser's session is taken too and must then bring its token. Refuses patient data in addresses.
"""
