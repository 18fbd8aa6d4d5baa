"""The only code that uses waitress beyond its documented settings.

tests/web/server/test_waitress_contract.py names every internal it relies on.
"""
