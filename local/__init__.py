"""Runs template.yaml on this machine, one folder per AWS service.

Imports nothing of `src`, whose handlers it starts as Lambda does. Read engine.py first.
"""
