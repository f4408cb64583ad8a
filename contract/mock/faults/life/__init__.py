"""
What does a poller see that no life of a job can show?
"""
