"""What people have subscribed to and read: subscriptions, and the summaries of rooms that are followed.

Imports the other modules of `storage`, except `log`. Read `subscriptions.py` first.
"""
