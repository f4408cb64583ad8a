"""
Which servers are unusual in whom they let in and what they refuse, and right all the same?
"""
