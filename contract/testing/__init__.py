"""
How do people's own tests hold a job, or a client of jobs, to the contract?
"""
