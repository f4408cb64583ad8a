"""
Where does a promise stand written, how does a job live by it, and which codes need none?
"""
