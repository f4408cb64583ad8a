"""
What does a request carry besides the job's id, and who says so?
"""
