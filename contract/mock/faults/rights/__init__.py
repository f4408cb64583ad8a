"""
To whom does a job endpoint show, or tell, too much?
"""
