"""
What has to be known of a job's past when its next answer is judged?
"""
