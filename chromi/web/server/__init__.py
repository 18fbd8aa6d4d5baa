"""The only code that uses waitress beyond its documented settings.

tests/web/server/test_waitress_contract.py checks every internal that this code relies on.
"""
