"""
Where do people read what a run came to: in a pull request, in a code scanner, in a browser?
"""
