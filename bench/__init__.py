"""Measurements of Roomcast beside its peers, run by `python -m bench`.

May import the public faces of src/ and local/; nothing imports it but tests.
Read __main__.py first, then one of suites/.
"""
