"""
What are an exchange, a job, its life, a promise and a finding, as values?
"""
