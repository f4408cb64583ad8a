"""
Which small changes of recorded answers does the judge notice?
"""
